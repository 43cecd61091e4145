//! One connected client: what it is sent, one thing after the other.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use common::events::OrderId;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, FuturesUnordered, SelectAll, StreamExt, select_all};
use service::Error;
use service::settings::Every;
use tokio::time::{Instant, sleep, sleep_until};

use super::change::{Change, Encoded};
use super::limits::Counted;
use super::orders::{Answer, Orders};
use super::position::Position;
use super::question::Tickets;
use super::reading::{Next, Reading};

/// The pauses between two questions about an order whose payment is being handled, or whose service is away.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a client is sent.
#[derive(Debug)]
pub(super) enum Sent {
    Events(Vec<Encoded>),
    KeepAlive,
    /// Nothing more.
    End(Ended),
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ended {
    /// The program stops; the client may connect again.
    Stop,
    /// The session is over; the client must sign in.
    SessionOver,
}

type Asking = FuturesUnordered<BoxFuture<'static, (OrderId, Result<Answer, Error>)>>;

/// One connected client.
pub(super) struct LiveClient {
    reading: Reading,
    tickets: Tickets,
    watched: HashMap<OrderId, Watched>,
    asking: Asking,
    orders: Orders,
    cookies: HeaderValue,
    /// What is sent before all else.
    first: Vec<Encoded>,
    /// Keep-alives and the end: all in one, so that what waits for a change looks at none of them until it happens.
    signals: SelectAll<BoxStream<'static, Sent>>,
    _counted: Counted,
}

/// An order that the client watches.
#[derive(Debug)]
struct Watched {
    /// What the client has seen.
    shown: String,
    /// Whether the service is being asked.
    is_asked: bool,
    /// Whether something has happened since it was asked.
    is_changed: bool,
    /// Whether a payment was made that the order does not show yet.
    is_being_paid: bool,
    pause: Duration,
}

/// What a client begins with.
pub(super) struct Beginning {
    pub(super) reading: Reading,
    pub(super) tickets: Tickets,
    /// The orders it watches, as they are now.
    pub(super) watched: Vec<(OrderId, String)>,
    pub(super) orders: Orders,
    pub(super) cookies: HeaderValue,
    pub(super) must_reset: bool,
    pub(super) keep_alive: Every,
    /// When the program stops.
    pub(super) stop: BoxFuture<'static, ()>,
    /// When the session is over.
    pub(super) over: Option<Instant>,
    pub(super) counted: Counted,
}

impl LiveClient {
    pub(super) fn new(beginning: Beginning) -> Self {
        let Beginning { reading, tickets, watched, orders, cookies, must_reset, keep_alive, stop, over, counted } =
            beginning;
        let position = reading.position();
        let reset = must_reset.then(|| Encoded::new("reset", position, "{}"));
        let states = watched.iter().map(|(_, json)| Encoded::new("order", position, json));
        let first = reset.into_iter().chain(states).collect();
        let over = stream::iter(over).then(sleep_until);
        let signals = select_all([
            stream::once(stop).map(|()| Sent::End(Ended::Stop)).boxed(),
            over.map(|()| Sent::End(Ended::SessionOver)).boxed(),
            keep_alive.ticks().map(|()| Sent::KeepAlive).boxed(),
        ]);
        let watched = watched.into_iter().map(|(id, shown)| (id, Watched::new(shown))).collect();
        let asking = FuturesUnordered::new();
        Self { reading, tickets, watched, asking, orders, cookies, first, signals, _counted: counted }
    }

    /// Where the client is.
    pub(super) fn position(&self) -> Position {
        self.reading.position()
    }

    /// Waits for what is sent next.
    pub(super) async fn next(&mut self) -> Sent {
        if !self.first.is_empty() {
            return Sent::Events(mem::take(&mut self.first));
        }
        loop {
            let events = tokio::select! {
                biased;
                Some(signal) = self.signals.next() => return signal,
                Some((id, answer)) = self.asking.next(), if !self.asking.is_empty() => match self.learn(id, answer) {
                    Ok(event) => Vec::from_iter(event),
                    Err(ended) => return Sent::End(ended),
                },
                next = self.reading.next() => match next {
                    Next::Changes(changes) => self.see(&changes),
                    Next::Reset => {
                        self.ask_about_all();
                        vec![Encoded::new("reset", self.reading.position(), "{}")]
                    }
                },
            };
            if !events.is_empty() {
                return Sent::Events(events);
            }
        }
    }

    /// The events that the client is sent for these changes; about its orders the service is asked.
    fn see(&mut self, changes: &[Arc<Change>]) -> Vec<Encoded> {
        let mut events = Vec::new();
        for change in changes {
            match &**change {
                Change::Ticket(ticket) if self.tickets.include(ticket.id) => events.push(ticket.event.clone()),
                Change::Ticket(_) => {}
                Change::Order { id, is_payment, .. } => {
                    let Some(watched) = self.watched.get_mut(id) else { continue };
                    watched.is_being_paid |= is_payment;
                    watched.pause = FIRST_PAUSE;
                    watched.is_changed = watched.is_asked;
                    if !watched.is_asked {
                        self.ask(*id, Duration::ZERO);
                    }
                }
            }
        }
        events
    }

    fn ask_about_all(&mut self) {
        let ids: Vec<_> = self.watched.iter().filter(|(_, watched)| !watched.is_asked).map(|(id, _)| *id).collect();
        for id in ids {
            self.ask(id, Duration::ZERO);
        }
    }

    fn ask(&mut self, id: OrderId, after: Duration) {
        let Some(watched) = self.watched.get_mut(&id) else { return };
        (watched.is_asked, watched.is_changed) = (true, false);
        let (orders, cookies) = (self.orders.clone(), self.cookies.clone());
        self.asking.push(Box::pin(async move {
            sleep(after).await;
            (id, orders.order(id, &cookies).await)
        }));
    }

    /// The event that the client is sent for an answer about its order.
    fn learn(&mut self, id: OrderId, answer: Result<Answer, Error>) -> Result<Option<Encoded>, Ended> {
        let Some(watched) = self.watched.get_mut(&id) else { return Ok(None) };
        watched.is_asked = false;
        let mut event = None;
        let asks_again = match answer {
            Ok(Answer::Order { json, status }) => {
                watched.is_being_paid &= !matches!(&*status, "complete" | "cancelled");
                if watched.shown != json {
                    event = Some(Encoded::new("order", self.reading.position(), &json));
                    watched.shown = json;
                }
                watched.is_being_paid
            }
            Ok(Answer::NotAuthorized) => return Err(Ended::SessionOver),
            Ok(Answer::NotFound) => false,
            Err(error) => {
                tracing::debug!("{error:#}; trying again");
                true
            }
        };
        if watched.is_changed {
            self.ask(id, Duration::ZERO);
        } else if asks_again {
            let pause = watched.pause;
            watched.pause = (2 * pause).min(LONGEST_PAUSE);
            self.ask(id, pause);
        }
        Ok(event)
    }
}

impl Watched {
    fn new(shown: String) -> Self {
        Self { shown, is_asked: false, is_changed: false, is_being_paid: false, pause: FIRST_PAUSE }
    }
}
