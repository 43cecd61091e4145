//! The checker: compares the history, the databases, the stream and the dead letters at the end of a run.

use std::collections::BTreeMap;

use bus::DeadLetter;
use store::{Finding, Kind};

use crate::history::{Entry, Operation};
use crate::invariant::{Invariant, Violation};
use crate::money;
use crate::records::{Change, Records};

/// Checks every invariant but [`Invariant::Settled`], which is checked while the run waits for it.
pub(crate) fn check(
    records: &Records,
    history: &[Entry],
    audit: &[Finding],
    dead_letters: &[DeadLetter],
) -> Vec<Violation> {
    let mut found = Vec::new();
    acknowledged(records, history, &mut found);
    published(audit, &mut found);
    versions(records, &mut found);
    handled_once(records, dead_letters, &mut found);
    projections(records, &mut found);
    one_live_order(records, &mut found);
    reservations(records, &mut found);
    money::check(records, &mut found);
    found
}

fn acknowledged(records: &Records, history: &[Entry], found: &mut Vec<Violation>) {
    let mut lost = |id: &str, what: &str| {
        found.push(Violation::new(
            Invariant::Acknowledged,
            &[id],
            format!("{id} was acknowledged as {what}, and is not"),
        ));
    };
    let status = |order: &str| records.orders.get(order).map(|order| order.status.as_str());
    for Entry { operation, .. } in history {
        match operation {
            Operation::SignedUp { email } if !records.emails.contains(email) => lost(email, "signed up"),
            Operation::TicketCreated { ticket } if !records.tickets.contains_key(ticket) => lost(ticket, "created"),
            Operation::OrderCreated { order, .. } if status(order).is_none() => lost(order, "created"),
            Operation::OrderCancelled { order } if status(order) != Some("cancelled") => lost(order, "cancelled"),
            Operation::PriceChanged { ticket, price } => {
                let has_price = |change: &Change| change.event["price"].as_f64() == Some(*price as f64);
                if !records.of_tickets.get(ticket).is_some_and(|changes| changes.iter().any(has_price)) {
                    lost(ticket, &format!("changed to the price {price}"));
                }
            }
            Operation::OrderPaid { order } => {
                // Its cancellation may have been earlier; then the money goes back.
                let state = records.payments.get(order).map(|payment| payment.state.as_str());
                let is_back = matches!(state, Some("refunded" | "stuck"));
                if status(order) != Some("complete") && !is_back {
                    lost(order, "paid");
                }
            }
            _ => {}
        }
    }
}

fn published(audit: &[Finding], found: &mut Vec<Violation>) {
    for finding in audit.iter().filter(|finding| finding.kind != Kind::Duplicate) {
        let id = finding.event_id.clone().unwrap_or_default();
        let aggregate = finding.aggregate.clone().unwrap_or_default();
        let record = aggregate.split_once('/').map_or("", |(_, record)| record);
        let text = format!("{} {id} of {aggregate} is {}", finding.subject, finding.kind);
        found.push(Violation::new(Invariant::Published, &[&id, record], text));
    }
}

fn versions(records: &Records, found: &mut Vec<Violation>) {
    let tickets = records.tickets.iter().map(|(id, ticket)| (id, ticket.version, records.of_tickets.get(id)));
    let orders = records.orders.iter().map(|(id, order)| (id, order.version, records.of_orders.get(id)));
    for (id, version, changes) in tickets.chain(orders) {
        let recorded: Vec<_> = changes.into_iter().flatten().map(|change| change.version).collect();
        if recorded != (0..=version).collect::<Vec<_>>() {
            let text = format!("{id} has version {version}, and the recorded versions are {recorded:?}");
            found.push(Violation::new(Invariant::Versions, &[id], text));
        }
    }
    let without_record = records.of_tickets.keys().filter(|id| !records.tickets.contains_key(*id));
    for id in without_record.chain(records.of_orders.keys().filter(|id| !records.orders.contains_key(*id))) {
        found.push(Violation::new(
            Invariant::Versions,
            &[id],
            format!("changes of {id} were recorded, which does not exist"),
        ));
    }
}

