//! `cargo stack …`: chooses what to build for a command, in which profile, and becomes it.
//!
//! This is a crate of its own, without dependencies, for two reasons. `prepare` must work while the
//! services do not compile, since it is what makes them compile; so it cannot be part of `stack`, which
//! holds them all. And a bench must be built optimised while everything else is not, which only
//! something that runs before the build can decide.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());

    if arguments.first().is_some_and(|first| first == "breaking") {
        return breaking();
    }
    let mut command = Command::new(&cargo);
    command.arg("run");
    match arguments
        .first()
        .map(OsString::as_os_str)
        .and_then(OsStr::to_str)
    {
        Some("prepare") => {
            command
                .args(["--package", "servers", "--bin", "prepare", "--"])
                .args(&arguments[1..]);
        }
        Some("bench") => {
            command
                .args(["--release", "--package", "stack", "--"])
                .args(&arguments);
        }
        _ => {
            command.args(["--package", "stack", "--"]).args(&arguments);
        }
    }

    // `cargo run` tells us which package we are. Handed on, that would make build scripts that look at it (ring's) run again,
    // and everything above them be compiled again, in turn with every cargo that is called directly.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(describes_a_package) {
            command.env_remove(name);
        }
    }

    // Becoming the command, instead of waiting for it, keeps one process: signals and the exit code need no forwarding.
    let error = command.exec();
    eprintln!("error: cannot run {}: {error}", cargo.display());
    ExitCode::FAILURE
}

/// Compares `proto/` with the last release (the last tag), with buf from the npm registry.
///
/// A change that an older client or a stored event cannot read is an error: events evolve by adding fields.
fn breaking() -> ExitCode {
    let described = Command::new("git")
        .args(["describe", "--tags", "--abbrev=0"])
        .output();
    let tag = match described {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        Ok(_) => {
            println!("there is no release yet (no git tag), so there is nothing to break");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: cannot run git: {error}");
            return ExitCode::FAILURE;
        }
    };
    let against = format!(".git#tag={tag},subdir=proto");
    let error = Command::new("npx")
        .args([
            "--yes",
            "@bufbuild/buf@1.75.0",
            "breaking",
            "proto",
            "--against",
            &against,
        ])
        .exec();
    eprintln!("error: cannot run npx, which comes with Node.js: {error}");
    ExitCode::FAILURE
}

fn describes_a_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}
