//! The service's database: documents in a key-value bucket of the broker.

use std::collections::BTreeMap;

use async_nats::jetstream::kv::{Operation, Store as Bucket, UpdateErrorKind};
use serde::{Deserialize, Serialize};
use service::Error;

/// One account, as the service knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) amount: i64,
    /// Number of events of the account that were handled.
    pub(super) version: u64,
    /// Stream sequence of the last of these events.
    pub(super) last: u64,
}

/// What is read and written as a unit: one account, or all of them with the sequence they share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Document {
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) last: u64,
}

/// The documents of one trial.
#[derive(Clone, Debug)]
pub(super) struct Store {
    bucket: Bucket,
    trial: String,
}

impl Store {
    pub(super) fn new(bucket: Bucket, trial: String) -> Self {
        Self { bucket, trial }
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.trial)
    }

    /// The document, and its revision.
    pub(super) async fn read(&self, name: &str) -> Result<(Document, u64), Error> {
        match self.bucket.entry(self.key(name)).await? {
            Some(entry) if entry.operation == Operation::Put => {
                Ok((serde_json::from_slice(&entry.value)?, entry.revision))
            }
            _ => Ok((Document::default(), 0)),
        }
    }

    /// Writes the document unconditionally.
    pub(super) async fn write(&self, name: &str, document: &Document) -> Result<(), Error> {
        self.bucket.put(self.key(name), serde_json::to_vec(document)?.into()).await?;
        Ok(())
    }

    /// Writes the document if it is still at this revision; returns whether it was.
    pub(super) async fn replace(&self, name: &str, document: &Document, revision: u64) -> Result<bool, Error> {
        let value = serde_json::to_vec(document)?.into();
        match self.bucket.update(self.key(name), value, revision).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
