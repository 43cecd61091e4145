//! Runs a number server and a cluster of three number gateways on this machine.

use gateway::NumberCluster;
use numbers::Numbers;
use service::Exit;
use service::settings::Sections;

fn main() -> Exit {
    service::runner::main("number-cluster", Sections::new().with::<Numbers>(), || NumberCluster)
}
