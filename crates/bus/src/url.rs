//! The address of the broker.

use std::ffi::OsStr;
use std::fmt;
use std::str::FromStr;

use async_nats::{ConnectOptions, ServerAddr};
use clap::builder::{TypedValueParser, ValueParserFactory};
use percent_encoding::percent_decode_str;
use serde::{Serialize, Serializer};

/// The address of a NATS server, `nats://localhost:4222`, or of several servers of one cluster, separated by commas.
///
/// Any of the servers may be connected to. A login is written as `nats://user:password@host` or, for a token, as
/// `nats://token@host`, percent-encoded or as it is; only a comma, and a `%` before two hex digits, must be encoded. It is
/// the login at all servers of the list: the others repeat it or leave it out. White space around the URL is ignored.
///
/// The address is printed, and shown among the settings, without the login. As an argument of a command line, a refused URL
/// is not repeated in the error.
#[derive(Clone)]
pub struct ServerUrl {
    whole: String,
    /// Without logins, since async-nats logs what it connects to.
    servers: Vec<ServerAddr>,
    login: Option<Login>,
}

/// Who the server takes us for.
#[derive(Clone, PartialEq, Eq)]
enum Login {
    Password { user: String, password: String },
    Token(String),
}

/// A text that is not a [`ServerUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the URL of a NATS server ({0}); it looks like nats://localhost:4222")]
pub struct InvalidUrl(String);

impl ServerUrl {
    /// The whole URL, with the login.
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// The addresses of the servers, without the login.
    pub(crate) fn servers(&self) -> &[ServerAddr] {
        &self.servers
    }

    /// The options of a connection with the login, which also holds for servers that async-nats learns of later.
    pub(crate) fn login(&self) -> ConnectOptions {
        match self.login.clone() {
            Some(Login::Password { user, password }) => ConnectOptions::with_user_and_password(user, password),
            Some(Login::Token(token)) => ConnectOptions::with_token(token),
            None => ConnectOptions::new(),
        }
    }
}

impl FromStr for ServerUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let whole = text.trim();
        if whole.contains(char::is_control) {
            return Err(InvalidUrl("it contains a line break or another control character".to_owned()));
        }
        let (mut servers, mut login) = (Vec::new(), None);
        for text in whole.split(',') {
            let (address, theirs) = server(text.trim()).map_err(|reason| with_hint(reason, whole))?;
            servers.push(address);
            if theirs.is_some() && login.is_some() && theirs != login {
                let reason =
                    "its servers have different logins: give all of them the same, or leave it out after the first";
                return Err(InvalidUrl(reason.to_owned()));
            }
            login = theirs.or(login);
        }
        Ok(Self { whole: whole.to_owned(), servers, login })
    }
}

/// The address of one server, without its login, and the login.
fn server(text: &str) -> Result<(ServerAddr, Option<Login>), String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("nats", text));
    if !["nats", "tls"].contains(&scheme) {
        return Err("its scheme is not nats or tls".to_owned());
    }
    // Only a login contains an `@`, and only a host and a port follow it.
    let (login, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    let address: ServerAddr = format!("{scheme}://{host}").parse().map_err(|error: std::io::Error| {
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    })?;
    if address.host().is_empty() {
        return Err("it has no host".to_owned());
    }
    Ok((address, Login::read(login)?))
}

/// Names a likely reason, without repeating any of the text.
fn with_hint(reason: String, whole: &str) -> InvalidUrl {
    let is_split_login = whole.contains(',') && whole.contains('@');
    InvalidUrl(if is_split_login { format!("{reason}; a comma in a password is written as %2C") } else { reason })
}

impl Login {
    fn read(text: &str) -> Result<Option<Self>, String> {
        let decoded = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8();
            decoded.map(Into::into).map_err(|_| "its login is not UTF-8 after percent-decoding".to_owned())
        };
        Ok(match text.split_once(':') {
            Some((user, password)) => Some(Self::Password { user: decoded(user)?, password: decoded(password)? }),
            None if text.is_empty() => None,
            None => Some(Self::Token(decoded(text)?)),
        })
    }
}

/// Reads a [`ServerUrl`] from a command line. Other than clap's own parsers it does not repeat a refused text, which may
/// contain a password.
#[derive(Clone, Debug)]
pub struct UrlParser;

impl ValueParserFactory for ServerUrl {
    type Parser = UrlParser;

    fn value_parser() -> UrlParser {
        UrlParser
    }
}

impl TypedValueParser for UrlParser {
    type Value = ServerUrl;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<ServerUrl, clap::Error> {
        let text = value.to_str().ok_or_else(|| InvalidUrl("it is not UTF-8".to_owned()));
        text.and_then(str::parse).map_err(|error| {
            let place = argument.map(|argument| format!("invalid value for '{argument}': ")).unwrap_or_default();
            clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("{place}{error}\n")).with_cmd(command)
        })
    }
}

impl PartialEq for ServerUrl {
    /// Compares the whole URLs: a changed password is a change.
    fn eq(&self, other: &Self) -> bool {
        self.whole == other.whole
    }
}

impl Eq for ServerUrl {}

impl Serialize for ServerUrl {
    /// As it is printed: without the login.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, server) in self.servers.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let (scheme, host, port) = (server.scheme(), server.host(), server.port());
            // The host of an IPv6 address comes without its brackets.
            let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
            write!(f, "{comma}{scheme}://{open}{host}{close}:{port}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
