//! The expiration service as a program of its own.

use common::telemetry::TelemetrySettings;
use expiration::{Expiration, ExpirationSettings};
use service::Exit;
use service::settings::Sections;

fn main() -> Exit {
    service::runner::main(
        "expiration",
        Sections::new().with::<ExpirationSettings>().with::<TelemetrySettings>(),
        || Expiration,
    )
}
