//! The copies of the tickets, built anew from what the stream tells of them.

use std::collections::{BTreeMap, HashMap};

use bus::{Bus, Delivery, Reader, Start};
use common::events::{Event, Subject, TicketCreated, TicketId, TicketUpdated};
use serde::Serialize;
use service::Error;
use store::{Arrival, Store, Tx};

use crate::models::{Ticket, Tickets};

/// What a [`replay`] has done.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Replayed {
    /// How many events were read.
    pub events: usize,
    /// How many tickets they tell of.
    pub tickets: usize,
    /// The tickets whose copy was missing, or another than it should be.
    pub rebuilt: Vec<String>,
    /// The tickets of which the stream lacks an event: their copy is at least as far as the events before it.
    pub incomplete: Vec<String>,
    /// The copies that are further than the stream tells, or of which it tells nothing: they stay as they are.
    pub beyond: Vec<String>,
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
/// `reading` is told how many messages are still to be read, at most; `rebuilding`, how many copies are to be looked at.
///
/// # Errors
///
/// When the broker or the database does not answer; what was rebuilt until then stays.
pub async fn replay(
    store: &Store,
    bus: &Bus,
    mut reading: impl FnMut(u64),
    mut rebuilding: impl FnMut(usize),
) -> Result<Replayed, Error> {
    let mut replayed = Replayed::default();
    let told = read(bus, &mut reading, &mut replayed.events).await?;
    replayed.tickets = told.len();
    let tickets = Tickets::of(store);
    let mut copies = tickets.all().await?;
    let mut beyond = HashMap::new();
    for (place, (id, told)) in told.into_iter().enumerate() {
        rebuilding(replayed.tickets - place);
        let id = id.to_string();
        let copy = copies.remove(&id).flatten();
        let (ticket, is_whole) = told.folded();
        if !is_whole {
            replayed.incomplete.push(id.clone());
        }
        let Some(ticket) = ticket else { continue };
        match copy {
            Some(copy) if copy == ticket => continue,
            Some(copy) if is_whole && copy.version() > ticket.version() => {
                beyond.insert(id, copy.version());
                continue;
            }
            Some(_) | None => {}
        }
        let tickets = tickets.clone();
        if store.transaction(async move |tx: &mut Tx| tickets.rebuild(tx, &ticket).await).await? {
            replayed.rebuilt.push(id);
        }
    }
    beyond.extend(copies.into_iter().map(|(id, copy)| (id, copy.map_or(u64::MAX, |copy| copy.version()))));
    if !beyond.is_empty() {
        // The service may have heard more meanwhile; what it had heard then, the stream tells now.
        let told = read(bus, &mut reading, &mut 0).await?;
        for (id, told) in told {
            let Some(version) = beyond.get(&id.to_string()) else { continue };
            if told.folded().0.is_some_and(|ticket| ticket.version() >= *version) {
                beyond.remove(&id.to_string());
            }
        }
    }
    replayed.beyond = beyond.into_keys().collect();
    for ids in [&mut replayed.rebuilt, &mut replayed.incomplete, &mut replayed.beyond] {
        ids.sort_unstable();
    }
    Ok(replayed)
}

/// What the stream tells of each ticket.
async fn read(bus: &Bus, reading: &mut impl FnMut(u64), events: &mut usize) -> Result<HashMap<TicketId, Told>, Error> {
    let mut told = HashMap::new();
    let subjects = [TicketCreated::SUBJECT, TicketUpdated::SUBJECT];
    let mut reader = Reader::of_events(bus, &subjects, Start::All).await?;
    while let Some(delivery) = reader.try_next().await? {
        reading(reader.last().saturating_sub(delivery.sequence));
        *events += 1;
        note(&mut told, &delivery);
    }
    reader.close().await;
    Ok(told)
}

/// What is no event became a dead letter, and tells nothing. Of two with one id, an inbox lets the first pass.
fn note(told: &mut HashMap<TicketId, Told>, delivery: &Delivery) {
    if delivery.subject == Subject::TicketCreated.as_str() {
        if let Ok(event) = delivery.event::<TicketCreated>() {
            told.entry(event.id).or_default().created.get_or_insert(event);
        }
    } else if let Ok(event) = delivery.event::<TicketUpdated>() {
        told.entry(event.id).or_default().updates.entry(event.version).or_insert(event);
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
