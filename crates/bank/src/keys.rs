//! Idempotency keys: the answer to a request is kept, and a repeated request gets the same answer and has no effect.
//!
//! The rules are those of <https://docs.stripe.com/api/idempotent_requests>. Kept is what the bank has carried out, also if
//! that was declined; a request that was refused may be sent again with the same key. Effect and answer are one transaction.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use mongodb::bson::{DateTime, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Store, Tx};

use crate::answer::{Answer, Refused};

/// How long rows stay in the database; [`Keys::lifetime`] may be shorter.
const REMOVED_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What was answered under a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    #[serde(rename = "_id")]
    key: String,
    /// The path and the parameters of the request, in a fixed order.
    request: String,
    status: i32,
    body: String,
    at: DateTime,
}

/// The keys of the account.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    kept: Collection<Kept>,
    /// How long an answer counts.
    lifetime: Duration,
    /// The keys of the requests that are being carried out.
    running: Arc<Mutex<HashSet<String>>>,
}

/// A key whose request is being carried out, until this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) key: String,
    keys: Keys,
}

impl Keys {
    pub(crate) async fn open(store: &Store, lifetime: Duration) -> Result<Self, anyhow::Error> {
        let removed = IndexOptions::builder().expire_after(REMOVED_AFTER).build();
        let index = IndexModel::builder().keys(doc! { "at": 1 }).options(removed).build();
        store.ensure_index("keys", index).await.context("failed to create the index of `keys`")?;
        Ok(Self { kept: store.collection("keys"), lifetime, running: Arc::default() })
    }

    /// Begins a request with a key; 409 while another one with it is being carried out.
    pub(crate) fn begin(&self, key: &str) -> Result<Running, Answer> {
        if self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned()) {
            return Ok(Running { key: key.to_owned(), keys: self.clone() });
        }
        let message = format!(
            "There is currently another in-progress request using this Stripe Idempotent Key (that probably means you \
             submitted twice, and the other request is still going through): {key}. If you want to submit a different \
             request, please use a different key."
        );
        Err(Answer::error(409, "idempotency_error", message, &[("code", "idempotency_key_in_use".into())]))
    }

    /// The answer to an earlier request with the key; an error if that was another request.
    pub(crate) async fn earlier(&self, tx: &mut Tx, key: &str, request: &str) -> Result<Option<Answer>, Refused> {
        let Some(kept) = self.kept.find_one(doc! { "_id": key }).session(tx).await? else { return Ok(None) };
        if DateTime::now().saturating_duration_since(kept.at) >= self.lifetime {
            return Ok(None);
        }
        if kept.request != request {
            let message = format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try \
                 using a key other than '{key}' if you meant to execute a different request."
            );
            return Err(Refused::Invalid(Answer::error(400, "idempotency_error", message, &[])));
        }
        let body: Value = serde_json::from_str(&kept.body).context("the kept answer is not JSON")?;
        Ok(Some(Answer { status: kept.status.try_into().unwrap_or(500), body }))
    }

    /// Keeps the answer under the key.
    pub(crate) async fn keep(&self, tx: &mut Tx, key: &str, request: &str, answer: &Answer) -> Result<(), Refused> {
        let kept = Kept {
            key: key.to_owned(),
            request: request.to_owned(),
            status: answer.status.into(),
            body: answer.body.to_string(),
            at: DateTime::now(),
        };
        self.kept.replace_one(doc! { "_id": key }, kept).upsert(true).session(tx).await?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.keys.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
