//! The URIs of the services' databases, made from the URI of the application's.

use anyhow::bail;
use service::Error;
use service::settings::Secret;

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

/// The URI of one service's database: `mongodb://host/base?options` becomes `mongodb://host/base-service?options`.
///
/// # Errors
///
/// If it is not a URI.
pub fn uri_for(service: &str, uri: &Secret) -> Result<Secret, Error> {
    in_database(uri, |base| format!("{base}-{service}"))
}

/// The URI of another database on the same servers, whose name is made from the given one's.
pub(crate) fn in_database(uri: &Secret, name: impl FnOnce(&str) -> String) -> Result<Secret, Error> {
    let Some((scheme, hosts, place, options)) = parts(uri) else {
        bail!("invalid MONGO_URI or --mongo-uri; expected mongodb://localhost:27017/ticketing");
    };
    let base = place.filter(|base| !base.is_empty()).unwrap_or(BASE);
    // A login belongs to the database that the given URI names.
    let with_login = hosts.contains('@') && !options.contains("authSource") && place.is_some();
    let source = if with_login { format!("authSource={base}") } else { String::new() };
    let options: Vec<_> = [options, &source].into_iter().filter(|option| !option.is_empty()).collect();
    let options = options.join("&");
    let question = if options.is_empty() { "" } else { "?" };
    let name = name(base);
    Ok(format!("{scheme}://{hosts}/{name}{question}{options}").into())
}

/// The hosts, without a login.
pub(crate) fn hosts(uri: &Secret) -> Option<&str> {
    let (_, hosts, ..) = parts(uri)?;
    Some(hosts.rsplit_once('@').map_or(hosts, |(_, hosts)| hosts))
}

/// Scheme, hosts with a login, the path behind the slash, options.
fn parts(uri: &Secret) -> Option<(&str, &str, Option<&str>, &str)> {
    let (scheme, rest) = uri.reveal().split_once("://")?;
    let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, base) = place.split_once('/').map_or((place, None), |(hosts, base)| (hosts, Some(base)));
    Some((scheme, hosts, base, options))
}

#[cfg(test)]
mod tests {
    use super::uri_for;

    #[test]
    fn each_service_has_a_database_of_its_own() {
        for (given, expected) in [
            ("mongodb://127.0.0.1:27017/?replicaSet=rs0", "mongodb://127.0.0.1:27017/ticketing-auth?replicaSet=rs0"),
            ("mongodb://localhost/shop", "mongodb://localhost/shop-auth"),
            ("mongodb://a,b,c/shop?replicaSet=r&w=1", "mongodb://a,b,c/shop-auth?replicaSet=r&w=1"),
            ("mongodb://u:p@h/shop?authSource=admin", "mongodb://u:p@h/shop-auth?authSource=admin"),
            ("mongodb://u:p@h/shop", "mongodb://u:p@h/shop-auth?authSource=shop"),
            ("mongodb://h", "mongodb://h/ticketing-auth"),
        ] {
            assert_eq!(uri_for("auth", &given.to_owned().into()).unwrap().reveal(), expected);
        }
        assert!(uri_for("auth", &"nonsense".to_owned().into()).is_err());
    }
}
