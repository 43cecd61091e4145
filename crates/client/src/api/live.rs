//! The API of the live gateway, of which browsers use the rest.

use serde::Deserialize;

use super::call::Api;
use super::failure::Failure;

#[derive(Deserialize)]
struct Now {
    position: String,
}

impl Api {
    /// The position that a page begins to follow changes from: asked for before the page reads anything else, so that
    /// nothing happens unseen. `None` while the gateway is away: the page is not live then.
    pub(crate) async fn position(&self) -> Option<String> {
        match self.get::<Now>(self.live(), "/api/live/position").await {
            Ok(answer) => Some(answer.value.position),
            Err(Failure::Away { cause, .. }) => {
                tracing::debug!("a page is not live: {cause:#}");
                None
            }
            Err(_) => None,
        }
    }
}
