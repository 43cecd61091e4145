//! A service as a value: what it is called, what it needs, and how it starts.

use std::net::SocketAddr;

use bus::Topology;
use futures_util::future::BoxFuture;
use service::settings::Sections;
use service::{Error, Exit, Scope, Service};
#[cfg(feature = "mongo")]
use store::Replay;

/// What is known of a service without running it. It links nothing of the service but its types.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// The name of the service: of its program, its child in the composed application, its database and its client id.
    pub name: &'static str,
    /// The sections of its settings.
    pub sections: fn() -> Sections,
    /// What it publishes and listens to.
    pub topology: fn() -> Topology,
    /// The path prefixes of its API, as `/api/tickets`; none if it has no API. The longest prefix wins.
    pub prefixes: &'static [&'static str],
    /// The projections of the service, as what rebuilds them; none if it keeps no copies of others' records.
    pub projections: &'static [Replay],
}

/// What rebuilds a projection: without a database there is none.
#[cfg(not(feature = "mongo"))]
#[derive(Clone, Copy, Debug)]
pub enum Replay {}

/// A service that runs: alone as a program of its own, or with others in one process.
///
/// Its handle is the address of its API, or `None` if it has none.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// What is known of the service without running it.
    pub declaration: Declaration,
    /// The body of the service.
    pub start: Start,
}

/// Runs a service until it is asked to stop; the scope becomes ready with the address of the API, if there is one.
pub type Start = fn(Scope<Option<SocketAddr>>) -> BoxFuture<'static, Result<(), Error>>;

impl Service for Program {
    type Handle = Option<SocketAddr>;

    async fn run(self, scope: Scope<Self::Handle>) -> Result<(), Error> {
        (self.start)(scope).await
    }
}

/// The `main` of a service's own program, with the runner's commands.
pub fn main(program: Program) -> Exit {
    let Declaration { name, sections, .. } = program.declaration;
    service::runner::main(name, sections(), move || program)
}
