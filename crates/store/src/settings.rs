//! How a service finds its database, with the course's variable.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::{Problem, Secret, required};

/// The section `[mongo]`, of every service with a database of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MongoSettings {
    /// The database of this service, as mongodb://host:port/database
    pub uri: Secret,
}

impl Section for MongoSettings {
    const NAME: &'static str = "mongo";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[("MONGO_URI", "uri")];

    fn check(&self) -> Vec<Problem> {
        let is_set = !self.uri.reveal().is_empty();
        required("uri", is_set, "MONGO_URI=mongodb://localhost:27017/tickets").into_iter().collect()
    }
}
