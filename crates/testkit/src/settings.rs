//! Settings as a test gives them.

use std::process::Command;

use common::Program;
use service::settings::{Sections, Settings, Sources};

use crate::KEY;

/// The settings of a program, from environment variables.
pub fn settings(sections: Sections, environment: &[(&str, &str)]) -> Settings {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
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

/// Removes from a command's environment what it would say about the settings of these programs.
pub fn without_settings(command: &mut Command, programs: &[Program]) {
    for program in programs {
        let settings = (program.declaration.sections)().describe();
        for variable in settings.into_iter().flat_map(|setting| setting.variables) {
            command.env_remove(variable);
        }
    }
}
