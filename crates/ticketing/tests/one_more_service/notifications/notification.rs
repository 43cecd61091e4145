//! The notifications, one for each order.

use common::events::{OrderId, UserId};
use common::{Store, Tx};
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::doc;
use mongodb::error::Error;
use serde::{Deserialize, Serialize};

/// How many notifications are listed at most.
const LISTED: i64 = 100;

/// What a user is informed of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    /// The order that it is about.
    #[serde(rename = "_id")]
    pub(crate) order: OrderId,
    pub(crate) user_id: UserId,
    pub(crate) text: String,
}

/// The collection.
#[derive(Clone, Debug)]
pub(crate) struct Notifications {
    records: Collection<Notification>,
}

impl Notifications {
    pub(crate) fn of(store: &Store) -> Self {
        Self { records: store.collection("notifications") }
    }

    pub(crate) async fn insert(&self, tx: &mut Tx, notification: &Notification) -> Result<(), Error> {
        self.records.insert_one(notification).session(tx).await?;
        Ok(())
    }

    /// Those of a user, the newest first.
    pub(crate) async fn of_user(&self, user: UserId) -> Result<Vec<Notification>, Error> {
        let theirs = self.records.find(doc! { "userId": user.to_string() });
        theirs.sort(doc! { "_id": -1 }).limit(LISTED).await?.try_collect().await
    }
}
