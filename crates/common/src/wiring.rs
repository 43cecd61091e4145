//! Who says what on the bus, and who hears it: read from the types that do so.

use crate::events::{Direct, Event, Subject};
use crate::listener::Listener;
use crate::store::Recorded;

/// What one service says and hears.
///
/// ```
/// use common::events::{Subject, TicketCreated, TicketUpdated};
/// use common::wiring::Wiring;
///
/// type Said = (TicketCreated, TicketUpdated); // what the service's outboxes are made from
///
/// let wiring = Wiring::of("tickets").records::<Said>();
/// assert_eq!(wiring.publishes, [Subject::TicketCreated, Subject::TicketUpdated]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiring {
    /// The service.
    pub service: &'static str,
    /// What it says.
    pub publishes: Vec<Subject>,
    /// What it hears.
    pub listens: Vec<Ear>,
}

/// One listener: a durable consumer on the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ear {
    /// What it listens to.
    pub subject: Subject,
    /// With whom it shares that.
    pub queue_group: &'static str,
}

impl Wiring {
    /// A service that says and hears nothing yet.
    pub const fn of(service: &'static str) -> Self {
        Self { service, publishes: Vec::new(), listens: Vec::new() }
    }

    /// It records these with the state they tell of.
    #[must_use]
    pub fn records<R: Recorded>(mut self) -> Self {
        self.publishes.extend(R::SUBJECTS);
        self
    }

    /// It publishes this by itself.
    #[must_use]
    pub fn publishes<E: Direct>(mut self) -> Self {
        self.publishes.push(E::SUBJECT);
        self
    }

    /// It has this listener.
    #[must_use]
    pub fn listens<L: Listener>(self) -> Self {
        self.listens_to::<L::Event>(L::QUEUE_GROUP)
    }

    /// It hears this in a group, by other means than a [`Listener`].
    #[must_use]
    pub fn listens_to<E: Event>(mut self, queue_group: &'static str) -> Self {
        self.listens.push(Ear { subject: E::SUBJECT, queue_group });
        self
    }
}
