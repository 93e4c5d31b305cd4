//! What was refused of a file, line by line, in a file beside it.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use proto::common::v1::Reason;

/// The file beside `file` whose name ends differently.
pub fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// A text as a value of a CSV file.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "'"))
}

/// The refused rows. The file is made with the first of them.
pub struct Refusals {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    count: u64,
}

impl Refusals {
    /// Refusals go to `path`, or beside `file`.
    pub fn new(path: Option<&Path>, file: &Path) -> Self {
        Self {
            path: path.map_or_else(|| beside(file, ".refused.csv"), Path::to_path_buf),
            file: None,
            count: 0,
        }
    }

    /// How many there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Notes a row that a service refused.
    pub fn refuse(&mut self, line: usize, reason: Option<&Reason>) -> anyhow::Result<()> {
        let (code, cause) = reason
            .map(|reason| (reason.code.as_str(), reason.en.as_str()))
            .unwrap_or_default();
        self.note(line, code, cause)
    }

    /// Notes a line that is no row.
    pub fn unread(&mut self, line: usize, why: &str) -> anyhow::Result<()> {
        self.note(line, "MALFORMED_REQUEST", why)
    }

    fn note(&mut self, line: usize, code: &str, cause: &str) -> anyhow::Result<()> {
        self.count += 1;
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let path = &self.path;
                let file = File::create(path)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                let file = none.insert(BufWriter::new(file));
                writeln!(file, "line,code,cause")?;
                file
            }
        };
        writeln!(file, "{line},{code},{}", quoted(cause))?;
        Ok(())
    }

    /// Where they stand, if there are any.
    pub fn finish(mut self) -> anyhow::Result<Option<PathBuf>> {
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        file.flush()?;
        Ok(Some(self.path))
    }
}
