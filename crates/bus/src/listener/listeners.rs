//! The listeners of a service: one list that starts them and describes them.

use events::{Event, Subject};
use service::{Error, Scope};

use super::{Effects, Listen, Listener};
use crate::Bus;

/// A queue group's subscription to one subject: a durable consumer on the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// The subject that the listener subscribes to.
    pub subject: Subject,
    /// The queue group that shares the events.
    pub queue_group: &'static str,
}

impl Subscribed {
    const fn of<L: Listener>() -> Self {
        Self { subject: L::Event::SUBJECT, queue_group: L::QUEUE_GROUP }
    }
}

/// The listeners of a service: a tuple of them.
///
/// A service names them once, as a type. The [topology](crate::Topology) of the service is made from the type, and
/// [`Listeners::start`] takes its value, so a service can't listen to what it does not describe.
pub trait Listeners: Send {
    /// Where the effects of all of them are stored.
    type Effects: Effects;

    /// The subscriptions, one for each listener.
    const SUBSCRIPTIONS: &'static [Subscribed];

    /// Starts the listeners as children of the scope, each named after its subject, as `ticket-created`.
    ///
    /// While the broker or the store is away they wait, and are not ready.
    ///
    /// # Errors
    ///
    /// When one of them can't run: another listener of this process has its queue group and subject, say.
    fn start<H: Send + 'static>(
        self,
        scope: &Scope<H>,
        effects: &Self::Effects,
        bus: &Bus,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

async fn start<L: Listener, H>(scope: &Scope<H>, effects: &L::Effects, bus: &Bus, listener: L) -> Result<(), Error> {
    let name = L::Event::SUBJECT.dashed();
    scope.child(&name).wait_until_ready().start(Listen::new(effects, bus, listener)).await
}

impl<A: Listener> Listeners for (A,) {
    type Effects = A::Effects;

    const SUBSCRIPTIONS: &'static [Subscribed] = &[Subscribed::of::<A>()];

    async fn start<H: Send + 'static>(self, scope: &Scope<H>, effects: &A::Effects, bus: &Bus) -> Result<(), Error> {
        start(scope, effects, bus, self.0).await
    }
}

impl<A: Listener, B: Listener<Effects = A::Effects>> Listeners for (A, B) {
    type Effects = A::Effects;

    const SUBSCRIPTIONS: &'static [Subscribed] = &[Subscribed::of::<A>(), Subscribed::of::<B>()];

    async fn start<H: Send + 'static>(self, scope: &Scope<H>, effects: &A::Effects, bus: &Bus) -> Result<(), Error> {
        start(scope, effects, bus, self.0).await?;
        start(scope, effects, bus, self.1).await
    }
}

impl<A, B, C, D> Listeners for (A, B, C, D)
where
    A: Listener,
    B: Listener<Effects = A::Effects>,
    C: Listener<Effects = A::Effects>,
    D: Listener<Effects = A::Effects>,
{
    type Effects = A::Effects;

    const SUBSCRIPTIONS: &'static [Subscribed] =
        &[Subscribed::of::<A>(), Subscribed::of::<B>(), Subscribed::of::<C>(), Subscribed::of::<D>()];

    async fn start<H: Send + 'static>(self, scope: &Scope<H>, effects: &A::Effects, bus: &Bus) -> Result<(), Error> {
        start(scope, effects, bus, self.0).await?;
        start(scope, effects, bus, self.1).await?;
        start(scope, effects, bus, self.2).await?;
        start(scope, effects, bus, self.3).await
    }
}
