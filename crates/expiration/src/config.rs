//! The settings, with the course's environment names.

use common::bus::NatsSettings;
use service::settings::Sections;

/// All sections of this program: it needs a broker, and nothing else.
pub fn sections() -> Sections {
    Sections::new().with::<NatsSettings>()
}
