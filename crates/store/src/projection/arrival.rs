//! The order in which events arrive at a copy.

/// How the version of an event relates to the version of the copy that it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The event is the next change.
    Next,
    /// The copy is as far as the event, or further.
    AlreadySeen,
    /// An event between the two is missing.
    TooEarly,
}

impl Arrival {
    /// The relation of an event of version `arrived` to a copy of version `held`.
    pub(crate) fn of(arrived: u64, held: u64) -> Self {
        match arrived.checked_sub(held) {
            None | Some(0) => Self::AlreadySeen,
            Some(1) => Self::Next,
            Some(_) => Self::TooEarly,
        }
    }
}
