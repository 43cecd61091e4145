//! Publishes the numbers of a number server to the channel `/numbers` of a hub.

use gateway::NumberGateway;
use hub::HubSettings;
use numbers::Source;
use service::Exit;
use service::settings::Sections;

fn main() -> Exit {
    let sections = Sections::new().with::<HubSettings>().with::<Source>();
    service::runner::main("number-gateway", sections, || NumberGateway)
}
