//! A program whose services behave as its settings say, to observe how it starts and ends.
//!
//! `cargo run -p service --example cases -- config help` lists the settings.

use std::time::Duration;

use anyhow::bail;
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::http::{Http, Open};
use service::settings::Sections;
use service::{Error, Exit, Restart, Scope, Section, Service};
use tokio::time::sleep;

/// How the program behaves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Case {
    /// What c does: orderly, fails, panics, restarts, or never-ready
    c: String,
    /// How often c panics when it restarts
    panics: u32,
    /// Whether to answer HTTP on this address: /sleep/MILLISECONDS and /stream
    http: Option<String>,
    /// How long the HTTP server may take to stop, in milliseconds; 0 means as long as everything
    http_stops_within: u64,
}

impl Section for Case {
    const NAME: &'static str = "case";
}

struct Program;

impl Service for Program {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let settings = scope.settings::<Case>()?;
        let Case { c, panics, http, http_stops_within } = (*settings.get()).clone();
        scope.start("a", Component::default()).await?;
        scope.start("b", Component::default()).await?;
        if c == "restarts" {
            let restart = Restart::at_most(5, Duration::from_secs(60)).backoff(Duration::ZERO, Duration::ZERO);
            let mut left = panics;
            let make = move || {
                let c = if left > 0 { "panics" } else { "orderly" };
                left = left.saturating_sub(1);
                Component { c: c.to_owned() }
            };
            scope.child("c").restart(restart).start(make).await?;
        } else {
            scope.child("c").ready_within(Duration::from_secs(1)).start(Component { c }).await?;
        }
        if let Some(bind) = http {
            let router = Router::new().route("/sleep/{ms}", get(nap)).route("/stream", get(stream));
            let bind = bind.parse()?;
            let mut child = scope.child("http");
            if http_stops_within > 0 {
                child = child.stop_within(Duration::from_millis(http_stops_within));
            }
            child.start(Http { bind, router, drain_delay: Duration::ZERO }).await?;
        }
        scope.ready(());
        scope.stopping().await;
        Ok(())
    }
}

#[derive(Default)]
struct Component {
    c: String,
}

impl Service for Component {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        match self.c.as_str() {
            "fails" => bail!("the disk is full"),
            "never-ready" => scope.stopping().await,
            "panics" => {
                scope.ready(());
                panic!("a bug");
            }
            _ => {
                scope.ready(());
                scope.stopping().await;
            }
        }
        Ok(())
    }
}

async fn nap(Path(milliseconds): Path<u64>) -> &'static str {
    sleep(Duration::from_millis(milliseconds)).await;
    "rested\n"
}

/// Ticks until the server stops.
async fn stream(open: Open) -> axum::body::Body {
    let ticks = futures_util::stream::unfold((), async |()| {
        sleep(Duration::from_millis(10)).await;
        Some((Ok::<_, std::io::Error>("tick\n"), ()))
    });
    axum::body::Body::from_stream(open.until_stopping(Box::pin(ticks)))
}

fn main() -> Exit {
    // `case.http` was `http.bind` once, and may still be set by that name.
    let sections = Sections::new().with::<Case>().moved("http.bind", "case.http");
    service::runner::main("cases", sections, || Program)
}
