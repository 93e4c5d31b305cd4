//! Whoever gives up waiting leaves nothing behind.

use std::pin::pin;

use futures::poll;

use crate::world::{database, open};

/// More steps than it takes to begin, so that every one of them was the last once.
const STEPS: usize = 12;

#[tokio::test]
async fn a_transaction_whose_beginning_is_given_up_is_not_left_open() {
    let mut one = database("giving_up").await;
    one.max_connections = 1;
    let (db, onlooker) = (open(&one).await, open(&one).await);
    for steps in 0..STEPS {
        {
            let mut begin = pin!(chassis::db::begin(&db));
            for _ in 0..steps {
                if poll!(&mut begin).is_ready() {
                    break;
                }
                // Asking somebody else lets the answer to BEGIN arrive, as it would in a busy service.
                sqlx::query("SELECT").execute(&onlooker).await.unwrap();
            }
        }
        // What the next borrower of the connection writes on its own is there for everybody.
        sqlx::query("INSERT INTO effect (binding_id, version) VALUES ('a', $1)")
            .bind(i64::try_from(steps).unwrap())
            .execute(&db)
            .await
            .unwrap();
        let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM effect")
            .fetch_one(&onlooker)
            .await
            .unwrap();
        assert_eq!(
            seen,
            i64::try_from(steps).unwrap() + 1,
            "given up after {steps} steps"
        );
    }
}
