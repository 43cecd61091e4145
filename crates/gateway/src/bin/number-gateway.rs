//! Publishes the numbers of a number server to the channel `/numbers` of a hub, at each node of a cluster.

use cluster::ClusterSettings;
use gateway::NumberGateway;
use hub::HubSettings;
use numbers::Source;
use service::Exit;
use service::settings::Sections;

fn main() -> Exit {
    let sections = Sections::new().with::<HubSettings>().with::<ClusterSettings>().with::<Source>();
    service::runner::main("number-gateway", sections, || NumberGateway)
}
