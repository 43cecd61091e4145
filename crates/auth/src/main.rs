//! The auth service as a program of its own.

use auth::{Auth, AuthSettings};
use common::telemetry::TelemetrySettings;
use service::Exit;
use service::settings::Sections;

fn main() -> Exit {
    service::runner::main("auth", Sections::new().with::<AuthSettings>().with::<TelemetrySettings>(), || Auth)
}
