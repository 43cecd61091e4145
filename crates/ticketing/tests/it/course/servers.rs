//! The servers of the application that a guide uses.

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use testkit::until;

/// The servers of the application.
pub(super) struct Servers {
    pub(super) nats: String,
    pub(super) mongo: String,
}

impl Servers {
    /// Waits until everything that was recorded is published, and everything that was published is handled: people take
    /// longer to read than that.
    pub(super) async fn settled(&self) {
        let (client, mongo) = tokio::join!(async_nats::connect(&self.nats), mongodb::Client::with_uri_str(&self.mongo));
        let (jetstream, mongo) = (async_nats::jetstream::new(client.unwrap()), mongo.unwrap());
        let unpublished = async || {
            let mut rows = 0;
            for service in ["tickets", "orders", "payments"] {
                let outbox = mongo.database(&format!("ticketing-{service}")).collection::<Document>("outbox");
                rows += outbox.count_documents(doc! { "pending": { "$exists": true } }).await.unwrap();
            }
            rows
        };
        until("everything has happened", async || {
            let mut stream = jetstream.get_stream("ticketing").await.unwrap();
            let before = stream.cached_info().state.last_sequence;
            if unpublished().await > 0 {
                return false;
            }
            let consumers: Vec<_> = stream.consumers().try_collect().await.unwrap();
            let is_handled =
                consumers.iter().all(|consumer| consumer.num_pending == 0 && consumer.num_ack_pending == 0);
            // What the last one has caused is recorded by now, and published, or it has caused nothing.
            is_handled && unpublished().await == 0 && stream.info().await.unwrap().state.last_sequence == before
        })
        .await;
    }
}
