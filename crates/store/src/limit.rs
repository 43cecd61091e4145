//! How long the database may take.
//!
//! A database that answers nothing is noticed by the driver. One that blocks, because of `db.fsyncLock()`, a full disk or a
//! long backup, keeps a request waiting for as long as that lasts, and the driver has no limit for the wait for one of its
//! connections. Therefore every operation is broken off after a while. What the server makes of a write that was broken off
//! outside a transaction is not known; one in a transaction has no effect without the commit.

use std::time::Duration;

use mongodb::error::{Error, Result};
use tokio::time::timeout;

use crate::error::Busy;

/// How long one operation may take, its wait for a connection included.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// Waits for an operation of the database: `in_time(users.insert_one(user)).await?`.
///
/// # Errors
///
/// Those of the operation; one that [`is_busy`](crate::is_busy) after 5 s.
pub async fn in_time<T>(operation: impl IntoFuture<Output = Result<T>>) -> Result<T> {
    // A timer of its own is cheap compared with any operation.
    match timeout(ANSWERED_WITHIN, operation.into_future()).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::custom(Busy::Slow)),
    }
}
