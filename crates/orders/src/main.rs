//! The orders service as a program of its own.

use common::telemetry::TelemetrySettings;
use orders::{Orders, OrdersSettings};
use service::Exit;
use service::settings::Sections;

fn main() -> Exit {
    service::runner::main("orders", Sections::new().with::<OrdersSettings>().with::<TelemetrySettings>(), || Orders)
}
