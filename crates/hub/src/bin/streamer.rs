//! Publishes what is posted to a path to everybody who reads that path.

use hub::{HubProgram, HubSettings, Views};
use service::Exit;
use service::settings::Sections;

fn main() -> Exit {
    let sections = Sections::new().checked(HubSettings::outside_a_cluster);
    service::runner::main("streamer", sections, || HubProgram { views: Views::Streams })
}
