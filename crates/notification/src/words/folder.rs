//! A place's own files of words.

use std::collections::BTreeMap;
use std::path::Path;

use super::WordsError;
use super::check::{Fault, Wrong};
use crate::notice::ROWS;

/// The files of a folder by the name of what they say; and those that say nothing anybody is told.
pub(super) fn read(
    folder: Option<&Path>,
) -> Result<(BTreeMap<String, String>, Vec<Fault>), WordsError> {
    let (mut files, mut faults) = (BTreeMap::new(), Vec::new());
    let Some(folder) = folder else {
        return Ok((files, faults));
    };
    let unreadable = |source| WordsError::Folder {
        path: folder.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if ROWS.iter().any(|row| row.file == name) {
            files.insert(name, std::fs::read_to_string(&path).map_err(unreadable)?);
        } else {
            faults.push(Fault {
                file: name,
                text: None,
                wrong: Wrong::Unknown,
            });
        }
    }
    Ok((files, faults))
}
