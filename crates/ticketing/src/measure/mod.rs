//! `measure`: how much memory each part takes, and how long the application takes to stop.

mod process;
mod stops;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use devstack::{Mongod, NatsServer, Sources, Tool, find};
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde_json::json;
use service::{Error, Scope, Service};
use tokio::time::sleep;

use clap::Args;
use common::Program;
use operator::console::say;

use self::process::{BUILD, application, start, start_bank, stop};
use self::stops::Stops;
use crate::client::Client;
use crate::kept::Kept;

/// How many requests each part has had before it is measured.
const REQUESTS: u32 = 100;

/// One line of the result.
#[derive(Clone, Debug, Serialize)]
struct Row {
    how: &'static str,
    part: String,
    pid: u32,
    rss_kib: u64,
    hwm_kib: u64,
    profile: &'static str,
}

/// How the memory is measured.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// How long each part is left alone before it is measured, in seconds
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    idle: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Measures the memory of each part of the application.
pub(crate) struct Measure {
    options: Options,
    programs: &'static [Program],
}

impl Options {
    /// Measures these services.
    pub(crate) fn of(self, programs: &'static [Program]) -> Measure {
        Measure { options: self, programs }
    }
}

impl Service for Measure {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        ensure!(cfg!(target_os = "linux"), "the memory of a process is read from /proc: measure on Linux");
        ensure!(
            !cfg!(debug_assertions),
            "this is a debug build, whose numbers say nothing: {BUILD}, then target/release/ticketing measure"
        );
        scope.ready(());
        let all = async { Ok::<_, Error>((self.all(&scope).await?, self.stops().await?)) };
        let Some(measured) = scope.stopping().or(all).await else { return Ok(()) };
        let (rows, stops) = measured?;
        self.print(&rows, &stops)
    }
}

impl Measure {
    async fn all(&self, scope: &Scope<()>) -> Result<Vec<Row>, Error> {
        let mut rows = self.in_one_process().await?;
        rows.extend(self.as_programs(scope).await?);
        Ok(rows)
    }

    /// The whole application in one process, with its two servers.
    async fn in_one_process(&self) -> Result<Vec<Row>, Error> {
        let (child, api, _folder) = application(Stdio::inherit()).await?;
        let mut client = Client::new(api);
        load(&mut client, "ticketing@example.com", api).await?;
        self.wait("everything in one process").await;
        let pid = child.id().context("it has ended")?;
        let mut rows = vec![row("one process", "ticketing", pid)?];
        for child in children(pid)? {
            let name = fs::read_to_string(format!("/proc/{child}/comm"))?.trim().to_owned();
            rows.push(row("one process", &name, child)?);
        }
        stop(child).await?;
        Ok(rows)
    }

    /// Each service as a program of its own.
    async fn as_programs(&self, scope: &Scope<()>) -> Result<Vec<Row>, Error> {
        let data = tempfile::tempdir()?;
        let folder = data.path().to_owned();
        scope.start("data", Kept(data)).await?;
        let (nats, mongo) = (folder.join("nats"), folder.join("mongo"));
        let binary = find(&Tool::NATS_SERVER, &Sources::from_env(&Tool::NATS_SERVER)?).await?;
        let nats = scope.start("nats-server", NatsServer::on_free_ports(binary, nats)).await?;
        let binary = find(&Tool::MONGOD, &Sources::from_env(&Tool::MONGOD)?).await?;
        let mongo = scope.start("mongod", Mongod::on_a_free_port(binary, mongo)).await?;
        let uri = |name: &str| mongo.uri.replace("/?", &format!("/{name}?"));
        let (bank, bank_address) = start_bank(&uri("bank"), &folder).await?;
        let mut services = vec![("bank", bank)];
        let mut addresses = BTreeMap::new();
        let mut client = None;
        for Program { declaration, .. } in self.programs {
            let name = declaration.name;
            let (child, address) = start(declaration, &uri(name), &nats.url, bank_address, &addresses, &folder).await?;
            services.push((name, child));
            let Some(address) = address else { continue };
            addresses.insert(name, address);
            let client = client.get_or_insert_with(|| Client::new(address));
            client.go_to(address);
            if name == "auth" {
                client.sign_up("measure@example.com").await?;
            }
            load_one(client, name, &addresses).await?;
        }
        self.wait("each service as a program of its own").await;
        let mut rows = vec![row("programs", "nats-server", nats.pid)?, row("programs", "mongod", mongo.pid)?];
        for (name, child) in &services {
            rows.push(row("programs", name, child.id().with_context(|| format!("{name} has ended"))?)?);
        }
        for (_, child) in services {
            stop(child).await?;
        }
        Ok(rows)
    }

