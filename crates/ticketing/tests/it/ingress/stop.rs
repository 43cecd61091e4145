//! A stop of the whole: each service ends its own streams, and the ingress copies the end.

use std::net::SocketAddr;

use common::TrustedProxies;
use futures_util::future::join_all;
use service::{Error, Exit, Scope, Service, Slot, launch};
use ticketing::ingress::{Route, ingress};
use tokio::sync::mpsc;

use super::client::{Client, GOING_AWAY, WEBSOCKET};
use super::on_any_port;
use super::things::{Told, things};

const STREAMS: usize = 50;

/// An application: the ingress first, then a service behind it.
struct Composed {
    told: Told,
}

impl Service for Composed {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let (setter, upstream) = Slot::empty(scope.path(), "things");
        let routes = vec![Route { prefix: "/api/things", upstream }];
        let address = scope.start("ingress", on_any_port(ingress(routes, TrustedProxies::default()))).await?;
        setter.set(scope.start("things", on_any_port(things(&self.told))).await?);
        scope.ready(address);
        scope.stopping().await;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_every_open_stream_and_websocket_properly_and_aborts_nothing() {
    let (told, mut tells) = mpsc::unbounded_channel();
    let mut root = launch("composed", Composed { told }).start();
    let address = root.ready().await.unwrap();
    let events = "GET /api/things/events HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut streams = join_all((0..STREAMS).map(|_| Client::new(address, events))).await;
    let mut sockets = join_all((0..STREAMS).map(|_| Client::new(address, WEBSOCKET))).await;
    for stream in &mut streams {
        stream.sees(b"data: first\n\n\r\n").await;
    }
    for socket in &mut sockets {
        socket.sees(b"\r\n\r\n").await;
        socket.seen.clear();
    }
    let streams = join_all(streams.iter_mut().map(Client::rest));
    let sockets = join_all(sockets.iter_mut().map(async |socket| {
        socket.rest().await;
        std::mem::take(&mut socket.seen)
    }));
    let (outcome, streams, sockets) = tokio::join!(root.stop(), streams, sockets);
    for stream in streams {
        assert!(stream.ends_with("data: first\n\n\r\n0\r\n\r\n"), "{stream}");
    }
    for socket in sockets {
        assert_eq!(socket, GOING_AWAY);
    }
    assert_eq!((outcome.exit(), outcome.aborted.len()), (Exit::Clean, 0));
    for _ in 0..2 * STREAMS {
        tells.recv().await.unwrap();
    }
}
