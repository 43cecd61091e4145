//! The books of the bank: one collection for each kind of object.

mod charge;
mod event;
mod intent;
mod method;
mod page;
mod refund;

use anyhow::Context;
use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use mongodb::error::Error;
use mongodb::{Collection, IndexModel};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Store, Tx};
use time::OffsetDateTime;

pub(crate) use self::charge::Charge;
pub(crate) use self::event::Event;
pub(crate) use self::intent::{Intent, LastError};
pub(crate) use self::method::Method;
pub(crate) use self::page::Page;
pub(crate) use self::refund::{Refund, RefundStatus};

/// An object of the books.
pub(crate) trait Entry: Serialize + DeserializeOwned + Send + Sync + Unpin {
    /// The name of its collection.
    const COLLECTION: &'static str;
    /// What Stripe's errors call it.
    const NAME: &'static str;

    fn id(&self) -> &str;
}

/// All objects.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    store: Store,
}

impl Books {
    /// Creates the indexes, however long the database is away.
    pub(crate) async fn open(store: &Store) -> Result<Self, anyhow::Error> {
        for (collection, keys) in [
            ("charges", doc! { "paymentIntent": 1, "_id": 1 }),
            ("refunds", doc! { "charge": 1, "_id": 1 }),
            ("refunds", doc! { "status": 1, "created": 1 }),
            ("events", doc! { "isDelivered": 1, "nextAt": 1 }),
        ] {
            let index = IndexModel::builder().keys(keys).build();
            store.ensure_index(collection, index).await.context("failed to create the indexes of the books")?;
        }
        Ok(Self { store: store.clone() })
    }

    pub(crate) fn of<E: Entry>(&self) -> Collection<E> {
        self.store.collection(E::COLLECTION)
    }

    pub(crate) async fn find<E: Entry>(&self, tx: &mut Tx, id: &str) -> Result<Option<E>, Error> {
        self.of::<E>().find_one(doc! { "_id": id }).session(tx).await
    }

    /// Stores an object, whether it is new or not.
    pub(crate) async fn save<E: Entry>(&self, tx: &mut Tx, entry: &E) -> Result<(), Error> {
        self.of::<E>().replace_one(doc! { "_id": entry.id() }, entry).upsert(true).session(tx).await?;
        Ok(())
    }
}

/// A new id with this beginning; those of one process are in the order in which they were made.
pub(crate) fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", ObjectId::new().to_hex())
}

/// Now, in seconds since 1970.
pub(crate) fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
