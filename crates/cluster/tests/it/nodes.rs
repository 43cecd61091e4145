//! What the name of a node is.

use cluster::Node;

#[test]
fn a_node_is_named_by_a_host_and_a_port() {
    for name in ["127.0.0.2:4440", "gateway-0.gateway:4440", "[::1]:4440"] {
        assert_eq!(name.parse::<Node>().unwrap().to_string(), name);
    }
    let long = format!("{}:4440", "a".repeat(300));
    for name in ["", "127.0.0.2", "127.0.0.2:", ":4440", "127.0.0.2:0", "127.0.0.2:70000", "a b:4440", &long] {
        let error = name.parse::<Node>().unwrap_err().to_string();
        assert!(error.starts_with("a node is a host and a port, as 127.0.0.2:4440; this is"), "{error}");
    }
}
