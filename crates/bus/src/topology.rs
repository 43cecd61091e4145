//! What a service publishes and listens to, derived from the types that do so.

use events::{Direct, Subject};

use crate::{Listeners, Subscribed};

/// What one service publishes and listens to.
///
/// ```
/// use bus::Topology;
/// use events::{ExpirationComplete, Subject};
///
/// let topology = Topology::new().publishes_directly::<ExpirationComplete>();
/// assert_eq!(topology.publishes, [Subject::ExpirationComplete]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// The subjects that the service publishes on.
    pub publishes: Vec<Subject>,
    /// The subscriptions of the service's listeners.
    pub subscribes: Vec<Subscribed>,
}

impl Topology {
    /// A service that neither publishes nor listens.
    pub const fn new() -> Self {
        Self { publishes: Vec::new(), subscribes: Vec::new() }
    }

    /// Adds subjects whose events the service records in its outbox.
    #[must_use]
    pub fn publishes(mut self, subjects: &[Subject]) -> Self {
        self.publishes.extend(subjects);
        self
    }

    /// Adds an event that the service publishes directly.
    #[must_use]
    pub fn publishes_directly<E: Direct>(self) -> Self {
        self.publishes(&[E::SUBJECT])
    }

    /// Adds the listeners of the service.
    #[must_use]
    pub fn listens<L: Listeners>(mut self) -> Self {
        self.subscribes.extend(L::SUBSCRIPTIONS);
        self
    }
}
