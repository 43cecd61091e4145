//! How a service finds its database, with the course's variable.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::Problem;

use crate::DatabaseUri;

/// How to set the URI.
pub(crate) const UNSET: &str = "must be set: MONGO_URI=mongodb://localhost:27017/ticketing";

/// The section `[mongo]`, of every service with a database of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MongoSettings {
    /// The database of this service, as mongodb://host:port/database
    #[schemars(with = "DatabaseUri")]
    pub uri: Option<DatabaseUri>,
}

impl Section for MongoSettings {
    const NAME: &'static str = "mongo";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[("MONGO_URI", "uri")];

    fn check(&self) -> Vec<Problem> {
        if self.uri.is_none() { vec![Problem::new("uri", UNSET)] } else { Vec::new() }
    }
}
