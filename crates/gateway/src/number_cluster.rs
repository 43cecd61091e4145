//! A whole cluster on one machine.

use std::env::current_exe;
use std::io::{Write, stdout};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, bail};
use numbers::NumberServer;
use service::{Error, Scope, Service};
use tokio::process::Command;

/// A number server, and three number gateways as programs of their own, at 127.0.0.1, 127.0.0.2 and 127.0.0.3.
#[derive(Clone, Copy, Debug)]
pub struct NumberCluster;

/// The port of the nodes' HTTP servers.
const HTTP: u16 = 8088;

impl Service for NumberCluster {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let program = current_exe()?.with_file_name("number-gateway");
        if !program.exists() {
            bail!("the program number-gateway is not built: cargo build");
        }
        let numbers = scope.start("numbers", NumberServer).await?;
        let hosts: Vec<_> = (1..=3).map(|last| Ipv4Addr::new(127, 0, 0, last)).collect();
        let all: Vec<_> = hosts.iter().map(Ipv4Addr::to_string).collect();
        let folder = std::env::temp_dir().join("number-cluster");
        for host in &hosts {
            let gateway = Gateway {
                program: program.clone(),
                folder: folder.join(host.to_string()),
                environment: [
                    ("IDENTITY", host.to_string()),
                    ("CLUSTER", all.join(",")),
                    ("HUB__BUS", "mesh".to_owned()),
                    ("SOURCE__SERVER", numbers.to_string()),
                ],
            };
            scope.start(&host.to_string(), gateway).await?;
        }
        scope.ready(numbers);
        // Whoever has closed the output does not want it.
        writeln!(stdout(), "{}", next_steps(&folder, &all.join(","))).ok();
        scope.stopping().await;
        Ok(())
    }
}

/// What to type next.
fn next_steps(folder: &std::path::Path, all: &str) -> String {
    let rundir = folder.display();
    format!(
        "
Three nodes run, and in some seconds one of them leads.
  the cluster, in a browser   http://127.0.0.1:{HTTP}
  who is here, who leads *    curl -sN http://127.0.0.1:{HTTP}/announce
  numbers, from any node      curl -sN 'http://127.0.0.3:{HTTP}/numbers?format=json'
  kill a node                 kill -9 $(cat {rundir}/127.0.0.1/number-gateway.pid)
  freeze it, and wake it      kill -STOP $(cat {rundir}/127.0.0.1/number-gateway.pid); the same with -CONT
  start it again              HUB__BUS=mesh IDENTITY=127.0.0.1 CLUSTER={all} cargo run -q --bin number-gateway -- --rundir {rundir}/127.0.0.1
  its log                     {rundir}/127.0.0.1/number-gateway.log
Ctrl-C stops all of it."
    )
}

/// A number gateway that runs in the background.
struct Gateway {
    program: PathBuf,
    folder: PathBuf,
    environment: [(&'static str, String); 4],
}

impl Service for Gateway {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        self.act("start").await?;
        scope.ready(());
        scope.stopping().await;
        if let Err(error) = self.act("stop").await {
            tracing::debug!("{error:#}"); // somebody has killed it, as they should
        }
        Ok(())
    }
}

impl Gateway {
    /// Starts or stops it, and waits for that.
    async fn act(&self, command: &str) -> Result<(), Error> {
        let mut program = Command::new(&self.program);
        program.arg(command).arg("--rundir").arg(&self.folder).envs(self.environment.clone());
        let output = program.output().await.with_context(|| format!("failed to run {}", self.program.display()))?;
        if !output.status.success() {
            bail!("{} {command}: {}", self.program.display(), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }
}
