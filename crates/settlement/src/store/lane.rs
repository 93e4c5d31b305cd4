//! How the connections of the writer plan their statements.

use sqlx::PgConnection;

/// Makes a connection plan each statement once, and always by keys.
///
/// Every statement of a batch finds its rows by key, whatever the number of commands, so planning it again for each batch
/// gains nothing and costs as much as running it. Without sequential scans a plan that was made while a table was small
/// stays right when it has grown.
pub async fn prepare(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        -- settlement.prepare_lane
        SELECT set_config('plan_cache_mode', 'force_generic_plan', false) AS plans,
               set_config('enable_seqscan', 'off', false) AS scans
        "#,
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}
