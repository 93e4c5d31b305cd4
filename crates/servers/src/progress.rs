//! What a person at the terminal sees while something takes its time.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

/// How progress is shown. Everything goes to standard error; standard output belongs to results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A spinner that is replaced by one line when the step is done.
    Terminal,
    /// A line when a step begins and one when it is done.
    Lines,
    /// Nothing: for tests.
    Silent,
}

impl Progress {
    /// A spinner where somebody is watching, lines otherwise.
    pub fn to_stderr() -> Self {
        if stderr().is_terminal() {
            Self::Terminal
        } else {
            Self::Lines
        }
    }

    /// Says that `what` has begun. A step that is dropped without [`Step::done`] disappears: the error speaks for it.
    pub fn step(self, what: impl Into<String>) -> Step {
        let what = what.into();
        let spinner = match self {
            Self::Terminal => {
                let spinner = ProgressBar::new_spinner().with_message(format!("{what} …"));
                spinner.enable_steady_tick(Duration::from_millis(100));
                Some(spinner)
            }
            Self::Lines => {
                eprintln!("{what} …");
                None
            }
            Self::Silent => None,
        };
        Step {
            what,
            progress: self,
            spinner,
            since: Instant::now(),
        }
    }
}

/// Something that has begun and is not done yet.
#[derive(Debug)]
pub struct Step {
    what: String,
    progress: Progress,
    spinner: Option<ProgressBar>,
    since: Instant,
}

impl Step {
    /// Says that the step is done, what came of it, and how long it took.
    pub fn done(self, result: &str) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
        if self.progress != Progress::Silent {
            let took = self.since.elapsed();
            eprintln!(
                "{}: {result} ({}.{} s)",
                self.what,
                took.as_secs(),
                took.subsec_millis() / 100
            );
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}
