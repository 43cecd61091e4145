//! Refunds that are pending: after a while they succeed or fail.

use std::time::Duration;

use anyhow::Context;
use futures_util::TryStreamExt;
use mongodb::bson::doc;
use service::{Error, Scope, Service};
use store::{Store, Tx};
use tokio::time::{MissedTickBehavior, interval};

use crate::books::{Books, Charge, Event, Refund, RefundStatus, now};

/// How often pending refunds are looked for, and how old they must be, in seconds.
const EVERY: Duration = Duration::from_millis(200);
const PENDING_SECONDS: i64 = 1;

/// Settles pending refunds.
#[derive(Debug)]
pub(crate) struct Clearing {
    pub(crate) store: Store,
    pub(crate) books: Books,
}

impl Service for Clearing {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        let stopping = scope.stopping();
        let mut beat = interval(EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stopping.or(beat.tick()).await.is_some() {
            if let Some(Err(error)) = stopping.or(self.clear()).await {
                tracing::debug!("failed to settle the pending refunds: {error:#}");
            }
        }
        Ok(())
    }
}

impl Clearing {
    async fn clear(&self) -> Result<(), Error> {
        let pending = doc! { "status": "pending", "created": { "$lte": now() - PENDING_SECONDS } };
        let pending: Vec<Refund> = self.books.of::<Refund>().find(pending).limit(100).await?.try_collect().await?;
        for refund in pending {
            let books = self.books.clone();
            let work = async move |tx: &mut Tx| settle(&books, tx, &refund.id).await;
            self.store.transaction(work).await?;
        }
        Ok(())
    }
}

async fn settle(books: &Books, tx: &mut Tx, id: &str) -> Result<(), Error> {
    let Some(mut refund) = books.find::<Refund>(tx, id).await? else { return Ok(()) };
    if refund.status != RefundStatus::Pending {
        return Ok(());
    }
    let kind = if refund.will_fail {
        let mut charge = books.find::<Charge>(tx, &refund.charge).await?.context("a refund without its charge")?;
        charge.amount_refunded -= refund.amount;
        books.save(tx, &charge).await?;
        refund.status = RefundStatus::Failed;
        "refund.failed"
    } else {
        refund.status = RefundStatus::Succeeded;
        "refund.updated"
    };
    books.save(tx, &refund).await?;
    books.save(tx, &Event::new(kind, &refund.shown())).await?;
    Ok(())
}
