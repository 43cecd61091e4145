//! The address of a service's database.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use mongodb::options::{AuthMechanism, ConnectionString};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use service::settings::{Secret, text};

use crate::error::plain;

const SCHEME: &str = "mongodb://";

/// The databases of MongoDB itself, in which it has no transactions.
const RESERVED: [&str; 3] = ["admin", "config", "local"];

/// The longest name of a database, in bytes.
const MAX_NAME: usize = 63;

/// The URI of one database: `mongodb://localhost:27017/ticketing`.
///
/// White space around it is ignored. User and password are percent-encoded, and belong to the database that the option
/// `authSource` names, or else to that of the URI. Names of options know no case.
///
/// Some options can't weaken what the services promise. They are read, and have no effect: `readPreference` (the primary is
/// read), `readConcernLevel` (`majority`, in a transaction `snapshot`), `w`, `journal` and `wtimeoutMS` (a write is on the
/// disks of most members), `retryReads` and `retryWrites` (both are on), `serverSelectionTimeoutMS` (two seconds).
///
/// It is shown as `***`, since it may contain a password. The form `mongodb+srv://`, whose hosts are looked up in the DNS,
/// is refused: the driver is built without a resolver of its own, which every service would carry.
#[derive(Clone, PartialEq)]
pub struct DatabaseUri {
    connection: ConnectionString,
    database: String,
    written: Written,
}

/// The parts of a URI as they are written, percent-encoded.
#[derive(Clone, PartialEq)]
struct Written {
    /// User and password, with the `@` behind them; empty without a login.
    login: String,
    hosts: String,
    database: String,
    options: String,
}

/// A text that is not a [`DatabaseUri`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUri {
    /// The scheme is not `mongodb`.
    #[error("must begin with mongodb://, as mongodb://localhost:27017/ticketing")]
    Scheme,
    /// The scheme is `mongodb+srv`.
    #[error(
        "mongodb+srv:// is not supported; list the hosts and the options of the DNS records, as \
         mongodb://a:27017,b:27017/ticketing?replicaSet=rs0&tls=true&authSource=admin"
    )]
    Srv,
    /// There is white space or a control character within it.
    #[error(
        "contains a blank, a line break or a control character; expected one like mongodb://localhost:27017/ticketing \
         (in a password, write a blank as %20)"
    )]
    Blank,
    /// The user or the password has a character that must be encoded.
    #[error(
        "has a character in its user or password that must be percent-encoded: write % as %25, @ as %40, / as %2F, : as \
         %3A, ? as %3F, # as %23, as in mongodb://user:p%40ss@localhost:27017/ticketing"
    )]
    Login,
    /// The rest is malformed.
    #[error("is not a MongoDB URI ({0}); expected one like mongodb://localhost:27017/ticketing")]
    Malformed(String),
    /// The URI names no database.
    #[error("names no database; add one, as in mongodb://localhost:27017/ticketing")]
    NoDatabase,
    /// The database is one of MongoDB itself, or its name is too long.
    #[error(
        "names the database {0}, which can't be used: choose a name of at most {MAX_NAME} bytes other than admin, config \
         and local, as in mongodb://localhost:27017/ticketing"
    )]
    Database(String),
}

impl DatabaseUri {
    /// Reads a URI that may name no database, which means `default` then; a login belongs to `admin` in that case.
    ///
    /// # Errors
    ///
    /// When the text is not a URI.
    pub fn with_default_database(text: &str, default: &str) -> Result<Self, InvalidUri> {
        let (connection, written) = read(text)?;
        if connection.default_database.is_some() {
            return Self::checked(connection, written);
        }
        written.in_database(&connection, default.to_owned()).parse()
    }

