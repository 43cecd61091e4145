//! Opening the TCP connection, and what async-nats reports about it.

use std::time::Duration;

use async_nats::{Client, ConnectError, ConnectErrorKind, Event};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::handle::Link;
use crate::{Error, ErrorKind, Name, ServerUrl};

/// How long one server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest pause between two attempts to reconnect.
const MAX_RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// The pause between two pings on a silent connection. After two unanswered pings it counts as lost.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Connects to one of the servers, and reports every later change of the connection to `changed`.
///
/// `is_watched` says that somebody reports a loss, and the end of it: then it is no warning here.
pub(super) async fn dial(
    url: &ServerUrl,
    client_id: &Name,
    is_watched: bool,
    changed: watch::Sender<Link>,
) -> Result<Client, Error> {
    let name = client_id.clone();
    let options = url
        .login()
        .name(client_id)
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(|attempts| {
            MAX_RECONNECT_PAUSE.min(Duration::from_millis(10 * u64::try_from(attempts).unwrap_or(u64::MAX)))
        })
        .event_callback(move |event| {
            let is_first = changed.borrow().times_connected == 0;
            update(&changed, &event);
            log(&name, &event, is_first || is_watched);
            std::future::ready(())
        });
    let unreachable = |reason: String| ErrorKind::Unreachable { url: url.to_string(), reason };
    // The servers are tried one after the other.
    let limit = CONNECT_TIMEOUT * u32::try_from(url.servers().len()).unwrap_or(u32::MAX);
    match timeout(limit, options.connect(url.servers())).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                Err(ErrorKind::LoginRefused { url: url.to_string() }.into())
            }
            _ => Err(unreachable(innermost(&error)).into()),
        },
        Err(_) => Err(unreachable(format!("no answer within {limit:?}")).into()),
    }
}

/// The innermost cause, which says what really happened.
fn innermost(error: &ConnectError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn update(changed: &watch::Sender<Link>, event: &Event) {
    match event {
        Event::Connected => changed.send_modify(|link| {
            link.connected = true;
            link.times_connected += 1;
        }),
        Event::Disconnected => changed.send_modify(|link| link.connected = false),
        Event::Closed => changed.send_modify(|link| (link.connected, link.closed) = (false, true)),
        _ => {}
    }
}

/// Logs what happened to the connection of a client; that it is restored at the level of its loss.
fn log(client_id: &Name, event: &Event, is_expected: bool) {
    match event {
        Event::Connected if is_expected => tracing::info!(%client_id, "connected to NATS"),
        Event::Disconnected if is_expected => tracing::info!(%client_id, "connection to NATS lost, reconnecting"),
        Event::Connected => tracing::warn!(%client_id, "connection to NATS restored"),
        Event::Disconnected => tracing::warn!(%client_id, "connection to NATS lost, reconnecting"),
        Event::LameDuckMode | Event::SlowConsumer(_) | Event::ServerError(_) => tracing::warn!(%client_id, "{event}"),
        // The end of a connection that we close, and each failed attempt to connect.
        Event::Draining | Event::Closed | Event::ClientError(_) => tracing::debug!(%client_id, "{event}"),
    }
}
