//! What an event tells about.

/// The kinds of records that events tell about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// Owned by the tickets service.
    Ticket,
    /// Owned by the orders service.
    Order,
    /// Owned by the payments service.
    Payment,
}

/// Which record an event tells about, and the version it has because of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AggregateRef {
    /// What kind of record.
    pub aggregate: Aggregate,
    /// Its id.
    pub id: String,
    /// Its version after the change; nothing when the event does not change the record itself.
    pub version: Option<u64>,
}
