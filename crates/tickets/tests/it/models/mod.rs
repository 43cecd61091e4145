//! What the service owns.

mod ticket;
