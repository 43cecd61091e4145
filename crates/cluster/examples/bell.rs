//! A node of a cluster in which the leader rings a bell, and every node prints who rings and in which term.
//!
//! `bell NODE SIZE FILE SEED`, as `bell 127.0.0.1:4441 3 /tmp/4441.json 127.0.0.1:4442`
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use cluster::machine::{Config, Quorum};
use cluster::{Cluster, Join, Term, singleton};
use hub::{Batch, HubSettings, Limits, MessageHub};
use service::settings::{Sections, Settings, Sources};
use service::{Error, Scope, Service, launch};
use tokio::time::sleep;

/// The pause between two strokes.
const RINGS_EVERY: Duration = Duration::from_millis(50);

/// Rings in one term.
struct Bell {
    cluster: Cluster,
    term: Term,
    line: String,
}

impl Service for Bell {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let channel = "/bell".parse()?;
        scope.ready(());
        let stopping = scope.stopping();
        while !stopping.is_asked() {
            // An end of the term is followed by the stop.
            self.cluster.publish(&self.term, &channel, self.line.clone().into()).await.ok();
            stopping.or(sleep(RINGS_EVERY)).await;
        }
        Ok(())
    }
}

/// The node, its hub, its bell if it leads, and its reader.
struct Tower(Join);

impl Service for Tower {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let node = self.0.config.node.clone();
        let cluster = scope.start("cluster", self.0).await?;
        let hub = scope.start("hub", MessageHub { transport: cluster.exchange() }).await?;
        let ringing = cluster.clone();
        let make = move |term: Term| {
            let line = format!("{node} {}", term.epoch());
            Bell { cluster: ringing.clone(), term, line }
        };
        singleton(&scope, "bell", &cluster, make).await?;
        let mut reader = hub.subscribe(&"/bell".parse()?, None).await?;
        scope.ready(());
        let stopping = scope.stopping();
        while let Some(batch) = stopping.or(reader.next(Limits { items: 100, bytes: 10_000 })).await {
            match batch {
                Batch::Items(messages) => {
                    for message in messages {
                        println!("{}", String::from_utf8_lossy(&message.body));
                    }
                }
                Batch::Missed(_) => println!("missed"),
            }
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [node, size, file, seed] = &arguments[..] else { bail!("usage: bell NODE SIZE FILE SEED") };
    let config = Config {
        node: node.parse()?,
        seeds: [seed.parse()?].into(),
        size: size.parse().context("SIZE is a number")?,
        quorum: Quorum::Majority,
        lease: Duration::from_secs(2),
    };
    let bind = node.parse().context("NODE is an address")?;
    let join = Join { bind, cluster: "bell".to_owned(), config, file: PathBuf::from(file) };
    let settings = Settings::load(Sections::new().with::<HubSettings>(), Sources::default())?;
    launch("bell", Tower(join)).settings(settings).start().ended().await.result
}
