//! The shortest story of a violation: the seed, what went wrong, and what was said and done about the records concerned.

use std::fmt::Write;

use time::OffsetDateTime;

use crate::checker::Violation;
use crate::people::{Line, Told};
use crate::records::Records;
use crate::schedule::Schedule;
use crate::world::Struck;

/// How many violations are told besides the first.
const OTHERS: usize = 8;

pub(crate) fn of(
    violation: &Violation,
    all: &[Violation],
    schedule: &Schedule,
    struck: &[Struck],
    diary: &[Line],
    records: &Records,
) -> String {
    let mut text = format!("\n{}: {}\nseed {}; what went wrong:\n", violation.invariant, violation.text, schedule.seed);
    for strike in &schedule.strikes {
        let _ = writeln!(text, "  {strike}");
    }
    let begin = struck.first().map_or(OffsetDateTime::UNIX_EPOCH, |first| first.from - first.strike.at);
    let concerns = |id: &str| violation.about.iter().any(|about| about == id);
    let mut lines = Vec::new();
    for Line { at, told } in diary {
        let (id, other, what) = match told {
            Told::SignedUp { email } => (email, email, "somebody was told that they are signed up".to_owned()),
            Told::Sold { ticket } => (ticket, ticket, "the seller was told that it is for sale".to_owned()),
            Told::Changed { ticket, price } => (ticket, ticket, format!("the seller was told that it costs {price}")),
            Told::Reserved { order, ticket } => (order, ticket, "a buyer was told that it is reserved".to_owned()),
            Told::Cancelled { order } => (order, order, "the buyer was told that it is cancelled".to_owned()),
            Told::Paid { order } => (order, order, "it was paid".to_owned()),
        };
        if concerns(id) || concerns(other) {
            lines.push((*at, format!("{id}: {what}")));
        }
    }
    let changes = records.of_tickets.iter().chain(&records.of_orders);
    for (id, change) in changes.flat_map(|(id, changes)| changes.iter().map(move |change| (id, change))) {
        if concerns(id) || concerns(&change.event_id) || change.event["ticket"]["id"].as_str().is_some_and(concerns) {
            let at = OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(change.recorded_at.timestamp_millis());
            lines.push((at, format!("{id}: {} {} was recorded: {}", change.subject, change.event_id, change.event)));
        }
    }
    if let (Some(first), Some(last)) = (lines.iter().map(|line| line.0).min(), lines.iter().map(|line| line.0).max()) {
        for Struck { strike, from, to } in struck.iter().filter(|struck| struck.from <= last && struck.to >= first) {
            lines.push((*from, format!("{} begins", strike.fault)));
            lines.push((*to, format!("{} is over", strike.fault)));
        }
    }
    lines.sort();
    text.push_str("the story, in milliseconds:\n");
    for (at, line) in lines {
        let _ = writeln!(text, "  {:>6} {line}", (at - begin).whole_milliseconds());
    }
    for other in all.iter().skip(1).take(OTHERS) {
        let _ = writeln!(text, "also {}: {}", other.invariant, other.text);
    }
    let _ = writeln!(text, "again: cargo test -p ticketing --test faults -- --runs 1 --seed {}", schedule.seed);
    text
}
