//! The URI of the application's databases, from the command line.

use service::settings::Secret;
use store::{DatabaseUri, InvalidUri};

/// The prefix of the databases' names if the URI has none.
const BASE: &str = "ticketing";

/// Reads a secret from the command line.
///
/// # Errors
///
/// If it is empty.
pub fn secret(text: &str) -> Result<Secret, &'static str> {
    if text.is_empty() { Err("it is empty") } else { Ok(text.to_owned().into()) }
}

/// Reads the URI whose database is the prefix of all services' databases, `ticketing` if it names none.
///
/// The command line's parser leaves that to this function, since it would quote a text that it refuses.
///
/// # Errors
///
/// If it is not a URI.
pub fn application_uri(text: &Secret) -> Result<DatabaseUri, InvalidUri> {
    DatabaseUri::with_default_database(text.reveal(), BASE)
}
