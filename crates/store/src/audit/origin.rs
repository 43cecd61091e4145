//! Which outbox has recorded the event of a message.

use bus::Delivery;
use events::Subject;
use service::Error;

use super::matching::{event_id, is_kept_in_outbox};
use super::rows;
use crate::Store;

/// What the outboxes of some databases say about a message of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The outbox of this database has recorded its event.
    Recorded(String),
    /// No outbox has recorded it, and one of these would contain it.
    Unknown,
    /// None of these outboxes contains it, which says nothing: it is too old, or of a service whose outbox is not here.
    Undecided,
}

impl Origin {
    /// Searches the outboxes for the event of a message. These `subjects` are those of the databases' services.
    ///
    /// # Errors
    ///
    /// When a database does not answer.
    pub async fn of(message: &Delivery, stores: &[Store], subjects: &[Subject]) -> Result<Self, Error> {
        if let Some(id) = event_id(message) {
            for store in stores {
                if rows::has(store, id).await? {
                    return Ok(Self::Recorded(store.database().name().to_owned()));
                }
            }
        }
        let is_theirs = subjects.iter().any(|subject| subject.as_str() == message.subject);
        Ok(if is_theirs && is_kept_in_outbox(message) { Self::Unknown } else { Self::Undecided })
    }
}
