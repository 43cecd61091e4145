//! The tickets service as a program of its own.

use common::telemetry::TelemetrySettings;
use service::Exit;
use service::settings::Sections;
use tickets::{Tickets, TicketsSettings};

fn main() -> Exit {
    service::runner::main("tickets", Sections::new().with::<TicketsSettings>().with::<TelemetrySettings>(), || Tickets)
}
