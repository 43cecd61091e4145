//! One instance of a service: a process of its own, connected to its servers through proxies of its own.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use common::Declaration;
use nix::sys::signal::Signal;
use testkit::ServiceProgram;
use tokio::time::timeout;

use crate::proxy::{Network, Proxy};
use crate::services::{self, BANK};

/// An instance of a service. It keeps its port when it is started again.
#[derive(Debug)]
pub(crate) struct Instance {
    /// Its client id: `tickets-2`.
    pub(crate) name: String,
    pub(crate) service: &'static str,
    pub(crate) program: ServiceProgram,
    pub(crate) to_brokers: Vec<Proxy>,
    pub(crate) to_database: Proxy,
    /// Of the payments service; the others do not use it.
    pub(crate) to_bank: Proxy,
    /// Whether it had already ended when it was to be killed or stopped.
    had_ended: bool,
}

/// What all instances of a run share.
pub(crate) struct Servers<'a> {
    pub(crate) programs: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) brokers: &'a [SocketAddr],
    pub(crate) database: SocketAddr,
    /// Where the bank listens.
    pub(crate) bank: SocketAddr,
}

impl Instance {
    pub(crate) async fn start(servers: &Servers<'_>, service: Declaration, number: usize) -> Self {
        let mut to_brokers = Vec::new();
        for broker in servers.brokers {
            to_brokers.push(Proxy::start(*broker).await);
        }
        let to_database = Proxy::start(servers.database).await;
        let to_bank = Proxy::start(servers.bank).await;
        let service = service.name;
        let name = format!("{service}-{number}");
        let urls: Vec<_> = to_brokers.iter().map(|proxy| format!("nats://{}", proxy.address())).collect();
        // A direct connection, because a replica set names its members by addresses that bypass the proxy.
        let uri = format!("mongodb://{}/{service}?directConnection=true", to_database.address());
        let bank = if service == BANK { servers.bank } else { to_bank.address() };
        let environment = services::environment(&name, &urls, &uri, bank);
        let environment: Vec<_> = environment.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let folder = servers.folder.join(&name);
        let mut program = ServiceProgram::start_from(servers.programs, service, &environment, &folder, None);
        if service == BANK {
            program.address = servers.bank;
        }
        Self { name, service, program, to_brokers, to_database, to_bank, had_ended: false }
    }

    /// `kill -9`; nothing takes its place.
    pub(crate) fn kill(&mut self) {
        self.had_ended |= self.program.has_ended();
        self.program.kill();
    }

    /// Starts it again, to be killed where it reaches this point, or else after the duration; nothing takes its place.
    pub(crate) async fn die_at(&mut self, point: &str, within: Duration) {
        self.kill();
        self.program.start_again_until(point);
        match timeout(within, self.program.ended()).await {
            Ok(status) => self.had_ended |= status.signal() != Some(Signal::SIGKILL as i32),
            Err(_) => self.kill(),
        }
    }

    /// Asks the process to stop, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        self.had_ended |= self.program.has_ended();
        if !self.had_ended {
            self.program.terminate().await;
        }
    }

    /// Whether the process has ever ended unasked.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.had_ended || self.program.has_ended()
    }

    /// The last lines of its log.
    pub(crate) fn log_end(&self) -> String {
        let log = self.program.log();
        let lines: Vec<_> = log.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    pub(crate) fn set_broker_network(&self, network: Network) {
        self.to_brokers.iter().for_each(|proxy| proxy.set(network));
    }
}
