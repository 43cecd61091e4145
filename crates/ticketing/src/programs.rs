//! The services of the application, in their start order.

use common::Program;

/// The services of the application, in their start order.
pub const PROGRAMS: [Program; 7] = [
    auth::PROGRAM,
    tickets::PROGRAM,
    orders::PROGRAM,
    payments::PROGRAM,
    expiration::PROGRAM,
    gateway::PROGRAM,
    ::client::PROGRAM,
];
