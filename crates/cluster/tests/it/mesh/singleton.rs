//! A child that only the leader runs.

use std::time::Duration;

use cluster::{Cluster, Exchange, Term, singleton};
use hub::{Hub, MessageHub};
use serde_json::json;
use service::{Error, Scope, Service, State};
use testkit::until;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::rawpeer::{RawPeer, heartbeat};
use super::testnode::{Place, Reader, Station, TestNode};

/// Publishes the epoch of its term again and again, and says farewell in it.
struct Bell {
    cluster: Cluster,
    term: Term,
}

impl Service for Bell {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { cluster, term } = self;
        let channel = "/bell".parse()?;
        scope.ready(());
        let stopping = scope.stopping();
        while !stopping.is_asked() {
            // Once the term has ended, the stop follows.
            cluster.publish(&term, &channel, term.epoch().to_string().into()).await.ok();
            stopping.or(sleep(Duration::from_millis(20))).await;
        }
        Ok(())
    }
}

/// A node with its hub and, if it leads, the bell.
struct Tower(Station);

impl Service for Tower {
    type Handle = (Cluster, Hub<Exchange>);

    async fn run(self, scope: Scope<Self::Handle>) -> Result<(), Error> {
        let cluster = scope.start("cluster", self.0.0).await?;
        let hub = scope.start("hub", MessageHub { transport: cluster.exchange() }).await?;
        let ringing = cluster.clone();
        singleton(&scope, "bell", &cluster, move |term| Bell { cluster: ringing.clone(), term }).await?;
        scope.ready((cluster, hub));
        scope.stopping().await;
        Ok(())
    }
}

async fn tower(place: &Place, number: usize) -> TestNode {
    place.launch(number, Tower(Station(place.join(number)))).await
}

/// Whether the node shows that its bell runs.
fn rings(node: &TestNode) -> bool {
    node.running.tree().statuses().iter().any(|it| it.path.as_str() == "node/bell/term" && it.state == State::Ready)
}

async fn one_rings(nodes: &[TestNode]) {
    until("one bell rings", || async { nodes.iter().filter(|node| rings(node)).count() == 1 }).await;
}

async fn epoch(reader: &mut Reader) -> u64 {
    reader.next().await.parse().unwrap()
}

/// Reads until a later term than this rings; no earlier one does.
async fn later(reader: &mut Reader, than: u64) -> u64 {
    loop {
        let next = epoch(reader).await;
        assert!(next >= than, "{next} after {than}");
        if next > than {
            return next;
        }
    }
}

#[tokio::test]
async fn only_the_leader_runs_it_and_readers_get_the_terms_in_order() {
    let place = Place::of(3);
    let mut nodes = Vec::new();
    for number in 0..3 {
        nodes.push(tower(&place, number).await);
    }
    for node in &nodes {
        node.sees(&place.nodes).await;
    }
    let mut reader = nodes[2].read("/bell").await;
    let mut newest = epoch(&mut reader).await;
    one_rings(&nodes).await;
    for _ in 0..3 {
        // The leader restarts, unless it is the node with the reader: the one that is sorted last.
        let Some(number) = (0..2).find(|number| rings(&nodes[*number])) else { break };
        nodes.remove(number).stop().await;
        newest = later(&mut reader, newest).await;
        nodes.insert(number, tower(&place, number).await);
        nodes[number].sees(&place.nodes).await;
        one_rings(&nodes).await;
    }
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test]
async fn it_ends_with_its_term_and_begins_with_the_next() {
    // The other node is a socket that follows whoever leads, and then names a later term.
    let place = Place::of(2);
    let listener = TcpListener::bind(place.nodes[1].as_str()).await.unwrap();
    let node = tower(&place, 0).await;
    let mut from_node = RawPeer::accept(&listener).await;
    let mut to_node = RawPeer::join(&place.nodes[1], &place.nodes[0], 2).await;
    to_node.send(&heartbeat(1), "").await;
    let follows = async {
        let mut named = 0;
        while let Some((frame, _)) = from_node.receive().await {
            let body = &frame["Cluster"]["body"];
            if let Some(request) = body.get("Request") {
                let (stage, epoch) = (request["stage"].clone(), request["epoch"].as_u64().unwrap());
                let answer = json!({ "stage": stage, "epoch": epoch, "granted": true, "highest": epoch });
                to_node.send(&cluster_message(&json!({ "Answer": answer })), "").await;
            } else if let Some(lead) = body.get("Lead") {
                let epoch = lead["epoch"].as_u64().unwrap();
                let answer = json!({ "epoch": epoch, "granted": true, "sent": lead["sent"] });
                to_node.send(&cluster_message(&json!({ "Follow": answer })), "").await;
                if named == 0 && rings(&node) {
                    named = epoch + 1;
                    to_node.send(&json!({ "Publication": { "channel": "/bell", "epoch": named } }), "later").await;
                }
            } else {
                to_node.send(&heartbeat(1), "").await;
            }
        }
    };
    let read = async {
        let mut reader = node.read("/bell").await;
        let first = epoch(&mut reader).await;
        loop {
            match reader.next().await.as_str() {
                "later" => break,
                next => assert_eq!(next, first.to_string()),
            }
        }
        until("the bell of the first term is gone", || async { !rings(&node) }).await;
        assert!(epoch(&mut reader).await > first + 1);
    };
    tokio::select! {
        () = read => {}
        () = follows => panic!("the node has disconnected"),
    }
    node.stop().await;
}

fn cluster_message(body: &serde_json::Value) -> serde_json::Value {
    json!({ "Cluster": { "incarnation": 1, "body": body } })
}
