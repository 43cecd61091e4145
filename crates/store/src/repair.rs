//! The repair: what the stream has lost is published again.

use anyhow::{Context, ensure};
use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use service::Error;

use crate::Store;
use crate::audit::{Audit, Finding, Kind, READING, outbox_of};
use bus::Bus;

/// Publishes again what is missing or altered, each event under its own id, so that no effect of it happens twice.
///
/// What is altered is deleted then; what is unsent is the relay's to publish. Tells how many were mended; `progress` is
/// told how many are left.
///
/// # Errors
///
/// When a database or the broker does not answer; what was published until then stays, and doing it again does the rest.
pub async fn repair(
    bus: &Bus,
    stores: &[Store],
    audit: &Audit,
    mut progress: impl FnMut(usize),
) -> Result<usize, Error> {
    let mut done = 0;
    let broken: Vec<_> =
        audit.findings.iter().filter(|finding| matches!(finding.kind, Kind::Missing | Kind::Altered)).collect();
    for finding in &broken {
        progress(broken.len() - done);
        let so_far = || format!("{done} of {} published again; do it again for the rest", broken.len());
        done += usize::from(mend(bus, stores, finding).await.with_context(so_far)?);
    }
    Ok(done)
}

/// Tells whether it could; the time of its row may be over meanwhile.
async fn mend(bus: &Bus, stores: &[Store], finding: &Finding) -> Result<bool, Error> {
    let id = finding.event_id.as_deref().unwrap_or_default();
    let store = stores.iter().find(|store| Some(store.database().name()) == finding.database.as_deref());
    let store = store.context("the database of a finding")?;
    if !finding.stands {
        let row = outbox_of(store).find_one(doc! { "_id": ObjectId::parse_str(id)? }).await.context(READING)?;
        let Some(row) = row else { return Ok(false) };
        // The broker knows the first id for a while, also of a message that was deleted.
        let message_id = format!("repair-{id}-{}", nuid::next());
        row.publish(bus, &message_id).await?;
    }
    let stream = bus.jetstream().get_stream_no_info(bus.cluster_id().as_str()).await?;
    for sequence in &finding.sequences {
        ensure!(stream.delete_message(*sequence).await?, "the altered message #{sequence} was not deleted");
    }
    Ok(true)
}
