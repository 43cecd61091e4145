//! A hub with all its front ends: streams, server-sent events, WebSockets, and pages.

use hub::{HubProgram, HubSettings, Views};
use service::Exit;
use service::settings::Sections;

fn main() -> Exit {
    let sections = Sections::new().checked(HubSettings::outside_a_cluster);
    service::runner::main("hub", sections, || HubProgram { views: Views::All })
}
