//! The start order.

use std::net::SocketAddr;
use std::time::Duration;

use common::bus;
use common::extract::SessionKey;
use common::listener::Listen;
use common::store::{self, Recorded, Relay};
use common::telemetry;
use service::http::Http;
use service::{Error, Scope, Service};

use crate::app::{AppState, app};
use crate::config::TicketsSettings;
use crate::events::{OrderCancelledListener, OrderCreatedListener, Said};
use crate::models;

/// The tickets service; its handle is the address it listens on.
#[derive(Clone, Copy, Debug)]
pub struct Tickets;

impl Service for Tickets {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let settings = scope.settings::<TicketsSettings>()?.get();
        let stopping = scope.stopping();
        let tracer = telemetry::start(&scope, "tickets").await?;
        // A database or broker that is away keeps us unready, and is no failure.
        let child = |name| scope.child(name).ready_within(Duration::MAX);
        let store = child("store").start(store::Connection { uri: settings.mongo_uri.clone() }).await?;
        let bus = bus::connect(&scope, tracer.clone()).await?;
        child("relay").start(Relay::new(&store, &bus)).await?;

        let Some(tickets) = stopping.or(models::Tickets::open(&store)).await else { return Ok(()) };
        let tickets = tickets?;
        let (created, updated) = Said::outboxes(&store);
        let order_created = OrderCreatedListener { tickets: tickets.clone(), updated: updated.clone() };
        child("order-created").start(Listen::new(&store, &bus, order_created)).await?;
        let order_cancelled = OrderCancelledListener { tickets: tickets.clone(), updated: updated.clone() };
        child("order-cancelled").start(Listen::new(&store, &bus, order_cancelled)).await?;

        let key = SessionKey::new(settings.jwt_key.reveal());
        let state = AppState { store, tickets, created, updated, key };
        let http = Http { bind: settings.bind, router: app(state, tracer), drain_delay: Duration::ZERO };
        let address = scope.start("http", http).await?;
        tracing::info!(%address, "the API is here");
        scope.ready(address);
        stopping.await;
        Ok(())
    }
}
