//! The services of the application, in their start order.

use common::Program;

/// The services of the application, in their start order.
pub const PROGRAMS: [Program; 4] = [auth::PROGRAM, tickets::PROGRAM, orders::PROGRAM, expiration::PROGRAM];
