//! What the settings of a node say, and what they refuse.

use cluster::{Address, ClusterSettings};
use service::Section;
use service::settings::{Sections, Settings, Sources};

fn load(environment: &[(&str, &str)]) -> Result<ClusterSettings, String> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let sources = Sources { environment, ..Sources::default() };
    let settings = Settings::load(Sections::new().with::<ClusterSettings>(), sources).map_err(|why| why.to_string())?;
    Ok((*settings.live::<ClusterSettings>().unwrap().get()).clone())
}

#[test]
fn a_node_is_named_with_its_port_or_has_the_port_4440() {
    let cases = [
        ("127.0.0.2", "127.0.0.2:4440"),
        ("127.0.0.2:7", "127.0.0.2:7"),
        (" gateway-0.gateway ", "gateway-0.gateway:4440"),
        ("gateway-0.gateway:99", "gateway-0.gateway:99"),
        ("::1", "[::1]:4440"),
        ("[::1]:7", "[::1]:7"),
        ("[::1]", "[::1]:4440"),
    ];
    for (text, node) in cases {
        let settings = load(&[("IDENTITY", text)]).unwrap();
        assert_eq!(settings.identity.node().as_str(), node);
        assert_eq!(settings.identity, node.parse::<Address>().unwrap());
    }
}

#[test]
fn the_names_of_the_talk_set_them() {
    let settings = load(&[("IDENTITY", "127.0.0.2"), ("LEADER", "127.0.0.1"), ("CLUSTER", "127.0.0.1, 127.0.0.3:5,")]);
    let settings = settings.unwrap();
    assert_eq!(settings.leader, Some("127.0.0.1".parse().unwrap()));
    assert_eq!(settings.nodes.to_string(), "127.0.0.1:4440,127.0.0.3:5");
    assert_eq!(ClusterSettings::NAME, "cluster");
}

#[test]
fn what_makes_no_cluster_is_refused_with_how_to_set_it() {
    let cases = [
        (
            ("IDENTITY", "two words"),
            "a node is a host and a port, as 127.0.0.2:4440; this is \"two words\" (IDENTITY=127.0.0.1)",
        ),
        (("IDENTITY", ""), "must be set: IDENTITY=127.0.0.1"),
        (("LEADER", "127.0.0.1:0"), "this is \"127.0.0.1:0\" (LEADER=127.0.0.1)"),
        (("CLUSTER", "127.0.0.1,a:b"), "this is \"a:b\" (CLUSTER=127.0.0.1,127.0.0.2,127.0.0.3)"),
        (("CLUSTER__SIZE", "0"), "must be 1 to 100"),
        (("CLUSTER__LEASE_MILLISECONDS", "10"), "must be 500 to 60000"),
        (("CLUSTER__QUORUM", "most"), "unknown variant `most`, expected `majority` or `none`"),
    ];
    for ((name, value), problem) in cases {
        let refused = load(&[(name, value)]).unwrap_err();
        assert!(refused.contains(problem), "{name}={value}: {refused}");
    }
    let refused = load(&[("CLUSTER__SIZE", "2"), ("CLUSTER", "127.0.0.2,127.0.0.3")]).unwrap_err();
    assert!(refused.contains("must be at least 3: so many nodes are named by identity, leader and nodes"), "{refused}");
}
