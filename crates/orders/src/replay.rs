//! The copies of the tickets, built anew from what the stream tells of them.

use std::collections::{BTreeMap, HashMap};

use common::TicketId;
use common::bus::{Bus, Delivery, Reader, Start};
use common::events::{Event, Subject, TicketCreated, TicketUpdated};
use common::store::{Arrival, Store, Tx};
use service::Error;

use crate::models::{Ticket, Tickets};

/// What a [`replay`] has done.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// How many events were read.
    pub events: usize,
    /// How many tickets they tell of.
    pub tickets: usize,
    /// The tickets whose copy was missing, or another than it should be.
    pub rebuilt: Vec<TicketId>,
    /// The tickets of which the stream lacks an event: their copy is as far as the events before it.
    pub incomplete: Vec<TicketId>,
}

/// All that the stream tells of one ticket.
#[derive(Debug, Default)]
struct Told {
    created: Option<TicketCreated>,
    updates: BTreeMap<u64, TicketUpdated>,
}

/// Builds the copies of all tickets anew, where they are not as the stream tells.
///
/// It may run beside the service: a copy that is further than the stream was at the beginning stays as it is.
/// `progress` is told how many messages are still to be read, at most.
///
/// # Errors
///
/// When the broker or the database does not answer.
pub async fn replay(store: &Store, bus: &Bus, mut progress: impl FnMut(u64)) -> Result<Replayed, Error> {
    let mut told: HashMap<TicketId, Told> = HashMap::new();
    let mut replayed = Replayed::default();
    let subjects = [TicketCreated::SUBJECT, TicketUpdated::SUBJECT];
    let mut reader = Reader::of_events(bus, &subjects, Start::All).await?;
    while let Some(delivery) = reader.next_there_is().await? {
        progress(reader.last().saturating_sub(delivery.sequence));
        replayed.events += 1;
        note(&mut told, &delivery);
    }
    reader.close().await;
    replayed.tickets = told.len();
    let tickets = Tickets::of(store);
    for (id, told) in told {
        let (ticket, is_whole) = told.folded();
        if !is_whole {
            replayed.incomplete.push(id.clone());
        }
        let Some(ticket) = ticket else { continue };
        let tickets = tickets.clone();
        if store.transaction(async move |tx: &mut Tx| tickets.rebuild(tx, &ticket).await).await? {
            replayed.rebuilt.push(id);
        }
    }
    Ok(replayed)
}

/// What is no event became a dead letter, and tells nothing.
fn note(told: &mut HashMap<TicketId, Told>, delivery: &Delivery) {
    if delivery.subject == Subject::TicketCreated.as_str() {
        if let Ok(event) = delivery.event::<TicketCreated>() {
            let of_ticket = told.entry(event.id.clone()).or_default();
            of_ticket.created = Some(event);
        }
    } else if let Ok(event) = delivery.event::<TicketUpdated>() {
        told.entry(event.id.clone()).or_default().updates.insert(event.version, event);
    }
}

impl Told {
    /// The ticket after all of it, up to the first event that is missing; and whether none is.
    fn folded(self) -> (Option<Ticket>, bool) {
        let Some(created) = self.created else { return (None, false) };
        let mut ticket = Ticket::from(&created);
        for update in self.updates.values() {
            match ticket.clone().updated(update) {
                (Arrival::Next, updated) => ticket = updated,
                (Arrival::AlreadySeen, _) => {}
                (Arrival::TooEarly, _) => return (Some(ticket), false),
            }
        }
        (Some(ticket), true)
    }
}
