//! Lanes: the events of one record are handled one after the other, those of different records at the same time.
//!
//! The broker delivers the changes of one record to several handlers at once. All but one of them come too early, or
//! conflict in the database. So each handler first takes a turn in the lane of the record that its listener changes. The
//! listeners of a queue group share their lanes, since they change the same records.
//!
//! A lane exists only while it has an event.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use events::RecordKey;
use tokio::sync::oneshot;

/// The lanes of the listeners of a queue group in this process. Cloning it is cheap; the clones share the lanes.
#[derive(Clone, Debug, Default)]
pub struct Lanes(Arc<Mutex<Taken>>);

/// The lanes that have an event.
#[derive(Debug, Default)]
struct Taken {
    lanes: HashMap<RecordKey, Lane>,
    /// How many events have waited for their turn.
    waited: u64,
}

/// The events that wait for their turn. The number distinguishes two deliveries of one event.
type Lane = BTreeMap<(Place, u64), oneshot::Sender<Turn>>;

/// The place of an event in its lane: by the version that the record has because of it, then by the order of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The version after the event; 0 if the event is about another record than the one that its listener changes.
    pub(crate) version: u64,
    /// The sequence of the event in the stream.
    pub(crate) sequence: u64,
}

/// The right to handle an event of a record. The next event has its turn when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Option<(Lanes, RecordKey)>);

impl Lanes {
    /// Whether an event of the record has its turn.
    pub(crate) fn is_taken(&self, record: RecordKey) -> bool {
        self.lock().lanes.contains_key(&record)
    }

    /// The turn of an event, if no other event of its record has it; otherwise a place in the lane, which is given up when
    /// the receiver is dropped.
    pub(crate) fn turn(&self, record: RecordKey, place: Place) -> Result<Turn, oneshot::Receiver<Turn>> {
        let mut taken = self.lock();
        let Taken { lanes, waited } = &mut *taken;
        let Some(lane) = lanes.get_mut(&record) else {
            lanes.insert(record, Lane::new());
            return Ok(Turn(Some((self.clone(), record))));
        };
        let (sender, receiver) = oneshot::channel();
        *waited += 1;
        lane.insert((place, *waited), sender);
        Err(receiver)
    }

    /// Removes the first event of the lane, or the lane if it has none.
    fn next(&self, record: RecordKey) -> Option<oneshot::Sender<Turn>> {
        let lanes = &mut self.lock().lanes;
        let first = lanes.get_mut(&record).and_then(BTreeMap::pop_first);
        if first.is_none() {
            lanes.remove(&record);
        }
        Some(first?.1)
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some((lanes, record)) = self.0.take() else { return };
        while let Some(next) = lanes.next(record) {
            match next.send(Self(Some((lanes.clone(), record)))) {
                Ok(()) => return,
                Err(mut unwanted) => drop(unwanted.0.take()), // its handler was dropped
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use events::{Aggregate, AnyId, RecordKey};
    use futures_util::FutureExt;

    use super::{Lanes, Place};

    fn record(number: u8) -> RecordKey {
        RecordKey { aggregate: Aggregate::Ticket, id: AnyId::from_bytes([number; 12]) }
    }

    fn place(version: u64, sequence: u64) -> Place {
        Place { version, sequence }
    }

    #[test]
    fn the_events_of_a_record_have_their_turns_in_the_order_of_versions_and_others_at_once() {
        let lanes = Lanes::default();
        let first = lanes.turn(record(1), place(3, 7)).unwrap();
        let mut later = lanes.turn(record(1), place(5, 8)).unwrap_err();
        let mut earlier = lanes.turn(record(1), place(4, 9)).unwrap_err();
        drop(lanes.turn(record(2), place(9, 1)).unwrap());
        drop(first);
        assert!((&mut later).now_or_never().is_none());
        let turn = (&mut earlier).now_or_never().unwrap().unwrap();
        assert!((&mut later).now_or_never().is_none());
        drop(turn);
        drop(later.now_or_never().unwrap().unwrap());
        assert!(!lanes.is_taken(record(1)));
    }

    #[test]
    fn a_handler_that_is_dropped_loses_no_turn_and_a_lane_without_events_takes_no_memory() {
        let lanes = Lanes::default();
        let first = lanes.turn(record(1), place(1, 1)).unwrap();
        let dropped_before = lanes.turn(record(1), place(2, 2)).unwrap_err();
        let dropped_with_its_turn = lanes.turn(record(1), place(3, 3)).unwrap_err();
        let last = lanes.turn(record(1), place(4, 4)).unwrap_err();
        drop(dropped_before);
        drop(first);
        drop(dropped_with_its_turn);
        drop(last.now_or_never().unwrap().unwrap());
        assert!(lanes.lock().lanes.is_empty());
    }
}
