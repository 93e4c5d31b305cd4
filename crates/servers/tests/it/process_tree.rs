//! Nothing is left running when the process that started it is gone.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use servers::{Scratch, Servers};

use crate::living::binaries;

const HOME: &str = "GONGJI_TEST_HOME";

/// Not a test by itself: the process that the test below starts and kills.
#[tokio::test]
#[ignore = "started by the test below"]
async fn the_parent_that_is_killed() {
    let home = env::var_os(HOME).expect("the other test says where");
    let servers = Servers::start(&binaries().await, Path::new(&home))
        .await
        .expect("both start");
    println!(
        "\nservers {} {}",
        servers.postgres.id(),
        servers.nats.id().expect("it runs")
    );
    std::future::pending::<()>().await;
}

#[test]
fn a_parent_that_is_killed_takes_its_servers_with_it() {
    let scratch = Scratch::new().expect("there is a place for temporary files");
    let mut parent = Command::new(env::current_exe().expect("this test is a program"))
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "process_tree::the_parent_that_is_killed",
        ])
        .env(HOME, scratch.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test can be started again");
    let mut lines = BufReader::new(parent.stdout.take().expect("it is piped")).lines();
    let servers: Vec<u32> = lines
        .find_map(|line| {
            Some(
                line.ok()?
                    .strip_prefix("servers ")?
                    .split(' ')
                    .map(|id| id.parse().ok())
                    .collect(),
            )
        })
        .flatten()
        .expect("the parent says which servers it has started");
    assert!(servers.iter().all(|id| is_running(*id)), "{servers:?}");

    parent.kill().expect("it is ours");
    parent.wait().expect("it is ours");

    let deadline = Instant::now() + Duration::from_secs(20);
    while servers.iter().any(|id| is_running(*id)) {
        assert!(Instant::now() < deadline, "still running: {servers:?}");
        std::thread::yield_now();
    }
}

/// A process that has ended and is not yet waited for by init does not run.
fn is_running(id: u32) -> bool {
    fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|about| {
        about
            .rsplit_once(") ")
            .is_some_and(|(_, state)| !state.starts_with('Z'))
    })
}
