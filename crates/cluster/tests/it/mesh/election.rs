//! Who leads, over real sockets.

use std::fs;

use cluster::{Cluster, Leader, Term};
use hub::NotPublished;
use service::launch;
use testkit::until;

use super::testnode::{Place, TestNode};

/// The node that leads, once all of them know it, and its term.
async fn led(nodes: &[TestNode]) -> (usize, Term) {
    let leading = || nodes.iter().position(|node| matches!(node.leader(), Leader::This(..)));
    let agreed = || async {
        let Some(leading) = leading() else { return false };
        let Leader::This(epoch, _) = nodes[leading].leader() else { return false };
        let expected = Leader::Other(nodes[leading].node.clone(), epoch);
        nodes.iter().enumerate().all(|(number, node)| number == leading || node.leader() == expected)
    };
    until("all nodes know one leader", agreed).await;
    let number = leading().unwrap();
    (number, nodes[number].cluster.promoted().await.unwrap())
}

async fn publish(cluster: &Cluster, term: &Term, body: &str) -> Result<u64, NotPublished> {
    cluster.publish(term, &"/numbers".parse().unwrap(), body.to_owned().into()).await
}

#[tokio::test]
async fn three_nodes_have_one_leader_and_the_next_one_leads_when_it_stops() {
    let place = Place::of(3);
    let mut nodes = place.start_all().await;
    let (number, term) = led(&nodes).await;
    let leader = nodes.remove(number);
    leader.stop().await;
    assert!(!term.is_valid());
    term.ended().await;
    let (_, next) = led(&nodes).await;
    assert!(next.epoch() > term.epoch());
    // It returns with its file, and follows.
    let returned = place.start(number).await;
    returned.sees(&place.nodes).await;
    until("it follows", || async { matches!(returned.leader(), Leader::Other(_, epoch) if epoch == next.epoch()) })
        .await;
    assert!(next.is_valid());
    for node in nodes.into_iter().chain([returned]) {
        node.stop().await;
    }
}

#[tokio::test]
async fn what_a_leader_publishes_reaches_every_node_until_its_term_has_ended() {
    let place = Place::of(3);
    let mut nodes = place.start_all().await;
    let (number, term) = led(&nodes).await;
    let mut readers = Vec::new();
    for node in &nodes {
        readers.push(node.read("/numbers").await);
    }
    publish(&nodes[number].cluster, &term, "7").await.unwrap();
    for reader in &mut readers {
        assert_eq!(reader.next().await, "7");
    }
    let leader = nodes.remove(number);
    let cluster = leader.cluster.clone();
    leader.stop().await;
    assert_eq!(publish(&cluster, &term, "8").await, Err(NotPublished::Outdated));
    assert!(cluster.promoted().await.is_none());
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test]
async fn a_file_that_is_no_such_file_is_named() {
    let place = Place::of(1);
    let join = place.join(0);
    fs::write(&join.file, "nonsense").unwrap();
    let mut running = launch("node", join.clone()).start();
    let error = format!("{:#}", running.ready().await.unwrap_err());
    assert!(error.contains(&format!("{} is not what a node of a cluster has written", join.file.display())), "{error}");
}

#[tokio::test]
async fn a_node_that_can_not_write_its_vote_does_not_lead_in_that_term() {
    let place = Place::of(1);
    let join = place.join(0);
    fs::create_dir(join.file.with_extension("new")).unwrap(); // where the file is written before it gets its name
    let mut running = launch("node", join.clone()).start();
    let cluster = running.ready().await.unwrap();
    let error = format!("{:#}", running.ended().await.result.unwrap_err());
    assert!(error.contains(&format!("failed to write {}", join.file.display())), "{error}");
    assert_eq!(*cluster.leader().borrow(), Leader::Unknown);
}