    /// The URI of another database of the same servers, with the same login and options: `shop` becomes `shop-auth`.
    ///
    /// # Errors
    ///
    /// When the name of the database would be too long.
    pub fn with_suffix(&self, suffix: &str) -> Result<Self, InvalidUri> {
        self.written.in_database(&self.connection, format!("{}-{suffix}", self.written.database)).parse()
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The hosts, as they are written, without the login: `127.0.0.1:27017,[::1]:27018`.
    pub fn hosts(&self) -> &str {
        &self.written.hosts
    }

    /// The whole URI, with the password.
    pub fn reveal(&self) -> String {
        self.written.text()
    }

    /// What the driver connects with.
    pub(crate) fn connection(&self) -> ConnectionString {
        self.connection.clone()
    }

    fn checked(connection: ConnectionString, written: Written) -> Result<Self, InvalidUri> {
        let database = connection.default_database.clone().ok_or(InvalidUri::NoDatabase)?;
        if database.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            return Err(InvalidUri::Blank);
        }
        if database.len() > MAX_NAME {
            return Err(InvalidUri::Database(database));
        }
        Ok(Self { connection, database, written })
    }
}

/// What the driver makes of a text, and the parts of the text.
fn read(text: &str) -> Result<(ConnectionString, Written), InvalidUri> {
    let text = text.trim();
    if text.starts_with("mongodb+srv://") {
        return Err(InvalidUri::Srv);
    }
    let rest = text.strip_prefix(SCHEME).ok_or(InvalidUri::Scheme)?;
    if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err(InvalidUri::Blank);
    }
    let connection = ConnectionString::parse(text).map_err(|error| {
        // The driver quotes what it does not understand, which may be a part of the password: it is asked without.
        let Some((_, rest)) = rest.rsplit_once('@') else { return malformed_hosts(&error) };
        ConnectionString::parse(format!("{SCHEME}{rest}")).map_or_else(|error| malformed(&error), |_| InvalidUri::Login)
    })?;
    let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
    let (login, place) = place.rsplit_once('@').map_or(("", place), |(login, place)| (&rest[..=login.len()], place));
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    let [login, hosts, database, options] = [login, hosts, database, options].map(str::to_owned);
    Ok((connection, Written { login, hosts, database, options }))
}

fn malformed(error: &mongodb::error::Error) -> InvalidUri {
    InvalidUri::Malformed(plain(error))
}

/// As [`malformed`], of a text without a login: what the driver quotes may be one whose hosts are missing.
fn malformed_hosts(error: &mongodb::error::Error) -> InvalidUri {
    let reason = plain(error);
    let is_quoted = reason.contains("server address") || reason.contains("port");
    let unquoted = || "before the / are hosts, each with its port or without".to_owned();
    InvalidUri::Malformed(if is_quoted { unquoted() } else { reason })
}

impl Written {
    fn text(&self) -> String {
        let Self { login, hosts, database, options } = self;
        let question = if options.is_empty() { "" } else { "?" };
        format!("{SCHEME}{login}{hosts}/{database}{question}{options}")
    }

    /// The text with another database. The login stays where it is.
    fn in_database(&self, connection: &ConnectionString, database: String) -> String {
        let mut options = self.options.clone();
        if let Some(source) = self.implied_source(connection) {
            let and = if options.is_empty() { "" } else { "&" };
            options = format!("{options}{and}authSource={source}");
        }
        Self { options, database, ..self.clone() }.text()
    }

    /// Where the login belongs, if that follows from the name of the database.
    fn implied_source(&self, connection: &ConnectionString) -> Option<&str> {
        let credential = connection.credential.as_ref().filter(|credential| credential.source.is_none())?;
        let named = Some(self.database.as_str()).filter(|name| !name.is_empty());
        match credential.mechanism {
            None | Some(AuthMechanism::ScramSha1 | AuthMechanism::ScramSha256) => named.or(Some("admin")),
            Some(AuthMechanism::Plain) => named.or(Some("$external")),
            Some(_) => None,
        }
    }
}

impl FromStr for DatabaseUri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        let (connection, written) = read(text)?;
        let uri = Self::checked(connection, written)?;
        if RESERVED.contains(&uri.database()) { Err(InvalidUri::Database(uri.database)) } else { Ok(uri) }
    }
}