    async fn stops(&self) -> Result<Stops, Error> {
        tracing::warn!("the application is started and stopped several times");
        stops::measure().await
    }

    async fn wait(&self, what: &str) {
        tracing::warn!("{what} had its {REQUESTS} requests, and is left alone for {} s", self.options.idle);
        sleep(Duration::from_secs(self.options.idle)).await;
    }

    fn print(&self, rows: &[Row], stops: &Stops) -> Result<(), Error> {
        if self.options.json {
            return say(serde_json::to_string_pretty(&json!({ "memory": rows, "stops": stops }))?);
        }
        say(format_args!("{:<12} {:<12} {:>8} {:>10} {:>10}  profile", "how", "part", "pid", "VmRSS", "VmHWM"))?;
        for how in ["one process", "programs"] {
            let mut sum = (0, 0);
            for Row { part, pid, rss_kib, hwm_kib, profile, .. } in rows.iter().filter(|row| row.how == how) {
                sum = (sum.0 + rss_kib, sum.1 + hwm_kib);
                let (rss, hwm) = (mib(*rss_kib), mib(*hwm_kib));
                say(format_args!("{how:<12} {part:<12} {pid:>8} {rss:>10} {hwm:>10}  {profile}"))?;
            }
            say(format_args!("{how:<12} {:<12} {:>8} {:>10} {:>10}", "sum", "", mib(sum.0), mib(sum.1)))?;
        }
        let Stops { median_ms, max_ms, rounds } = stops;
        say(format_args!(
            "stop of the application with its servers: median {median_ms} ms, longest {max_ms} ms, of {rounds}"
        ))
    }
}

fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

/// A hundred requests to each service.
async fn load(client: &mut Client, email: &str, api: SocketAddr) -> Result<(), Error> {
    client.sign_up(email).await?;
    let parts = ["auth", "tickets", "orders", "payments", "gateway", "client"];
    let addresses = parts.into_iter().map(|part| (part, api)).collect();
    for part in parts {
        load_one(client, part, &addresses).await?;
    }
    Ok(())
}

async fn load_one(client: &mut Client, part: &str, addresses: &BTreeMap<&str, SocketAddr>) -> Result<(), Error> {
    if part == "payments" {
        return pay(client, addresses).await;
    }
    for number in 0..REQUESTS {
        match part {
            "auth" => drop(client.get("/api/users/currentuser").await?),
            "tickets" if number % 2 == 0 => {
                let body = json!({ "title": "concert", "price": 20 });
                let sold = client.send(Method::POST, "/api/tickets", Some(body)).await?;
                sold.expect(StatusCode::CREATED)?;
            }
            "tickets" => drop(client.get("/api/tickets?limit=10").await?),
            "gateway" => drop(client.get("/api/live/position").await?),
            "client" => drop(client.page(if number % 2 == 0 { "/" } else { "/orders" }).await?),
            _ => drop(client.get("/api/orders").await?),
        }
    }
    Ok(())
}

/// Orders and pays half as many tickets, and looks at each payment.
async fn pay(client: &mut Client, addresses: &BTreeMap<&str, SocketAddr>) -> Result<(), Error> {
    client.go_to(addresses["tickets"]);
    let tickets = client.get(&format!("/api/tickets?limit={}", REQUESTS / 2)).await?;
    for ticket in tickets.as_array().context("a list")? {
        client.go_to(addresses["orders"]);
        let order = client.create("/api/orders", &json!({ "ticketId": ticket["id"] })).await?;
        let order = order["id"].as_str().context("an id")?;
        client.go_to(addresses["payments"]);
        client.create("/api/payments", &json!({ "token": "tok_visa", "orderId": order })).await?;
        client.get(&format!("/api/payments/{order}")).await?;
    }
    Ok(())
}

fn row(how: &'static str, part: &str, pid: u32) -> Result<Row, Error> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("measuring {part}"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok())
    };
    let (rss_kib, hwm_kib) = (field("VmRSS:").context("VmRSS")?, field("VmHWM:").context("VmHWM")?);
    let profile = if part == "mongod" || part == "nats-server" { "as published" } else { "release" };
    Ok(Row { how, part: part.to_owned(), pid, rss_kib, hwm_kib, profile })
}

/// The processes that a process has started.
fn children(pid: u32) -> Result<Vec<u32>, Error> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let children = fs::read_to_string(task?.path().join("children"))?;
        found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Ok(found)
}
