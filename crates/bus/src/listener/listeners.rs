//! The listeners of a service: one list that starts them and describes them.

use events::{Event, Subject};
use service::{Error, Members, Scope};

use super::{Effects, Lanes, Limits, Listen, Listener, ListenerSettings};
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

/// What the listeners of a service have in common.
#[derive(Clone, Debug)]
pub struct Common<E> {
    effects: E,
    bus: Bus,
    limits: Limits,
    lanes: Lanes,
}

/// The listeners of a service: a tuple of them.
///
/// A service names them once, as a type. The [topology](crate::Topology) of the service is made from the type, and
/// [`Listeners::start`] takes its value, so a service can't listen to what it does not describe.
pub trait Listeners: Sized + Send + 'static {
    /// Where the effects of all of them are stored.
    type Effects: Effects;

    /// The subscriptions, one for each listener.
    const SUBSCRIPTIONS: &'static [Subscribed];

    /// Starts each listener as a member of the child `listeners`.
    fn start_each(
        self,
        members: &Members,
        common: &Common<Self::Effects>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Starts the listeners as members of the child `listeners`, each named after its subject, as `ticket-created`. They
    /// are asked to stop at the same moment.
    ///
    /// While the broker or the store is away they wait, and are not ready.
    ///
    /// # Errors
    ///
    /// When one of them can't run: another listener of this process has its queue group and subject, say. When the
    /// program has no section `[listener]`.
    fn start<H: Send + 'static>(
        self,
        scope: &Scope<H>,
        effects: &Self::Effects,
        bus: &Bus,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async {
            let limits = scope.settings::<ListenerSettings>()?.get().limits();
            let common = Common { effects: effects.clone(), bus: bus.clone(), limits, lanes: Lanes::default() };
            scope.together("listeners", async move |members: Members| self.start_each(&members, &common).await).await
        }
    }
}

async fn start<L: Listener>(listener: L, members: &Members, common: &Common<L::Effects>) -> Result<(), Error> {
    let Common { effects, bus, limits, lanes } = common.clone();
    let name = L::Event::SUBJECT.dashed();
    members.child(&name).wait_until_ready().start(Listen { effects, bus, listener, limits, lanes }).await
}

impl<A: Listener> Listeners for (A,) {
    type Effects = A::Effects;

    const SUBSCRIPTIONS: &'static [Subscribed] = &[Subscribed::of::<A>()];

    async fn start_each(self, members: &Members, common: &Common<A::Effects>) -> Result<(), Error> {
        start(self.0, members, common).await
    }
}

impl<A: Listener, B: Listener<Effects = A::Effects>> Listeners for (A, B) {
    type Effects = A::Effects;

    const SUBSCRIPTIONS: &'static [Subscribed] = &[Subscribed::of::<A>(), Subscribed::of::<B>()];

    async fn start_each(self, members: &Members, common: &Common<A::Effects>) -> Result<(), Error> {
        start(self.0, members, common).await?;
        start(self.1, members, common).await
    }
}

impl<A, B, C> Listeners for (A, B, C)
where
    A: Listener,
    B: Listener<Effects = A::Effects>,
    C: Listener<Effects = A::Effects>,
{
    type Effects = A::Effects;

    const SUBSCRIPTIONS: &'static [Subscribed] = &[Subscribed::of::<A>(), Subscribed::of::<B>(), Subscribed::of::<C>()];

    async fn start_each(self, members: &Members, common: &Common<A::Effects>) -> Result<(), Error> {
        start(self.0, members, common).await?;
        start(self.1, members, common).await?;
        start(self.2, members, common).await
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

    async fn start_each(self, members: &Members, common: &Common<A::Effects>) -> Result<(), Error> {
        start(self.0, members, common).await?;
        start(self.1, members, common).await?;
        start(self.2, members, common).await?;
        start(self.3, members, common).await
    }
}
