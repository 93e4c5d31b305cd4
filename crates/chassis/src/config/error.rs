//! What is wrong with a configuration, in one sentence that says where and what to do.
//!
//! Values are left out on purpose: the wrong value of a setting may be the right password of another.

use figment::error::Kind;
use figment::{Error, Metadata, Source};

use super::SEPARATOR;
use super::environment::ENVIRONMENT;

/// The sentence for the first thing that is wrong.
pub(super) fn sentence(error: &Error, prefix: &str) -> String {
    let place = place(error.metadata.as_ref());
    let key = error.path.join(".");
    match &error.kind {
        Kind::MissingField(name) => {
            let key = below(&key, name);
            let variable = key.to_ascii_uppercase().replace('.', SEPARATOR);
            format!(
                "the setting `{key}` is missing: give it in the configuration file or as {prefix}{SEPARATOR}{variable}"
            )
        }
        Kind::UnknownField(_, known) => format!(
            "the setting `{key}`{} is not known: use one of {}",
            inside(place.as_ref()),
            known.join(", ")
        ),
        Kind::UnknownVariant(_, known) => format!(
            "the setting `{key}`{} must be one of {}",
            inside(place.as_ref()),
            known.join(", ")
        ),
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
            format!(
                "the setting `{key}`{} must be {expected}",
                inside(place.as_ref())
            )
        }
        other => {
            let said = other.to_string();
            // A parser shows the line that it cannot read below its first line, and with it what stands there.
            let said = said.lines().next().unwrap_or_default();
            match place {
                Some(place) if key.is_empty() => format!("{place} cannot be read: {said}"),
                place => format!(
                    "the setting `{key}`{} cannot be used: {said}",
                    inside(place.as_ref())
                ),
            }
        }
    }
}

/// Where the setting was read.
fn place(metadata: Option<&Metadata>) -> Option<String> {
    let metadata = metadata?;
    match &metadata.source {
        Some(Source::File(path)) => Some(format!("the file {}", path.display())),
        _ if metadata.name == ENVIRONMENT => Some(ENVIRONMENT.to_owned()),
        _ => Some("the built-in defaults".to_owned()),
    }
}

fn inside(place: Option<&String>) -> String {
    place
        .map(|place| format!(" in {place}"))
        .unwrap_or_default()
}

fn below(key: &str, name: &str) -> String {
    if key.is_empty() {
        name.to_owned()
    } else {
        format!("{key}.{name}")
    }
}
