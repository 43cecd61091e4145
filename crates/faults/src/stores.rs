//! The databases of the services and of the bank, not through proxies.

use service::Running;
use store::Store;

use crate::deployment::Deployment;

/// The databases that the checker reads.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) auth: Store,
    pub(crate) tickets: Store,
    pub(crate) orders: Store,
    pub(crate) payments: Store,
    pub(crate) bank: Store,
}

/// Their connections.
#[derive(Debug)]
pub(crate) struct Connections(Vec<Running<Store>>);

impl Stores {
    pub(crate) async fn connect(deployment: &Deployment) -> (Connections, Self) {
        let mut running = Vec::new();
        let mut open = async |service| {
            let (connection, store) = deployment.store(service).await;
            running.push(connection);
            store
        };
        let stores = Self {
            auth: open("auth").await,
            tickets: open("tickets").await,
            orders: open("orders").await,
            payments: open("payments").await,
            bank: open("bank").await,
        };
        (Connections(running), stores)
    }

    /// Those of services that publish events.
    pub(crate) fn with_outbox(&self) -> [&Store; 3] {
        [&self.tickets, &self.orders, &self.payments]
    }
}

impl Connections {
    /// Closes them; the [`Stores`] are dropped before.
    pub(crate) async fn close(self) {
        for running in self.0 {
            running.stop().await.result.unwrap();
        }
    }
}