impl fmt::Debug for DatabaseUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Secret::from(self.reveal()).fmt(f)
    }
}

impl Serialize for DatabaseUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Secret::from(self.reveal()).serialize(serializer)
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
    use super::{DatabaseUri, InvalidUri, SCHEME};

    fn refused(text: &str) -> InvalidUri {
        text.parse::<DatabaseUri>().map(drop).unwrap_err()
    }

    #[test]
    fn a_uri_has_the_scheme_of_mongodb_and_the_name_of_a_database() {
        for (text, database) in [
            ("mongodb://localhost:27017/ticketing", "ticketing"),
            ("mongodb://a,b:27018/shop?replicaSet=rs0", "shop"),
            ("mongodb://user:p%40ss@host/shop?authSource=admin", "shop"),
            ("mongodb://[::1]:27017/shop", "shop"),
            ("mongodb://user:secret@[::1],[fe80::1]:27018/shop?tls=true", "shop"),
        ] {
            assert_eq!(text.parse::<DatabaseUri>().unwrap().database(), database, "{text}");
        }
        for text in ["", "nonsense", "http://localhost/shop", "localhost:27017/shop", "mongo://h/shop"] {
            assert_eq!(refused(text), InvalidUri::Scheme, "{text}");
        }
        for text in ["mongodb+srv://cluster.example.com/shop", " mongodb+srv://u:p@h/shop\n"] {
            assert_eq!(refused(text), InvalidUri::Srv, "{text}");
        }
        for text in ["mongodb://localhost:27017", "mongodb://localhost:27017/", "mongodb://localhost/?replicaSet=rs0"] {
            assert_eq!(refused(text), InvalidUri::NoDatabase, "{text}");
        }
        for text in ["mongodb://", "mongodb://host:port/shop", "mongodb://host/shop?nothing", "mongodb://::1/shop"] {
            assert!(matches!(refused(text), InvalidUri::Malformed(_)), "{text}");
        }
        let too_long = format!("{SCHEME}h/{}", "x".repeat(64));
        for text in ["mongodb://h/admin", "mongodb://u:p@h/local?replicaSet=rs0", "mongodb://h/config", &too_long] {
            assert!(matches!(refused(text), InvalidUri::Database(_)), "{text}");
        }
    }

    #[test]
    fn white_space_around_a_uri_is_ignored_and_refused_within() {
        for text in ["mongodb://h/shop\n", "  mongodb://h/shop", "\tmongodb://h/shop\r\n"] {
            assert_eq!(text.parse::<DatabaseUri>().unwrap(), "mongodb://h/shop".parse().unwrap(), "{text:?}");
        }
        for text in [
            "mongodb://h/sh\nop",
            "mongodb://h/shop ?replicaSet=rs0",
            "mongodb://a, b/shop",
            "mongodb://h/shop%0A",
            "mongodb://h/shop\u{0}",
            "mongodb://user:pass word@h/shop",
        ] {
            assert_eq!(refused(text), InvalidUri::Blank, "{text:?}");
        }
    }

    #[test]
    fn a_login_is_percent_decoded_and_refused_if_it_should_have_been_encoded() {
        for (text, password) in [
            ("mongodb://user:p%40ss@h/shop", "p@ss"),
            ("mongodb://user:%C2%A712%25%2F%3A%3F%23@h/shop", "§12%/:?#"),
            ("mongodb://user:s3cret^x|{}@h/shop", "s3cret^x|{}"),
            ("mongodb://user:pa%20ss@h/shop", "pa ss"),
        ] {
            let credential = text.parse::<DatabaseUri>().unwrap().connection().credential.unwrap();
            assert_eq!(credential.password.as_deref(), Some(password), "{text}");
        }
        for text in [
            "mongodb://user:p@ss@h/shop",
            "mongodb://user:p/ss@h/shop",
            "mongodb://user:p?ss@h/shop",
            "mongodb://user:p:ss@h/shop",
            "mongodb://user:p#ss@h/shop",
            "mongodb://user:100%@h/shop",
            "mongodb://us@er:p@h/shop?replicaSet=rs0",
        ] {
            assert_eq!(refused(text), InvalidUri::Login, "{text}");
        }
        // What is wrong elsewhere is not blamed on the login.
        let wrong_port = refused("mongodb://user:p%40ss@h:port/shop").to_string();
        assert!(wrong_port.contains("port must be an integer"), "{wrong_port}");
    }

    #[test]
    fn another_database_of_the_same_servers_has_the_same_login_and_options() {
        for (given, expected) in [
            ("mongodb://127.0.0.1:27017/?replicaSet=rs0", "mongodb://127.0.0.1:27017/ticketing-auth?replicaSet=rs0"),
            ("mongodb://h", "mongodb://h/ticketing-auth"),
            ("mongodb://localhost/shop\n", "mongodb://localhost/shop-auth"),
            ("mongodb://a,b,[::1]/shop?replicaSet=r&tls=true", "mongodb://a,b,[::1]/shop-auth?replicaSet=r&tls=true"),
            ("mongodb://u:p@h/shop?authSource=admin", "mongodb://u:p@h/shop-auth?authSource=admin"),
            ("mongodb://u:p@h/shop?authsource=admin", "mongodb://u:p@h/shop-auth?authsource=admin"),
            ("mongodb://u:p@h/shop", "mongodb://u:p@h/shop-auth?authSource=shop"),
            ("mongodb://u:p@h/shop?appName=authSource", "mongodb://u:p@h/shop-auth?appName=authSource&authSource=shop"),
            ("mongodb://u:p%40@h", "mongodb://u:p%40@h/ticketing-auth?authSource=admin"),
            ("mongodb://u:p@h/?replicaSet=rs0", "mongodb://u:p@h/ticketing-auth?replicaSet=rs0&authSource=admin"),
            ("mongodb://u:p@h?replicaSet=rs0", "mongodb://u:p@h/ticketing-auth?replicaSet=rs0&authSource=admin"),
            ("mongodb://u:p@h?AUTHSOURCE=users", "mongodb://u:p@h/ticketing-auth?AUTHSOURCE=users"),
            ("mongodb://u:p@h/admin", "mongodb://u:p@h/admin-auth?authSource=admin"),
            (
                "mongodb://CN=u@h/?authMechanism=MONGODB-X509&tls=true",
                "mongodb://CN=u@h/ticketing-auth?authMechanism=MONGODB-X509&tls=true",
            ),
        ] {
            let uri = DatabaseUri::with_default_database(given, "ticketing").unwrap();
            assert_eq!(uri.with_suffix("auth").unwrap().reveal(), expected, "{given}");
        }
        for text in ["nonsense", "mongodb+srv://h", "mongodb://u:p@ss@h", "mongodb://h:port", "mongodb://h/a b"] {
            assert!(DatabaseUri::with_default_database(text, "ticketing").is_err(), "{text}");
        }
        let long: DatabaseUri = format!("{SCHEME}h/{}", "x".repeat(60)).parse().unwrap();
        assert!(matches!(long.with_suffix("auth"), Err(InvalidUri::Database(_))));
    }

    #[test]
    fn a_password_is_never_shown() {
        let uri: DatabaseUri = "mongodb://user:secret@host/shop".parse().unwrap();
        assert_eq!((format!("{uri:?}").as_str(), serde_json::to_value(&uri).unwrap()), ("***", "***".into()));
        assert_eq!(uri.hosts(), "host");
        for text in [
            "mongodb://user:secret/t@host/shop",
            "mongodb://user:secret@:x/shop",
            "mongodb://u@secret@h/shop",
            "mongodb://user:secret?x=1@host/shop",
            "mongodb://user:secret%@host/shop",
            "mongodb://user:secret@host/admin",
            "mongodb://user:secret @host/shop",
            "mongodb+srv://user:secret@host/shop",
            "mongodb://user:secret?t@host/shop",
            "mongodb://user:secret",
            "mongodb://user:secret/shop",
        ] {
            let error = refused(text).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
