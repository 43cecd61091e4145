//! The connection to the broker, as a service.

use std::time::Duration;

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event};
use service::{Error, OnExit, Scope, Service};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::handle::{AGAIN_AFTER, Link, is_final};
use crate::{Bus, Heartbeat, Name, NatsSettings, Registration, ServerUrl, streams};
use telemetry::Tracer;
use telemetry::WarnOnce;

/// The longest wait for a server that may not be there.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// The longest pause between two attempts to connect again.
const RECONNECT_AFTER: Duration = Duration::from_millis(250);

/// How often a silent connection is asked whether it is alive; it is given up after two unanswered questions.
const PING_EVERY: Duration = Duration::from_secs(5);

/// How often a service looks whether the broker answers and the streams are there, and how long an answer may take.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// The longest wait for what is still to be sent when the connection is closed.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// A connection to the broker; its handle is the [`Bus`].
///
/// It is ready when the server was seen to be fit and the streams are there. A connection that is lost is made again,
/// for ever, and so are streams that somebody deletes; meanwhile that of a service is shown as waiting. Undoing it sends
/// what is still to be sent and closes it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Where the server is.
    pub url: ServerUrl,
    /// Whose events: names the stream.
    pub cluster_id: Name,
    /// Who we are: names the connection on the server's monitoring pages.
    pub client_id: Name,
    /// On how many servers of a NATS cluster every event is kept, at least.
    pub replicas: u8,
    /// What is done when no server answers at first.
    pub if_absent: IfAbsent,
    /// Whether the streams are left as they are: then one that is not there is an error, [`NoStream`](crate::NoStream).
    pub only_looks: bool,
}

/// What a [`Connection`] does when no server answers at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfAbsent {
    /// It ends with [`Unreachable`]: for a tool in somebody's hand.
    Fail,
    /// It waits, and is not ready meanwhile: for a service. Start it with
    /// [`ready_within`](service::Child::ready_within).
    Wait,
}

/// The server does not let us in.
#[derive(Debug, thiserror::Error)]
#[error(
    "the NATS server at {url} refuses the login; user and password belong into the URL: nats://user:password@host:4222"
)]
pub struct LoginRefused {
    /// Where it is.
    pub url: String,
}

/// Nothing answers at the server's address.
#[derive(Debug, thiserror::Error)]
#[error("no NATS server answers at {url} ({reason})")]
pub struct Unreachable {
    /// Where it was expected.
    pub url: String,
    /// What happened instead.
    pub reason: String,
}

/// Connects a service to the broker of its [settings](NatsSettings), however long that is away, under a client id that no
/// other live process has.
///
/// # Errors
///
/// When the server is not fit, or another cluster's; when the id is in use; [`Stopped`](service::Stopped).
pub async fn connect<H>(scope: &Scope<H>, tracer: Tracer) -> Result<Bus, Error> {
    let NatsSettings { url, cluster_id, client_id, replicas } = (*scope.settings::<NatsSettings>()?.get()).clone();
    let tool = Connection::new(url.reveal().parse()?, cluster_id.parse()?, client_id.parse()?);
    let connection = Connection { replicas, if_absent: IfAbsent::Wait, ..tool };
    let mut bus = scope.child("nats").wait_until_ready().start(connection).await?;
    let registration = Registration { bus: bus.clone(), heartbeat: Heartbeat::default() };
    // Who has lost its id goes on: the registry is for those who look.
    scope.child("client-id").wait_until_ready().on_exit(OnExit::Allow).start(registration).await?;
    bus.tracer = tracer;
    Ok(bus)
}

impl Service for Connection {
    type Handle = Bus;

    async fn run(self, scope: Scope<Bus>) -> Result<(), Error> {
        let stopping = scope.stopping();
        let if_absent = self.if_absent;
        let Some(opened) = stopping.or(self.open()).await else { return Ok(()) };
        let bus = opened?;
        scope.ready(bus.clone());
        match if_absent {
            IfAbsent::Fail => stopping.await,
            IfAbsent::Wait => drop(stopping.or(look_after(&bus, &scope)).await),
        }
        if bus.is_connected() {
            // Whoever used the bus has stopped by now; this sends the last acks and waits for the goodbye.
            timeout(CLOSE_WITHIN, close(&bus)).await.ok();
        }
        Ok(())
    }
}

