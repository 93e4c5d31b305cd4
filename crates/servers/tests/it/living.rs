//! Two servers from start to end.

use servers::{Binaries, Nats, Postgres, Progress, Scratch, Servers};
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub async fn binaries() -> Binaries {
    tokio::task::spawn_blocking(|| Binaries::find(Progress::Lines))
        .await
        .expect("finding does not panic")
        .expect("this machine has both servers, or can fetch them")
}

async fn ask(url: &str, question: &'static str) -> String {
    let mut connection = PgConnection::connect(url)
        .await
        .expect("the server accepts connections");
    let answer = sqlx::query_scalar(question)
        .fetch_one(&mut connection)
        .await
        .expect("the statement is right");
    connection.close().await.expect("the connection is open");
    answer
}

#[tokio::test]
async fn both_servers_start_answer_and_stop() {
    let scratch = Scratch::new().expect("there is a place for temporary files");
    let servers = Servers::start(&binaries().await, scratch.path())
        .await
        .expect("both start");
    let url = servers.postgres.url("postgres");
    for setting in [
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "data_checksums",
    ] {
        let mut connection = PgConnection::connect(&url)
            .await
            .expect("the server accepts connections");
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(&mut connection)
            .await
            .expect("the setting exists");
        assert_eq!(value, "on", "{setting}");
    }
    servers.stop().await.expect("both stop");
    assert!(PgConnection::connect(&url).await.is_err());
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_crash() {
    let scratch = Scratch::new().expect("there is a place for temporary files");
    let binaries = binaries().await.postgres;
    let postgres = Postgres::start(&binaries, scratch.path())
        .await
        .expect("it starts");
    postgres
        .create_database("ledger")
        .await
        .expect("it is a new name");
    let mut connection = PgConnection::connect(&postgres.url_as("ledger", "ledger"))
        .await
        .expect("the role may connect");
    for statement in [
        "CREATE TABLE fact (said TEXT)",
        "INSERT INTO fact VALUES ('told')",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .expect("the owner may write");
    }
    postgres.kill().expect("it is ours");

    let postgres = Postgres::start(&binaries, scratch.path())
        .await
        .expect("it recovers");
    assert_eq!(
        ask(
            &postgres.url_as("ledger", "ledger"),
            "SELECT said FROM fact"
        )
        .await,
        "told"
    );
    postgres.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_database_is_cloned_and_belongs_to_its_role_only() {
    let scratch = Scratch::new().expect("there is a place for temporary files");
    let postgres = Postgres::start(&binaries().await.postgres, scratch.path())
        .await
        .expect("it starts");
    for name in ["binding", "settlement", "settlement"] {
        postgres
            .create_database(name)
            .await
            .expect("a name may be asked for twice");
    }
    postgres
        .clone_database("settlement", "settlement_1")
        .await
        .expect("nobody is connected to it");

    assert_eq!(
        ask(
            &postgres.url_as("settlement", "settlement_1"),
            "SELECT current_database()::text"
        )
        .await,
        "settlement_1"
    );
    assert!(
        PgConnection::connect(&postgres.url_as("binding", "settlement"))
            .await
            .is_err(),
        "a stranger"
    );
    let without_password = format!(
        "postgres://settlement@127.0.0.1:{}/settlement",
        postgres.port()
    );
    assert!(
        PgConnection::connect(&without_password).await.is_err(),
        "nobody in particular"
    );

    postgres
        .drop_database("settlement_1")
        .await
        .expect("it is there");
    postgres
        .drop_database("settlement_1")
        .await
        .expect("it may be gone already");
    assert!(
        !postgres
            .has_database("settlement_1")
            .await
            .expect("the server answers")
    );
    postgres.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_data_directory_of_another_version_is_named_and_left_alone() {
    let scratch = Scratch::new().expect("there is a place for temporary files");
    let cluster = scratch.path().join("cluster");
    std::fs::create_dir(&cluster).expect("the directory is new");
    std::fs::write(cluster.join("PG_VERSION"), "9\n").expect("the directory is ours");
    let refused = Postgres::start(&binaries().await.postgres, scratch.path())
        .await
        .expect_err("nobody reads version 9");
    assert!(
        refused.to_string().contains("made by PostgreSQL 9"),
        "{refused}"
    );
    assert!(cluster.join("PG_VERSION").exists());
}

/// Sends a line of JetStream's own protocol and gives back the answer's body.
async fn request(nats: &Nats, subject: &str, body: &str) -> String {
    let stream = TcpStream::connect(("127.0.0.1", nats.port()))
        .await
        .expect("the server accepts connections");
    let mut stream = BufReader::new(stream);
    let said = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB answer 1\r\nPUB {subject} answer {}\r\n{body}\r\n",
        body.len()
    );
    stream
        .write_all(said.as_bytes())
        .await
        .expect("the connection is open");
    loop {
        let mut line = String::new();
        stream
            .read_line(&mut line)
            .await
            .expect("the connection is open");
        if line.starts_with("PING") {
            stream
                .write_all(b"PONG\r\n")
                .await
                .expect("the connection is open");
        }
        if let Some(about) = line.strip_prefix("MSG ") {
            let length = about
                .split_whitespace()
                .last()
                .expect("the length comes last");
            let mut answer = vec![0; length.parse().expect("the length is a number")];
            stream
                .read_exact(&mut answer)
                .await
                .expect("the connection is open");
            return String::from_utf8(answer).expect("JSON is UTF-8");
        }
        assert!(
            !line.is_empty() && !line.starts_with("-ERR"),
            "the server hung up: {line}"
        );
    }
}

#[tokio::test]
async fn a_killed_broker_keeps_its_streams_and_a_wiped_one_does_not() {
    let scratch = Scratch::new().expect("there is a place for temporary files");
    let mut nats = Nats::start(&binaries().await.nats, &scratch.path().join("nats"))
        .await
        .expect("it starts");
    let url = nats.url();
    let made = request(
        &nats,
        "$JS.API.STREAM.CREATE.facts",
        r#"{"name":"facts","subjects":["facts.>"],"storage":"file"}"#,
    )
    .await;
    assert!(made.contains("\"name\":\"facts\""), "{made}");
    assert!(nats.wipe().is_err(), "a running server is not wiped");

    nats.kill().expect("it is ours");
    nats.restart().await.expect("the port is still free");
    assert_eq!(nats.url(), url);
    assert!(
        !request(&nats, "$JS.API.STREAM.INFO.facts", "")
            .await
            .contains("stream not found")
    );

    nats.kill().expect("it is ours");
    nats.wipe().expect("it does not run");
    nats.restart().await.expect("the port is still free");
    assert_eq!(nats.url(), url);
    assert!(
        request(&nats, "$JS.API.STREAM.INFO.facts", "")
            .await
            .contains("stream not found")
    );
    nats.stop().await.expect("it stops");
}
