//! Who may depend on whom among the crates of this workspace.
//!
//! The table is the architecture's, line by line. It is compared with what cargo itself says, so a dependency that
//! crosses a border fails here and not in a review.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What a service stands on. No service is in the list: they know each other through `proto` only.
const UNDER_A_SERVICE: &[&str] = &["kernel", "policy", "proto", "chassis"];

/// Everything that is deployed, for those who put it together.
const DEPLOYED: &[&str] = &[
    "kernel",
    "policy",
    "proto",
    "chassis",
    "binding",
    "authorization",
    "settlement",
    "notification",
    "gateway",
];

/// Each crate, and those of ours that it may use.
fn table() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let with =
        |base: &[&'static str], more: &[&'static str]| base.iter().chain(more).copied().collect();
    BTreeMap::from([
        ("kernel", with(&[], &[])),
        ("policy", with(&["kernel"], &[])),
        ("proto", with(&["kernel"], &[])),
        ("chassis", with(&["kernel", "proto"], &[])),
        ("binding", with(UNDER_A_SERVICE, &[])),
        ("authorization", with(UNDER_A_SERVICE, &[])),
        ("settlement", with(UNDER_A_SERVICE, &[])),
        ("notification", with(UNDER_A_SERVICE, &[])),
        // It holds no rules of its own: what it shows, a service decided.
        ("gateway", with(&["kernel", "proto", "chassis"], &[])),
        ("gongji", with(DEPLOYED, &[])),
        // It starts servers for those who prepare the services' SQL, so it must not need the services to compile.
        ("servers", with(&[], &[])),
        // Chooses what to build for `cargo stack` before anything is built, so it stands on nothing.
        ("launch", with(&[], &[])),
        ("stack", with(DEPLOYED, &["gongji", "servers"])),
        ("tests", with(DEPLOYED, &["gongji", "servers", "stack"])),
    ])
}

/// What a test of these crates may use besides: real servers.
const TESTED_WITH_SERVERS: &[&str] = &[
    "chassis",
    "binding",
    "authorization",
    "settlement",
    "notification",
];

#[test]
fn every_crate_depends_only_on_what_the_architecture_lets_it() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .other_options(["--offline".to_owned()])
        .no_deps()
        .exec()
        .expect("cargo reads its own workspace");
    let members = metadata.workspace_packages();
    let ours: BTreeSet<&str> = members
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let table = table();
    assert_eq!(
        ours,
        table.keys().copied().collect(),
        "the table lists every crate, and no others"
    );

    let mut crossed = Vec::new();
    for package in &members {
        let name = package.name.as_str();
        for dependency in &package.dependencies {
            let on = dependency.name.as_str();
            let for_tests = dependency.kind == DependencyKind::Development
                && on == "servers"
                && TESTED_WITH_SERVERS.contains(&name);
            if ours.contains(on) && !for_tests && !table[name].contains(on) {
                crossed.push(format!("{name} → {on} ({})", dependency.kind));
            }
        }
    }
    assert!(
        crossed.is_empty(),
        "these dependencies cross a border: {}",
        crossed.join(", ")
    );
}

#[test]
fn no_crate_reaches_itself_by_the_table() {
    let table = table();
    for start in table.keys() {
        let (mut reached, mut open) = (BTreeSet::new(), vec![*start]);
        while let Some(name) = open.pop() {
            for next in &table[name] {
                assert_ne!(next, start, "{start} is reached from itself through {name}");
                if reached.insert(*next) {
                    open.push(next);
                }
            }
        }
    }
}
