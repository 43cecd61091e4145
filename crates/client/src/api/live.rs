//! The API of the live gateway, of which browsers use the rest.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use super::call::Api;
use super::failure::Failure;

/// How long a page waits for the gateway, without which it is complete.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Now {
    position: String,
}

impl Api {
    /// The position that a page begins to follow changes from: asked for before the page reads anything else, so that
    /// nothing happens unseen. `None` while the gateway is away: the page is not live then.
    pub(crate) async fn position(&self) -> Option<String> {
        match timeout(ANSWERS_WITHIN, self.get::<Now>(self.live(), "/api/live/position")).await {
            Ok(Ok(answer)) => Some(answer.value.position),
            Ok(Err(Failure::Away { cause, .. })) => {
                tracing::debug!("a page is not live: {cause:#}");
                None
            }
            Ok(Err(_)) => None,
            Err(_) => {
                tracing::debug!("a page is not live: the gateway does not answer within {ANSWERS_WITHIN:?}");
                None
            }
        }
    }
}
