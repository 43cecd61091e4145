//! What the settings of a hub refuse.

use hub::HubSettings;
use service::settings::{Sections, Settings, Sources};

#[test]
fn a_program_that_is_no_node_of_a_cluster_refuses_the_mesh_before_it_starts() {
    let environment = [("HUB__BUS".to_owned(), "mesh".to_owned())].into();
    let sources = Sources { environment, ..Sources::default() };
    let refused = Settings::load(Sections::new().checked(HubSettings::outside_a_cluster), sources.clone())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("mesh is for the nodes of a cluster, and this program is none"), "{refused}");
    Settings::load(Sections::new().with::<HubSettings>(), sources).unwrap();
}
