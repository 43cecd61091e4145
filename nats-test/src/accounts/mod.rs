//! The concurrency lesson: a bank account, three events, and what can happen to them on the way.
//!
//! Two instances of one service share the events of a queue group: a deposit of 70, a deposit of 40, a withdrawal of
//! 100. Each instance is a process that reads the account from a database, changes it, and writes it back. Whatever
//! happens, the balance should be 10.

mod event;
mod instance;
mod matrix;
mod place;
mod process;
mod report;
mod scenario;
mod stage;
mod store;
mod trial;

pub use self::event::{Event, Kind};
pub use self::instance::Instance;
pub use self::matrix::{Cost, EVENTS, costs, matrix};
pub use self::place::Place;
pub use self::report::{Did, Report};
pub use self::scenario::{Mishap, Scenario, Solution};
pub use self::stage::{Part, Stage, close};
pub use self::trial::{Outcome, Trial};
