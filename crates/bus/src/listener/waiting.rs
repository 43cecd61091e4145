//! Events that wait for an earlier one, and where they do so.

use std::convert::Infallible;
use std::time::Duration;

use events::Subject;
use service::Error;
use tokio::sync::mpsc;

use super::Awaited;
use crate::{Bus, Delivery};

/// An event that waits for an earlier one.
#[derive(Clone, Debug)]
pub struct WaitingEvent {
    /// The queue group whose listener has not handled it yet.
    pub group: String,
    /// What distinguishes it from other events of the group: its id, and for a redriven event also the redrive.
    pub id: String,
    /// The event itself.
    pub delivery: Delivery,
    /// What it waits for.
    pub awaited: Awaited,
    /// How long it has waited.
    pub waited: Duration,
}

/// What became of an event that was to be stored until its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is stored, and the broker need not keep it.
    Stored,
    /// Nothing can be stored here, so it must return to the broker. It has waited for this long.
    Returned(Duration),
}

/// What became of a stored event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is handled or a dead letter, and need not be stored any more.
    Done,
    /// It has failed, and is tried again after this time.
    Later(Duration),
    /// It waits for this.
    Waits(Awaited),
}

/// Where events wait for an earlier one: a part of [`Effects`](super::Effects).
///
/// An event that comes too early waits in the process first, since its predecessor is usually on its way. If that takes
/// longer, the event is stored, and acked: whatever waits at the broker counts against its limits, is redelivered again
/// and again, and takes the turns of new events.
pub trait WaitingRoom {
    /// How long an event waits in the process before it is stored; `None` if nothing can be stored, so that the event
    /// returns to the broker.
    const IN_PROCESS: Option<Duration>;

    /// Waits until the record has the version, whichever process has written it.
    fn reached(&self, awaited: Awaited) -> impl Future<Output = ()> + Send;

    /// Stores an event until the record that it waits for has the version. Storing it again changes nothing.
    fn keep(&self, event: &WaitingEvent) -> impl Future<Output = Result<Keeping, Error>> + Send;

    /// The stored events of a group and subject that are to be tried now: because the record has the version, or because
    /// they have waited for too long. Each of them must be [settled](WaitingRoom::settle).
    fn returning(&self, group: &'static str, subject: Subject) -> mpsc::Receiver<WaitingEvent>;

    /// Notes what became of a stored event.
    fn settle(&self, event: &WaitingEvent, settled: Settled) -> impl Future<Output = Result<(), Error>> + Send;

    /// Finds the records that have arrived, and the stored events that are to be tried; those that have waited for longer
    /// than `limit` too. Every listener runs this alongside itself; one of them in a process is enough.
    fn serve(&self, bus: &Bus, limit: Duration) -> impl Future<Output = Infallible> + Send;
}