impl Connection {
    /// For a tool in somebody's hand, which leaves the number of replicas as it is.
    pub fn new(url: ServerUrl, cluster_id: Name, client_id: Name) -> Self {
        Self { url, cluster_id, client_id, replicas: 1, if_absent: IfAbsent::Fail, only_looks: false }
    }

    async fn open(self) -> Result<Bus, Error> {
        let mut once = WarnOnce::default();
        loop {
            match self.try_open().await {
                Err(error) if self.if_absent == IfAbsent::Wait && !is_final(&error) => {
                    once.warn(&format_args!("{error:#}; waiting for it"));
                }
                opened => return opened,
            }
            sleep(AGAIN_AFTER).await;
        }
    }

    async fn try_open(&self) -> Result<Bus, Error> {
        let (changed, link) = watch::channel(Link::default());
        let client = dial(&self.url, &self.client_id, changed).await?;
        let bus = Bus::new(client, self, link);
        streams::check(&bus).await?;
        streams::ensure(&bus).await?;
        Ok(bus)
    }
}

/// Shows whether the broker can be used, and makes the streams again that somebody has deleted.
async fn look_after(bus: &Bus, scope: &Scope<Bus>) {
    let mut link = bus.link();
    loop {
        let connected = link.borrow_and_update().connected;
        let looked = match timeout(ANSWERS_WITHIN, streams::look_after(bus)).await {
            _ if !connected => Err("the connection is lost".to_owned()),
            Ok(looked) => looked.map_err(|error| format!("{error:#}")),
            Err(_) => Err(format!("no answer within {ANSWERS_WITHIN:?}")),
        };
        match looked {
            Ok(()) => scope.goes_on(),
            Err(why) => scope.waits_for("nats", why),
        }
        let _ = timeout(LOOK_EVERY, link.changed()).await;
    }
}

async fn dial(url: &ServerUrl, client_id: &Name, changed: watch::Sender<Link>) -> Result<Client, Error> {
    // async-nats does not take them from the address.
    let login = url.servers().iter().find_map(|server| Some((server.username()?, server.password())));
    let options = match login {
        Some((user, password)) => {
            ConnectOptions::with_user_and_password(user.to_owned(), password.unwrap_or_default().to_owned())
        }
        None => ConnectOptions::new(),
    };
    let options = options
        .name(client_id)
        .connection_timeout(CONNECT_WITHIN)
        .ping_interval(PING_EVERY)
        .reconnect_delay_callback(|attempts| {
            RECONNECT_AFTER.min(Duration::from_millis(10 * u64::try_from(attempts).unwrap_or(u64::MAX)))
        })
        .event_callback(move |event| {
            match &event {
                Event::Connected => changed.send_modify(|link| {
                    link.connected = true;
                    link.times_connected += 1;
                }),
                Event::Disconnected => changed.send_modify(|link| link.connected = false),
                Event::Closed => changed.send_modify(|link| (link.connected, link.closed) = (false, true)),
                _ => {}
            }
            tell(&event);
            std::future::ready(())
        });
    let unreachable = |reason: String| Unreachable { url: url.to_string(), reason };
    // One after the other is tried.
    let limit = CONNECT_WITHIN * u32::try_from(url.servers().len()).unwrap_or(u32::MAX);
    match timeout(limit, options.connect(url.servers())).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                Err(LoginRefused { url: url.to_string() }.into())
            }
            _ => Err(unreachable(reason(&error)).into()),
        },
        Err(_) => Err(unreachable(format!("no answer within {limit:?}")).into()),
    }
}

/// The innermost cause, which says what really happened.
fn reason(error: &ConnectError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn tell(event: &Event) {
    match event {
        Event::Connected | Event::Draining | Event::Closed => tracing::info!("{event}"),
        Event::Disconnected => tracing::warn!("lost the connection to NATS, connecting again"),
        Event::LameDuckMode | Event::SlowConsumer(_) | Event::ServerError(_) => tracing::warn!("{event}"),
        Event::ClientError(_) => tracing::debug!("{event}"), // every attempt to connect that failed
    }
}

async fn close(bus: &Bus) {
    let mut link = bus.link();
    if bus.client().flush().await.is_ok() && bus.client().drain().await.is_ok() {
        link.wait_for(|link| link.closed).await.ok();
    }
}
