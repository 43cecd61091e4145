//! The limit of the time that a request may take.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Json, Router};
use common::errors::contract;
use common::settings::HttpSettings;
use service::settings::Sections;
use service::{Error, Scope, Service, launch};
use telemetry::Tracer;
use testkit::{Api, message};
use tokio::sync::{Semaphore, mpsc};

/// An API whose handler waits for a permit, and then tells that it has done its work.
struct Slow {
    work: Arc<Semaphore>,
    done: mpsc::Sender<()>,
}

impl Service for Slow {
    type Handle = Option<SocketAddr>;

    async fn run(self, scope: Scope<Self::Handle>) -> Result<(), Error> {
        let slow = async move || {
            let _turn = self.work.acquire().await;
            self.done.send(()).await.expect("the test receives it");
            Json(())
        };
        let routes = Router::new().route("/slow", post(slow)).route("/fast", get(async || Json(7)));
        common::serve(&scope, contract(routes, Tracer::default())).await
    }
}

#[tokio::test]
async fn a_request_over_its_limit_is_answered_with_503_while_its_handler_goes_on() {
    let environment = [("HTTP__BIND", "127.0.0.1:0"), ("HTTP__REQUEST_LIMIT_SECONDS", "10")];
    let settings = testkit::settings(Sections::new().with::<HttpSettings>(), &environment);
    let (done, mut is_done) = mpsc::channel(2);
    let work = Arc::new(Semaphore::new(0));
    let mut running = launch("slow", Slow { work: Arc::clone(&work), done }).settings(settings).start();
    let api = Api { address: running.ready().await.unwrap().unwrap() };

    let (first, second, ()) =
        tokio::join!(api.request("POST", "/slow", "", b""), api.request("POST", "/slow", "", b""), async {
            let fast = api.request("GET", "/fast", "", b"").await;
            assert_eq!((fast.status, fast.body.as_str()), (200, "7"), "others are answered meanwhile");
        });
    for answer in [first, second] {
        answer.is_error(503, &message("The request takes too long; its outcome is not known yet"));
        assert_eq!(answer.headers["retry-after"], "1");
    }
    assert!(is_done.try_recv().is_err(), "nothing is done yet");
    let (stopped, ()) = tokio::join!(running.stop(), async { work.add_permits(1) });
    stopped.result.unwrap();
    let mut finished = 0;
    while is_done.try_recv().is_ok() {
        finished += 1;
    }
    assert_eq!(finished, 2, "the stop waits for the handlers");
}
