//! What a client wants to see.

use std::collections::HashSet;

use axum::http::{HeaderMap, Uri};
use common::errors::{ApiError, Problem};
use common::events::{OrderId, TicketId};

use super::position::Position;

/// How many tickets and orders one client may name.
const MOST: usize = 100;

/// What a client wants to see, and from where on.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) tickets: Tickets,
    pub(super) orders: Vec<OrderId>,
    pub(super) after: Option<Position>,
}

/// Which tickets.
#[derive(Debug)]
pub(super) enum Tickets {
    All,
    These(HashSet<TicketId>),
}

impl Tickets {
    pub(super) fn include(&self, id: TicketId) -> bool {
        match self {
            Self::All => true,
            Self::These(ids) => ids.contains(&id),
        }
    }
}

impl Question {
    /// Reads `?tickets=all|ID&order=ID&after=POSITION`, of which the first two may be repeated. The header `Last-Event-ID`, with
    /// which an EventSource returns, counts for more than `after`, which it sends again each time.
    pub(super) fn of(uri: &Uri, headers: &HeaderMap) -> Result<Self, ApiError> {
        let query = uri.query().unwrap_or_default();
        let (mut tickets, mut all, mut orders, mut after) = (HashSet::new(), false, Vec::new(), None);
        let mut problems = Vec::new();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let lower = value.to_ascii_lowercase();
            match &*key {
                "tickets" if value == "all" => all = true,
                "tickets" => match lower.parse() {
                    Ok(id) => drop(tickets.insert(id)),
                    Err(_) => problems.push(problem("tickets", "tickets must be `all` or the id of a ticket")),
                },
                "order" => match lower.parse() {
                    Ok(id) if orders.contains(&id) => {}
                    Ok(id) => orders.push(id),
                    Err(_) => problems.push(problem("order", "order must be the id of an order")),
                },
                "after" => after = Some(value.into_owned()),
                _ => {}
            }
        }
        if !all && tickets.is_empty() && orders.is_empty() && problems.is_empty() {
            problems.push(problem("tickets", "Say what to watch: tickets=all, tickets=ID or order=ID"));
        }
        if tickets.len() + orders.len() > MOST {
            problems.push(problem("tickets", "At most 100 tickets and orders can be watched at once"));
        }
        let returned = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let after = returned.filter(|id| !id.is_empty()).or(after);
        let after = match after.map(|after| after.parse()) {
            None => None,
            Some(Ok(position)) => Some(position),
            Some(Err(_)) => {
                problems.push(problem("after", "after must be a position, as GET /api/live/position answers it"));
                None
            }
        };
        if !problems.is_empty() {
            return Err(ApiError::Invalid(problems));
        }
        Ok(Self { tickets: if all { Tickets::All } else { Tickets::These(tickets) }, orders, after })
    }
}

fn problem(field: &'static str, message: &str) -> Problem {
    Problem { message: message.to_owned(), field: Some(field) }
}
