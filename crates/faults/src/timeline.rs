//! The report of a violation: the seed, the injected faults, and a timeline of what happened to the records concerned.

use std::fmt::Write;

use time::OffsetDateTime;

use crate::history::{Entry, Operation};
use crate::injection::Injected;
use crate::invariant::Violation;
use crate::records::Records;
use crate::schedule::Schedule;

/// How many violations are listed after the first.
const OTHERS: usize = 8;

/// The times in a report, relative to the start of the workload.
struct Timeline {
    began: OffsetDateTime,
    lines: Vec<(OffsetDateTime, String)>,
}

/// Describes the first violation in full, and lists the others.
pub(crate) fn report(
    violations: &[Violation],
    schedule: &Schedule,
    began: OffsetDateTime,
    injected: &[Injected],
    history: &[Entry],
    records: &Records,
) -> String {
    let Some((first, others)) = violations.split_first() else { return String::new() };
    let seed = schedule.seed;
    let mut text = format!("\n{}: {}\nseed {seed}; faults, in milliseconds:\n", first.invariant, first.text);
    for injection in &schedule.injections {
        let _ = writeln!(text, "  {injection}");
    }
    let mut timeline = Timeline { began, lines: Vec::new() };
    timeline.add_operations(history, first);
    timeline.add_changes(records, first);
    timeline.add_faults(injected);
    text.push_str("timeline, in milliseconds:\n");
    text.push_str(&timeline.text());
    for other in others.iter().take(OTHERS) {
        let _ = writeln!(text, "also {}: {}", other.invariant, other.text);
    }
    if let Some(more @ 1..) = others.len().checked_sub(OTHERS) {
        let _ = writeln!(text, "and {more} more");
    }
    let _ = writeln!(text, "repeat: cargo test --workspace --test faults -- --runs 1 --seed {seed}");
    text
}

impl Timeline {
    fn add_operations(&mut self, history: &[Entry], violation: &Violation) {
        for Entry { at, operation } in history {
            let (id, other, what) = match operation {
                Operation::SignedUp { email } => (email, email, "sign-up".to_owned()),
                Operation::TicketCreated { ticket } => (ticket, ticket, "creation of the ticket".to_owned()),
                Operation::PriceChanged { ticket, price } => {
                    (ticket, ticket, format!("change of the price to {price}"))
                }
                Operation::OrderCreated { order, ticket } => (order, ticket, "creation of the order".to_owned()),
                Operation::OrderCancelled { order } => (order, order, "cancellation".to_owned()),
                Operation::OrderPaid { order } => (order, order, "payment".to_owned()),
            };
            if violation.about.iter().any(|about| about == id || about == other) {
                self.lines.push((*at, format!("{id}: acknowledged: {what}")));
            }
        }
    }

    fn add_changes(&mut self, records: &Records, violation: &Violation) {
        let concerns = |id: &str| violation.about.iter().any(|about| about == id);
        let changes = records.of_tickets.iter().chain(&records.of_orders).chain(&records.of_payments);
        for (id, change) in changes.flat_map(|(id, changes)| changes.iter().map(move |change| (id, change))) {
            let others = [&change.event["ticket"]["id"], &change.event["orderId"]];
            let concerns_other = others.iter().any(|id| id.as_str().is_some_and(concerns));
            if concerns(id) || concerns(&change.event_id) || concerns_other {
                let since_1970 = time::Duration::milliseconds(change.recorded_at.timestamp_millis());
                let text = format!("{id}: recorded: {} {} {}", change.subject, change.event_id, change.event);
                self.lines.push((OffsetDateTime::UNIX_EPOCH + since_1970, text));
            }
        }
    }

    /// Adds the faults that overlap the lines so far.
    fn add_faults(&mut self, injected: &[Injected]) {
        let times = || self.lines.iter().map(|line| line.0);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return };
        for Injected { fault, from, to } in injected.iter().filter(|fault| fault.from <= last && fault.to >= first) {
            self.lines.push((*from, format!("fault begins: {fault}")));
            self.lines.push((*to, format!("fault ends: {fault}")));
        }
    }

    fn text(mut self) -> String {
        self.lines.sort();
        let lines = self.lines.iter();
        lines.map(|(at, line)| format!("  {:>6} {line}\n", (*at - self.began).whole_milliseconds())).collect()
    }
}
