//! One Postgres for all tests of this binary, and a fresh copy of the service's database for each.

use chassis::config;
use servers::{Binaries, Postgres, Progress, Scratch};
use settlement::MIGRATIONS;
use sqlx::PgPool;
use tokio::sync::OnceCell;

/// The server, and the directory it lives in. It ends with the process, and what it leaves is swept by the next run.
static SERVER: OnceCell<(Postgres, Scratch)> = OnceCell::const_new();

const TEMPLATE: &str = "settlement";

/// An empty database of the service.
pub async fn empty() -> PgPool {
    let (server, _) = SERVER.get_or_init(start).await;
    let name = format!("story_{}", kernel::EventId::generate().uuid().simple());
    server
        .clone_database(TEMPLATE, &name)
        .await
        .expect("nobody is connected to the template");
    chassis::db::open(&at(server, &name), &MIGRATIONS)
        .await
        .expect("a copy of the template has its schema")
}

async fn start() -> (Postgres, Scratch) {
    let binaries = tokio::task::spawn_blocking(|| Binaries::find(Progress::Lines))
        .await
        .expect("finding does not panic")
        .expect("this machine has both servers, or can fetch them");
    let scratch = Scratch::new().expect("there is a place for temporary files");
    let server = Postgres::start(&binaries.postgres, scratch.path())
        .await
        .expect("Postgres starts");
    server
        .create_database(TEMPLATE)
        .await
        .expect("it is a new name");
    chassis::db::migrate(&at(&server, TEMPLATE), &MIGRATIONS)
        .await
        .expect("the migrations apply");
    (server, scratch)
}

fn at(server: &Postgres, database: &str) -> config::Database {
    config::Database {
        url: server.url_as(TEMPLATE, database).into(),
        max_connections: 16,
        allow_unsafe_durability: false,
    }
}
