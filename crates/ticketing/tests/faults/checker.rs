//! What must hold in the end, whatever went wrong.

use std::collections::BTreeMap;
use std::fmt;

use bus::DeadLetter;
use store::{Audit, Kind};

use crate::people::{Line, Told};
use crate::records::{Change, Records};

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invariant {
    /// Everything comes to an end: all is published, all is handled, no order outlives its window.
    Settled,
    /// Whatever somebody was told is in the database.
    Confirmed,
    /// Every change stands in the stream, and nothing else does.
    Announced,
    /// Every change was handled by all who note what they handle, and was handled once.
    Once,
    /// Every copy equals its owner.
    Copies,
    /// A ticket has at most one live order, at every moment.
    OneOrder,
    /// A ticket is held by its live order, and by no other.
    Held,
    /// The versions of a record have no gap.
    Versions,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    pub(crate) text: String,
    /// The tickets, orders and events that it is about.
    pub(crate) about: Vec<String>,
}

impl Violation {
    pub(crate) fn new(invariant: Invariant, about: &[&str], text: impl fmt::Display) -> Self {
        Self { invariant, text: text.to_string(), about: about.iter().map(|id| (*id).to_owned()).collect() }
    }
}

/// Everything that does not hold.
pub(crate) fn violations(
    records: &Records,
    diary: &[Line],
    audit: &Audit,
    dead_letters: &[DeadLetter],
) -> Vec<Violation> {
    let mut found = Vec::new();
    confirmed(records, diary, dead_letters, &mut found);
    announced(audit, &mut found);
    versions(records, &mut found);
    handled(records, dead_letters, &mut found);
    copies(records, &mut found);
    one_order(records, &mut found);
    held(records, &mut found);
    found
}

fn confirmed(records: &Records, diary: &[Line], dead_letters: &[DeadLetter], found: &mut Vec<Violation>) {
    let mut lost = |id: &str, what: &str| {
        found.push(Violation::new(Invariant::Confirmed, &[id], format!("{id} was {what}, and is not")));
    };
    let status = |order: &str| records.orders.get(order).map(|order| order.status.as_str());
    for Line { told, .. } in diary {
        match told {
            Told::SignedUp { email } if !records.emails.contains(email) => lost(email, "signed up"),
            Told::Sold { ticket } if !records.tickets.contains_key(ticket) => lost(ticket, "for sale"),
            Told::Reserved { order, .. } if status(order).is_none() => lost(order, "an order"),
            Told::Cancelled { order } if status(order) != Some("cancelled") => lost(order, "cancelled"),
            Told::Changed { ticket, price } => {
                let says_so = |change: &Change| change.event["price"].as_f64() == Some(*price as f64);
                if !records.of_tickets.get(ticket).is_some_and(|changes| changes.iter().any(says_so)) {
                    lost(ticket, &format!("offered for {price}"));
                }
            }
            Told::Paid { order } => {
                let is_returned = dead_letters.iter().any(|letter| is_about(letter, order));
                if status(order) != Some("complete") && !is_returned {
                    lost(order, "paid");
                }
            }
            _ => {}
        }
    }
}

fn is_about(letter: &DeadLetter, id: &str) -> bool {
    letter.payload.windows(id.len()).any(|text| text == id.as_bytes())
}

fn announced(audit: &Audit, found: &mut Vec<Violation>) {
    for finding in audit.findings.iter().filter(|finding| finding.kind != Kind::Duplicate) {
        let id = finding.event_id.clone().unwrap_or_default();
        let aggregate = finding.aggregate.clone().unwrap_or_default();
        let record = aggregate.split_once('/').map_or("", |(_, record)| record);
        let text = format!("{} {id} of {aggregate} is {}", finding.subject, finding.kind);
        found.push(Violation::new(Invariant::Announced, &[&id, record], text));
    }
}

fn versions(records: &Records, found: &mut Vec<Violation>) {
    let tickets = records.tickets.iter().map(|(id, ticket)| (id, ticket.version, records.of_tickets.get(id)));
    let orders = records.orders.iter().map(|(id, order)| (id, order.version, records.of_orders.get(id)));
    for (id, version, changes) in tickets.chain(orders) {
        let recorded: Vec<_> = changes.into_iter().flatten().map(|change| change.version).collect();
        if recorded != (0..=version).collect::<Vec<_>>() {
            let text = format!("{id} has version {version}, and these were recorded: {recorded:?}");
            found.push(Violation::new(Invariant::Versions, &[id], text));
        }
    }
    let strangers = records.of_tickets.keys().filter(|id| !records.tickets.contains_key(*id));
    for id in strangers.chain(records.of_orders.keys().filter(|id| !records.orders.contains_key(*id))) {
        found.push(Violation::new(
            Invariant::Versions,
            &[id],
            format!("changes of {id} were recorded, which is not there"),
        ));
    }
}

