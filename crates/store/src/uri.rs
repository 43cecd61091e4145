//! The address of a service's database.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use mongodb::options::ConnectionString;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use service::settings::{Secret, text};

use crate::error::plain;

/// The URI of one database: `mongodb://localhost:27017/ticketing`.
///
/// It is shown as `***`, since it may contain a password. The form `mongodb+srv://`, whose hosts are looked up in the DNS,
/// is refused: the driver is built without a resolver of its own, which every service would carry.
#[derive(Clone, PartialEq)]
pub struct DatabaseUri {
    connection: ConnectionString,
    database: String,
}

/// A text that is not a [`DatabaseUri`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUri {
    /// The scheme is not `mongodb`.
    #[error("must begin with mongodb://, as mongodb://localhost:27017/ticketing")]
    Scheme,
    /// The scheme is `mongodb+srv`.
    #[error("mongodb+srv:// is not supported; list the hosts, as mongodb://a:27017,b:27017/ticketing?replicaSet=rs0")]
    Srv,
    /// The rest is malformed. What is wrong is not quoted if the URI contains a login.
    #[error("is not a MongoDB URI ({0}); expected one like mongodb://localhost:27017/ticketing")]
    Malformed(String),
    /// The URI names no database.
    #[error("names no database; add one, as in mongodb://localhost:27017/ticketing")]
    NoDatabase,
}

impl DatabaseUri {
    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// What the driver connects with.
    pub(crate) fn connection(&self) -> ConnectionString {
        self.connection.clone()
    }
}

impl FromStr for DatabaseUri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        if text.starts_with("mongodb+srv://") {
            return Err(InvalidUri::Srv);
        }
        if !text.starts_with("mongodb://") {
            return Err(InvalidUri::Scheme);
        }
        let connection = ConnectionString::parse(text).map_err(|error| {
            // The driver quotes what it does not understand, which may be a part of the password.
            let has_login = text.contains('@');
            InvalidUri::Malformed(if has_login { "the login must be URL-encoded".to_owned() } else { plain(&error) })
        })?;
        let database = connection.default_database.clone().ok_or(InvalidUri::NoDatabase)?;
        Ok(Self { connection, database })
    }
}

impl fmt::Debug for DatabaseUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Secret::default().fmt(f)
    }
}

impl Serialize for DatabaseUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Secret::default().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DatabaseUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for DatabaseUri {
    fn schema_name() -> Cow<'static, str> {
        "DatabaseUri".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::{DatabaseUri, InvalidUri};

    #[test]
    fn a_uri_has_the_scheme_of_mongodb_and_the_name_of_a_database() {
        for (text, database) in [
            ("mongodb://localhost:27017/ticketing", "ticketing"),
            ("mongodb://a,b:27018/shop?replicaSet=rs0", "shop"),
            ("mongodb://user:p%40ss@host/shop?authSource=admin", "shop"),
        ] {
            assert_eq!(text.parse::<DatabaseUri>().unwrap().database(), database, "{text}");
        }
        for text in ["", "nonsense", "http://localhost/shop", "localhost:27017/shop"] {
            assert_eq!(text.parse::<DatabaseUri>(), Err(InvalidUri::Scheme), "{text}");
        }
        assert_eq!("mongodb+srv://cluster.example.com/shop".parse::<DatabaseUri>(), Err(InvalidUri::Srv));
        for text in ["mongodb://localhost:27017", "mongodb://localhost:27017/", "mongodb://localhost/?replicaSet=rs0"] {
            assert_eq!(text.parse::<DatabaseUri>(), Err(InvalidUri::NoDatabase), "{text}");
        }
        for text in ["mongodb://", "mongodb://host:port/shop", "mongodb://host/shop?nothing"] {
            assert!(matches!(text.parse::<DatabaseUri>(), Err(InvalidUri::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let uri: DatabaseUri = "mongodb://user:secret@host/shop".parse().unwrap();
        assert_eq!((format!("{uri:?}").as_str(), serde_json::to_value(&uri).unwrap()), ("***", "***".into()));
        for text in ["mongodb://user:secret/t@host/shop", "mongodb://user:secret@:x/shop", "mongodb://u@secret@h/shop"]
        {
            let error = text.parse::<DatabaseUri>().map(drop).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