fn handled_once(records: &Records, dead_letters: &[DeadLetter], found: &mut Vec<Violation>) {
    let by_orders = records.of_tickets.iter().flat_map(|(id, changes)| changes.iter().map(move |change| (id, change)));
    let of_orders = records.of_orders.iter().flat_map(|(id, changes)| changes.iter().map(move |change| (id, change)));
    let of_orders: Vec<_> = of_orders.collect();
    let paid = records.of_payments.iter().flat_map(|(id, changes)| changes.iter().map(move |change| (id, change)));
    // Also one whose order was cancelled before, which changes nothing.
    let paid = paid.filter(|(_, change)| change.subject == "payment:created");
    let groups = [
        ("orders-service", by_orders.chain(paid).collect::<Vec<_>>()),
        ("tickets-service", of_orders.clone()),
        ("payments-service", of_orders),
    ];
    for (group, changes) in groups {
        for (id, Change { event_id, subject, .. }) in changes {
            if !records.handled.contains(&format!("{group}/{event_id}")) {
                let text = format!("{subject} {event_id} was not handled by {group}");
                found.push(Violation::new(Invariant::HandledOnce, &[id, event_id], text));
            }
        }
    }
    for letter in dead_letters {
        found.push(Violation::new(Invariant::HandledOnce, &[], format!("unexpected dead letter: {letter}")));
    }
    // A ticket remembers a cancellation until it has handled the order's creation, so one that remains was handled twice.
    for (id, ticket) in &records.tickets {
        for order in &ticket.cancelled_early {
            let text = format!("{id} has handled the cancellation of the order {order} more than once");
            found.push(Violation::new(Invariant::HandledOnce, &[id, order], text));
        }
    }
    // Each version of a ticket differs from the one before, and each order reserves and releases it once.
    for (id, changes) in &records.of_tickets {
        let mut reserved: BTreeMap<&str, usize> = BTreeMap::new();
        for pair in changes.windows(2) {
            let [before, after] = [&pair[0].event, &pair[1].event];
            let (was, is) = (before["orderId"].as_str(), after["orderId"].as_str());
            if (was, &before["title"], &before["price"]) == (is, &after["title"], &after["price"]) {
                let text = format!("version {} of {id} equals the version before", pair[1].version);
                found.push(Violation::new(Invariant::HandledOnce, &[id], text));
            }
            if let Some(order) = is.filter(|_| was != is) {
                *reserved.entry(order).or_default() += 1;
                if reserved[order] > 1 {
                    let text = format!("the order {order} has reserved {id} more than once");
                    found.push(Violation::new(Invariant::HandledOnce, &[id, order], text));
                }
            }
        }
    }
}

fn projections(records: &Records, found: &mut Vec<Violation>) {
    for (id, ticket) in &records.tickets {
        let same = records.ticket_projections.get(id).is_some_and(|copy| {
            (copy.version, &copy.title, &copy.price) == (ticket.version, &ticket.title, &ticket.price)
        });
        if !same {
            let text = format!("{id} is {ticket:?}, and its projection is {:?}", records.ticket_projections.get(id));
            found.push(Violation::new(Invariant::Projections, &[id], text));
        }
    }
    for (id, order) in &records.orders {
        let same = records.order_projections.get(id).is_some_and(|copy| {
            let is_cancelled = order.status == "cancelled";
            (copy.version, copy.cents, copy.is_cancelled) == (order.version, order.cents, is_cancelled)
        });
        if !same {
            let text = format!("{id} is {order:?}, and its projection is {:?}", records.order_projections.get(id));
            found.push(Violation::new(Invariant::Projections, &[id], text));
        }
    }
}

fn one_live_order(records: &Records, found: &mut Vec<Violation>) {
    let mut of_ticket: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, order) in &records.orders {
        of_ticket.entry(&order.ticket).or_default().push(id);
    }
    for (ticket, mut orders) in of_ticket {
        orders.sort_by_key(|order| records.lifetime(order).0);
        for pair in orders.windows(2) {
            let ((_, ended), (made, _)) = (records.lifetime(pair[0]), records.lifetime(pair[1]));
            if ended.is_none() || ended > made {
                let text = format!("{ticket} had two live orders at the same time: {} and {}", pair[0], pair[1]);
                found.push(Violation::new(Invariant::OneLiveOrder, &[ticket, pair[0], pair[1]], text));
            }
        }
    }
}

fn reservations(records: &Records, found: &mut Vec<Violation>) {
    for (id, ticket) in &records.tickets {
        let complete = records.orders.iter().find(|(_, order)| order.ticket == *id && order.status != "cancelled");
        let complete = complete.map(|(order, _)| order);
        if ticket.order.as_ref() != complete {
            let text = format!("{id} is reserved by {:?}, and its live order is {complete:?}", ticket.order);
            found.push(Violation::new(Invariant::Reservation, &[id], text));
        }
        // An order releases its ticket only after it has ended.
        for pair in records.of_tickets.get(id).into_iter().flat_map(|changes| changes.windows(2)) {
            let (was, is) = (pair[0].event["orderId"].as_str(), pair[1].event["orderId"].as_str());
            let Some(order) = was.filter(|_| was != is) else { continue };
            let (_, ended) = records.lifetime(order);
            if ended.is_none_or(|ended| ended > pair[1].recorded_at) {
                let text = format!("{id} was released by the order {order}, which was still live");
                found.push(Violation::new(Invariant::Reservation, &[id, order], text));
            }
        }
    }
}
