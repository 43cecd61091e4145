//! Hubs of a test's own.

use std::net::SocketAddr;

use hub::{HubProgram, HubSettings, Views};
use service::settings::Sections;
use service::{Running, launch};
use testkit::{Answer, Api, settings};

/// A hub that runs, with all front ends.
pub(crate) struct TestHub {
    pub(crate) running: Running<SocketAddr>,
    pub(crate) address: SocketAddr,
}

impl TestHub {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these settings besides.
    pub(crate) async fn with(environment: &[(&str, &str)]) -> Self {
        let environment = [&[("HUB__BIND", "127.0.0.1:0")], environment].concat();
        let settings = settings(Sections::new().with::<HubSettings>(), &environment);
        let mut running = launch("hub", HubProgram { views: Views::All }).settings(settings).start();
        let address = running.ready().await.unwrap();
        Self { running, address }
    }

    pub(crate) fn api(&self) -> Api {
        Api { address: self.address }
    }

    pub(crate) async fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.api().request("POST", path, "", body.as_ref()).await
    }

    /// Posts, which must succeed.
    pub(crate) async fn publish(&self, path: &str, body: impl AsRef<[u8]>) {
        let answer = self.post(path, body).await;
        assert_eq!((answer.status, &answer.body[..]), (200, "OK\n"));
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }
}