fn handled(records: &Records, dead_letters: &[DeadLetter], found: &mut Vec<Violation>) {
    let by_orders = records.of_tickets.iter().flat_map(|(id, changes)| changes.iter().map(move |change| (id, change)));
    let by_tickets = records.of_orders.iter().flat_map(|(id, changes)| changes.iter().map(move |change| (id, change)));
    let groups = [("orders-service", by_orders.collect::<Vec<_>>()), ("tickets-service", by_tickets.collect())];
    for (group, changes) in groups {
        for (id, Change { event_id, subject, .. }) in changes {
            if !records.handled.contains(&format!("{group}/{event_id}")) {
                let text = format!("{subject} {event_id} was never handled by {group}");
                found.push(Violation::new(Invariant::Once, &[id, event_id], text));
            }
        }
    }
    // A payment that came too late is to be returned.
    let is_late = |letter: &&DeadLetter| {
        let mut late = records.orders.iter().filter(|(_, order)| order.status == "cancelled");
        letter.subject == "payment:created" && late.any(|(id, _)| is_about(letter, id))
    };
    for letter in dead_letters.iter().filter(|letter| !is_late(letter)) {
        found.push(Violation::new(Invariant::Once, &[], format!("a dead letter: {letter}")));
    }
    // Each change of a ticket changes something, and each order takes and leaves it once.
    for (id, changes) in &records.of_tickets {
        let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
        for pair in changes.windows(2) {
            let [before, after] = [&pair[0].event, &pair[1].event];
            let (was, is) = (before["orderId"].as_str(), after["orderId"].as_str());
            if (was, &before["title"], &before["price"]) == (is, &after["title"], &after["price"]) {
                let text = format!("version {} of {id} changes nothing", pair[1].version);
                found.push(Violation::new(Invariant::Once, &[id], text));
            }
            if let Some(order) = is.filter(|_| was != is) {
                *taken.entry(order).or_default() += 1;
                if taken[order] > 1 {
                    let text = format!("the order {order} has taken {id} more than once");
                    found.push(Violation::new(Invariant::Once, &[id, order], text));
                }
            }
        }
    }
}

fn copies(records: &Records, found: &mut Vec<Violation>) {
    for (id, ticket) in &records.tickets {
        let same = records.copies.get(id).is_some_and(|copy| {
            (copy.version, &copy.title, &copy.price) == (ticket.version, &ticket.title, &ticket.price)
        });
        if !same {
            let text = format!("{id} is {ticket:?}, and its copy {:?}", records.copies.get(id));
            found.push(Violation::new(Invariant::Copies, &[id], text));
        }
    }
}

fn one_order(records: &Records, found: &mut Vec<Violation>) {
    let mut of_ticket: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, order) in &records.orders {
        of_ticket.entry(&order.ticket).or_default().push(id);
    }
    for (ticket, mut orders) in of_ticket {
        orders.sort_by_key(|order| records.lifetime(order).0);
        for pair in orders.windows(2) {
            let ((_, ended), (made, _)) = (records.lifetime(pair[0]), records.lifetime(pair[1]));
            if ended.is_none() || ended > made {
                let text = format!("{ticket} had two live orders: {} and {}", pair[0], pair[1]);
                found.push(Violation::new(Invariant::OneOrder, &[ticket, pair[0], pair[1]], text));
            }
        }
    }
}

fn held(records: &Records, found: &mut Vec<Violation>) {
    for (id, ticket) in &records.tickets {
        let complete = records.orders.iter().find(|(_, order)| order.ticket == *id && order.status != "cancelled");
        let complete = complete.map(|(order, _)| order);
        if ticket.order.as_ref() != complete {
            let text = format!("{id} is held by {:?}, and its order is {complete:?}", ticket.order);
            found.push(Violation::new(Invariant::Held, &[id], text));
        }
        // Whoever left it had ended before.
        for pair in records.of_tickets.get(id).into_iter().flat_map(|changes| changes.windows(2)) {
            let (was, is) = (pair[0].event["orderId"].as_str(), pair[1].event["orderId"].as_str());
            let Some(order) = was.filter(|_| was != is) else { continue };
            let (_, ended) = records.lifetime(order);
            if ended.is_none_or(|ended| ended > pair[1].recorded_at) {
                let text = format!("{id} was taken from the order {order} while that lived");
                found.push(Violation::new(Invariant::Held, &[id, order], text));
            }
        }
    }
}
