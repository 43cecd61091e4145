//! The node of a cluster as the settings describe it.

use std::path::PathBuf;

use anyhow::Context;
use hub::{HubSettings, Transports};
use service::{Error, Scope};

use crate::alone::Alone;
use crate::cluster::Cluster;
use crate::join::Join;
use crate::lease::JoinNats;
use crate::machine::Config;
use crate::settings::ClusterSettings;

/// Joins the cluster that the [settings](ClusterSettings) describe, as the child `cluster`: over what `[hub] bus` says. The name of
/// the cluster is that of the hub.
///
/// # Errors
///
/// When the node can't listen, or its file can't be read; when something at the NATS server is not the cluster's;
/// [`Stopped`](service::Stopped).
pub async fn start<H>(scope: &Scope<H>) -> Result<Cluster, Error> {
    let hub = scope.settings::<HubSettings>()?.get();
    let settings = scope.settings::<ClusterSettings>()?.get();
    let node = settings.identity.node().clone();
    match hub.bus {
        Transports::Memory => scope.start("cluster", Alone { node }).await,
        Transports::Mesh => {
            let file = match &settings.file {
                Some(file) => file.clone(),
                None => default_file(hub.name.as_str(), node.as_str())?,
            };
            let config = Config {
                node,
                seeds: settings.seeds(),
                size: settings.size(),
                quorum: settings.quorum,
                lease: settings.lease(),
            };
            let join = Join { bind: settings.bind(), cluster: hub.name.to_string(), config, file };
            scope.start("cluster", join).await
        }
        Transports::Nats => {
            let transport = hub::connect(scope).await?;
            let join = JoinNats { transport, cluster: hub.name.clone(), node, lease: settings.lease() };
            scope.child("cluster").wait_until_ready().start(join).await
        }
    }
}

/// `~/.local/share/cluster/hub-127.0.0.1-4440.json`, on Linux. Its folder is made.
fn default_file(cluster: &str, node: &str) -> Result<PathBuf, Error> {
    let folder = dirs::data_local_dir().context("no data folder: set HOME, or name a file with CLUSTER__FILE")?;
    let folder = folder.join("cluster");
    std::fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    Ok(folder.join(format!("{cluster}-{}.json", node.replace(':', "-"))))
}
