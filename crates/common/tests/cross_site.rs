//! Requests that a page of another site makes a browser send.

use std::net::SocketAddr;

use axum::routing::any;
use axum::{Json, Router};
use common::errors::contract;
use common::settings::HttpSettings;
use service::settings::Sections;
use service::{Error, Running, Scope, Service, launch};
use telemetry::Tracer;
use testkit::{Api, message};

/// An API that answers everything with 7.
struct Open;

impl Service for Open {
    type Handle = Option<SocketAddr>;

    async fn run(self, scope: Scope<Self::Handle>) -> Result<(), Error> {
        let routes = Router::new().route("/", any(async || Json(7)));
        common::serve(&scope, contract(routes, Tracer::default())).await
    }
}

async fn start() -> (Running<Option<SocketAddr>>, Api) {
    let settings = testkit::settings(Sections::new().with::<HttpSettings>(), &[("HTTP__BIND", "127.0.0.1:0")]);
    let mut running = launch("open", Open).settings(settings).start();
    let address = running.ready().await.expect("it starts").expect("it has an address");
    (running, Api { address })
}

#[tokio::test]
async fn a_page_of_another_site_can_change_nothing() {
    let (running, api) = start().await;
    for headers in [
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
        "sec-fetch-site: cross-site\r\norigin: https://ticketing.dev\r\n",
        "origin: http://evil.example\r\n",
        "origin: https://ticketing.dev.evil.example\r\n",
        "origin: http://ticketing.dev:81\r\n",
        "origin: null\r\n",
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "ANYTHING"] {
            let answer = api.request(method, "/", headers, b"").await;
            answer.is_error(403, &message("This request comes from another site and is refused"));
            assert!(answer.headers.contains_key("x-correlation-id"), "{answer:?}");
        }
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert_eq!(api.request(method, "/", headers, b"").await.status, 200, "{method} {headers}");
        }
    }
    running.stop().await.result.unwrap();
}

/// The scheme of an origin may differ: a proxy in front takes https.
#[tokio::test]
async fn pages_of_this_site_and_programs_that_are_no_browsers_can() {
    let (running, api) = start().await;
    for headers in [
        "",
        "sec-fetch-site: same-origin\r\n",
        "sec-fetch-site: none\r\n",
        "sec-fetch-site: same-origin\r\norigin: https://ticketing.dev\r\n",
        "origin: https://ticketing.dev\r\n",
        "origin: http://ticketing.dev\r\n",
    ] {
        let answer = api.request("POST", "/", headers, b"").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "7"), "{headers}");
    }
    running.stop().await.result.unwrap();
}
