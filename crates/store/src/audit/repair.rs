//! The repair of the stream.

use anyhow::{Context, ensure};
use bus::Bus;
use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use service::Error;

use super::finding::{Audit, Finding, Kind};
use crate::Store;
use crate::outbox::{READING, outbox_of};

/// Publishes the events again that are missing or altered, each under its own id, so that none takes effect twice, and
/// deletes the altered messages after that. Returns how many events were repaired.
///
/// Unsent events are the relay's to publish. `progress` is called with the number of events that are left.
///
/// # Errors
///
/// When a database or the broker does not answer; what was published until then stays, and a second repair does the rest.
pub async fn repair(
    bus: &Bus,
    stores: &[Store],
    audit: &Audit,
    mut progress: impl FnMut(usize),
) -> Result<usize, Error> {
    let mut repaired = 0;
    let broken: Vec<_> =
        audit.findings.iter().filter(|finding| matches!(finding.kind, Kind::Missing | Kind::Altered)).collect();
    for (index, finding) in broken.iter().enumerate() {
        progress(broken.len() - index);
        let so_far = || format!("{repaired} of {} published again; repair again for the rest", broken.len());
        repaired += usize::from(repair_one(bus, stores, finding).await.with_context(so_far)?);
    }
    Ok(repaired)
}

/// Returns whether the event was repaired: its row may have been removed after the audit, since its time was over.
async fn repair_one(bus: &Bus, stores: &[Store], finding: &Finding) -> Result<bool, Error> {
    let id = finding.event_id.as_deref().context("a missing or altered event has an id")?;
    let store = stores.iter().find(|store| Some(store.database().name()) == finding.database.as_deref());
    let store = store.context("the database of the event is not among those to repair from")?;
    if !finding.has_unaltered_message {
        let row = outbox_of(store).find_one(doc! { "_id": ObjectId::parse_str(id)? }).await.context(READING)?;
        let Some(row) = row else { return Ok(false) };
        // A message id of its own: the broker's duplicate window still contains the first one, also of a deleted message.
        let message_id = format!("repair-{id}-{}", nuid::next());
        row.publish(bus, &message_id).await?;
    }
    let stream = bus.jetstream().get_stream_no_info(bus.cluster_id().as_str()).await?;
    for sequence in &finding.sequences {
        ensure!(stream.delete_message(*sequence).await?, "failed to delete the altered message {sequence}");
    }
    Ok(true)
}
