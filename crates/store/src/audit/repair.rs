//! The repair of the stream.

use anyhow::{Context, ensure};
use bus::{Bus, Published, delete_event};
use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::bson::oid::ObjectId;
use service::Error;

use super::compare::Audit;
use super::rows;
use crate::Store;
use crate::outbox::Row;

/// How many events are in flight at the same time.
const CONCURRENT: usize = 64;

impl Audit {
    /// Publishes the events again that are missing or altered, each under its own id, so that none takes effect twice, and
    /// deletes the altered messages after that. Returns how many events were repaired.
    ///
    /// Unsent events are the relay's to publish. Of more than 100,000 altered messages, the rest is left for another audit.
    /// `progress` is called with the number of events that were repaired.
    ///
    /// # Errors
    ///
    /// When the audit is not finished, or a database or the broker does not answer; what was published until then stays,
    /// and a second audit with a repair does the rest.
    pub async fn repair(&mut self, mut progress: impl FnMut(u64)) -> Result<u64, Error> {
        ensure!(self.is_finished(), "only a finished audit knows what is missing");
        let mut repaired = 0;
        for (id, sequences) in std::mem::take(&mut self.altered) {
            repaired += u64::from(
                repair_altered(&self.bus, &self.stores, id, &sequences).await.with_context(|| so_far(repaired))?,
            );
            progress(repaired);
        }
        for database in 0..self.stores.len() {
            let mut after = None;
            loop {
                let (page, last) = self.unplaced(database, after, &mut Vec::new()).await?;
                if last.is_none() {
                    break;
                }
                after = last;
                let missing: Vec<_> = page.iter().filter(|row| row.pending.is_none()).map(|row| row.id).collect();
                let published = publish_again(&self.bus, &self.stores[database], &missing).await;
                repaired += published.with_context(|| so_far(repaired))?;
                progress(repaired);
            }
        }
        Ok(repaired)
    }
}

/// Returns whether the event was repaired: its row may have been removed after the audit, since its time was over.
async fn repair_altered(bus: &Bus, stores: &[Store], id: ObjectId, sequences: &[u64]) -> Result<bool, Error> {
    for store in stores {
        let Some(row) = rows::with_ids(store, &[id]).await?.next().await? else { continue };
        if row.sequence.is_none() {
            let message = publish(bus, &row).await?;
            rows::note(store, &[(id, message.sequence)]).await?;
        }
        for sequence in sequences {
            delete_event(bus, *sequence).await?;
        }
        return Ok(true);
    }
    Ok(false)
}

/// Publishes the events of these rows. They are sent in the order of the rows, so that the events of a record nearly
/// always arrive in the order of its versions.
async fn publish_again(bus: &Bus, store: &Store, ids: &[ObjectId]) -> Result<u64, Error> {
    let mut published = 0;
    for ids in ids.chunks(CONCURRENT) {
        let mut rows: Vec<Row> = rows::with_ids(store, ids).await?.all().await?;
        rows.sort_by_key(|row| row.id);
        let sending = stream::iter(rows).map(async |row: Row| anyhow::Ok((row.id, publish(bus, &row).await?.sequence)));
        let sent: Vec<_> = sending.buffered(CONCURRENT).try_collect().await?;
        rows::note(store, &sent).await?;
        published += sent.len() as u64;
    }
    Ok(published)
}

fn so_far(repaired: u64) -> String {
    format!("{repaired} published again; repair again for the rest")
}

/// Publishes the event with a message id of its own: the broker's duplicate window still contains the first one, also of
/// a deleted message.
async fn publish(bus: &Bus, row: &Row) -> Result<Published, Error> {
    let message_id = format!("repair-{}-{}", row.id.to_hex(), nuid::next());
    Ok(row.publish(bus, &message_id).await?)
}
