//! Settings as a test gives them.

use common::telemetry::TelemetrySettings;
use service::Section;
use service::settings::{Sections, Settings, Sources};

use crate::KEY;

/// The settings of a service, from environment variables.
pub fn settings<T: Section>(environment: &[(&str, &str)]) -> Settings {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let sections = Sections::new().with::<T>().with::<TelemetrySettings>();
    Settings::load(sections, Sources { environment, ..Sources::default() }).unwrap()
}

/// The five variables that every service with a database and events has in the course.
pub fn course_environment<'a>(mongo_uri: &'a str, nats_url: &'a str, client_id: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("JWT_KEY", KEY),
        ("MONGO_URI", mongo_uri),
        ("NATS_URL", nats_url),
        ("NATS_CLUSTER_ID", "ticketing"),
        ("NATS_CLIENT_ID", client_id),
    ]
}
