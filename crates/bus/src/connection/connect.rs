//! The connection of a service.

use service::{Error, OnExit, Scope};
use telemetry::Tracer;

use crate::{Bus, Connection, Heartbeat, IfAbsent, NatsSettings, Registration};

/// Connects a service to the broker of its [settings](NatsSettings), however long that takes, under a client id that no
/// other live process has.
///
/// # Errors
///
/// When the server is incompatible or belongs to another cluster; when the client id is in use;
/// [`Stopped`](service::Stopped).
pub async fn connect<H>(scope: &Scope<H>, tracer: Tracer) -> Result<Bus, Error> {
    let settings = scope.settings::<NatsSettings>()?.get();
    let connection = Connection { if_absent: IfAbsent::Wait, ..settings.connection()? };
    let mut bus = scope.child("nats").wait_until_ready().start(connection).await?;
    let registration = Registration { bus: bus.clone(), heartbeat: Heartbeat::default() };
    // A service that lost its client id goes on: the registry only informs.
    scope.child("client-id").wait_until_ready().on_exit(OnExit::Allow).start(registration).await?;
    bus.tracer = tracer;
    Ok(bus)
}
