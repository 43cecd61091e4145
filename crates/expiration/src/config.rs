//! The settings, with the course's environment names.

use common::bus::NatsSettings;
use common::telemetry::TelemetrySettings;
use service::settings::Sections;

/// All sections of this program: it needs a broker, and no database.
pub fn sections() -> Sections {
    Sections::new().with::<NatsSettings>().with::<TelemetrySettings>()
}
