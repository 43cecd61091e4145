//! Every node serves every channel.

use testkit::{Api, Reading, until};

use super::site::{Bus, Site};

async fn post(site: &Site, node: usize, path: &str, body: &str) {
    let answer = Api { address: site.places[node].http }.request("POST", path, "", body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
}

/// A reader at each node that runs.
async fn readers(site: &Site, path: &str) -> Vec<Reading> {
    let mut readers = Vec::new();
    for node in site.running() {
        readers.push(Reading::open(site.places[node].http, path).await);
    }
    readers
}

/// Reads this message at each. Messages of different nodes have no order, so it is read before another node publishes.
async fn all_read(readers: &mut [Reading], message: &str) {
    for reader in readers {
        assert_eq!(reader.message().await, message);
    }
}

async fn each_message_reaches_the_readers_of_every_node_once(bus: Bus) {
    let site = Site::three(bus).await;
    let mut readers = readers(&site, "/pycon").await;
    for round in 0..20 {
        for node in 0..3 {
            post(&site, node, "/pycon", &format!("{round} from {node}")).await;
        }
    }
    for reader in &mut readers {
        let mut next = [0; 3];
        for _ in 0..60 {
            let message = reader.message().await;
            let (round, node) = message.split_once(" from ").unwrap();
            let node: usize = node.parse().unwrap();
            assert_eq!(round, next[node].to_string(), "in order, and once");
            next[node] += 1;
        }
    }
    for node in 0..3 {
        post(&site, node, "/pycon", "the last").await;
    }
    for reader in &mut readers {
        assert_eq!(reader.message().await, "the last", "nothing came twice");
    }
    site.end().await;
}

#[tokio::test]
async fn each_message_reaches_the_readers_of_every_node_once_over_the_mesh() {
    each_message_reaches_the_readers_of_every_node_once(Bus::Mesh).await;
}

#[tokio::test]
async fn each_message_reaches_the_readers_of_every_node_once_over_nats() {
    each_message_reaches_the_readers_of_every_node_once(Bus::Nats).await;
}

async fn a_node_that_comes_late_serves_all_and_one_that_is_killed_is_let_go(bus: Bus) {
    let mut site = Site::of(bus, 4, "majority").await;
    for node in 0..3 {
        site.start(node);
    }
    site.agreed().await;
    let mut others = readers(&site, "/pycon").await;
    post(&site, 0, "/pycon", "before").await;
    all_read(&mut others, "before").await;
    site.start(3);
    site.agreed().await;
    let mut late = Reading::open(site.places[3].http, "/pycon").await;
    post(&site, 1, "/pycon", "to the new one").await;
    assert_eq!(late.message().await, "to the new one");
    all_read(&mut others, "to the new one").await;
    post(&site, 3, "/pycon", "from the new one").await;
    all_read(&mut others, "from the new one").await;
    site.kill(3);
    site.agreed().await;
    if bus == Bus::Mesh {
        until("nobody is connected to it", || async { site.places[3].relay.open() == 0 }).await;
    }
    post(&site, 0, "/pycon", "after").await;
    all_read(&mut others, "after").await;
    site.end().await;
}

#[tokio::test]
async fn a_node_that_comes_late_serves_all_and_one_that_is_killed_is_let_go_over_the_mesh() {
    a_node_that_comes_late_serves_all_and_one_that_is_killed_is_let_go(Bus::Mesh).await;
}

#[tokio::test]
async fn a_node_that_comes_late_serves_all_and_one_that_is_killed_is_let_go_over_nats() {
    a_node_that_comes_late_serves_all_and_one_that_is_killed_is_let_go(Bus::Nats).await;
}

async fn a_channel_that_nobody_reads_at_a_node_costs_it_nothing(bus: Bus) {
    const POSTS: u64 = 500;
    const BODY: u64 = 4096;
    let site = Site::three(bus).await;
    let mut reader = Reading::open(site.places[2].http, "/x").await;
    let before = [site.places[1].relay.bytes(), site.places[2].relay.bytes()];
    for _ in 0..POSTS {
        post(&site, 0, "/x", &"x".repeat(BODY as usize)).await;
    }
    for _ in 0..POSTS {
        reader.message().await;
    }
    let passed = [site.places[1].relay.bytes() - before[0], site.places[2].relay.bytes() - before[1]];
    assert!(passed[1] > POSTS * BODY, "{passed:?}: they are carried to a node with a reader");
    assert!(passed[0] < POSTS * BODY / 10, "{passed:?}: and to no other");
    site.end().await;
}

#[tokio::test]
async fn a_channel_that_nobody_reads_at_a_node_costs_it_nothing_over_the_mesh() {
    a_channel_that_nobody_reads_at_a_node_costs_it_nothing(Bus::Mesh).await;
}

#[tokio::test]
async fn a_channel_that_nobody_reads_at_a_node_costs_it_nothing_over_nats() {
    a_channel_that_nobody_reads_at_a_node_costs_it_nothing(Bus::Nats).await;
}

async fn nodes_of_one_configuration_announce_themselves_in_turn_and_one_leads(bus: Bus) {
    let site = Site::three(bus).await;
    let (leader, _) = site.agreed().await;
    let mut reader = Reading::open(site.places[0].http, "/announce").await;
    reader.message().await; // perhaps of before they agreed
    let mut lines = Vec::new();
    for _ in 0..6 {
        lines.push(reader.message().await);
    }
    for (number, place) in site.places.iter().enumerate() {
        let line = format!("{}{}", place.name, if number == leader { "*" } else { "" });
        let count = lines.iter().filter(|announced| **announced == line).count();
        assert!((1..=3).contains(&count), "{line} in {lines:?}");
    }
    let refused = Api { address: site.places[0].http }.request("POST", "/announce", "", b"me").await;
    assert_eq!(refused.status, 403);
    site.end().await;
}

#[tokio::test]
async fn nodes_of_one_configuration_announce_themselves_in_turn_and_one_leads_over_the_mesh() {
    nodes_of_one_configuration_announce_themselves_in_turn_and_one_leads(Bus::Mesh).await;
}

#[tokio::test]
async fn nodes_of_one_configuration_announce_themselves_in_turn_and_one_leads_over_nats() {
    nodes_of_one_configuration_announce_themselves_in_turn_and_one_leads(Bus::Nats).await;
}

#[tokio::test]
async fn the_page_shows_the_nodes_and_the_term_and_needs_no_script_for_it() {
    let site = Site::three(Bus::Mesh).await;
    let (leader, epoch) = site.agreed().await;
    let mut page = Reading::open(site.places[1].http, "/").await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'; "));
    let text = page.through("</script>").await;
    for place in &site.places {
        assert!(text.contains(&format!("<td>{}</td>", place.name)), "{text}");
    }
    let row = format!("<tr><td>{}</td><td class=\"leads\">leads</td></tr>", site.places[leader].name);
    assert!(text.contains(&row) && text.contains(&epoch.to_string()), "{text}");
    assert_eq!(text.matches("class=\"leads\"").count(), 1);
    site.end().await;
}
