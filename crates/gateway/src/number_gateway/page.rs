//! The cluster for people, and for programs.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cluster::{Cluster, Epoch, Leader, Node};
use serde::Serialize;

/// `GET /`, a page with the nodes and the numbers; and `GET /cluster`, the nodes as JSON.
pub(super) fn pages(cluster: Cluster) -> Router {
    Router::new().route("/", get(page)).route("/cluster", get(json)).with_state(cluster)
}

/// The cluster as one of its nodes sees it.
#[derive(Serialize, Template)]
#[template(path = "cluster.html")]
struct Seen {
    /// The node that is asked.
    node: Node,
    /// The nodes that are alive, sorted by name.
    members: Vec<Node>,
    /// The node that leads, if one does.
    leader: Option<Node>,
    /// The epoch of its term.
    epoch: Option<Epoch>,
}

impl Seen {
    fn by(cluster: &Cluster) -> Self {
        let node = cluster.node().clone();
        let members = cluster.members().borrow().iter().map(|member| member.node.clone()).collect();
        let (leader, epoch) = match cluster.leader().borrow().clone() {
            Leader::Other(leader, epoch) => (Some(leader), Some(epoch)),
            own @ (Leader::This(..) | Leader::Unknown) => {
                own.own_term().map(|(epoch, _)| (node.clone(), epoch)).unzip()
            }
        };
        Self { node, members, leader, epoch }
    }
}

async fn json(State(cluster): State<Cluster>) -> Json<Seen> {
    Json(Seen::by(&cluster))
}

async fn page(State(cluster): State<Cluster>) -> Response {
    match Seen::by(&cluster).render() {
        Ok(page) => hub::page(page),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(), // writing to memory does not fail
    }
}
