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
use crate::config::OrdersSettings;
use crate::events::{
    ExpirationCompleteListener, PaymentCreatedListener, Said, TicketCreatedListener, TicketUpdatedListener,
};
use crate::models::{self, Tickets};
use crate::sweep::Sweep;

/// The orders service; its handle is the address it listens on.
#[derive(Clone, Copy, Debug)]
pub struct Orders;

impl Service for Orders {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let live = scope.settings::<OrdersSettings>()?;
        let settings = live.get();
        let stopping = scope.stopping();
        let tracer = telemetry::start(&scope, "orders").await?;
        // A database or broker that is away keeps us unready, and is no failure.
        let child = |name| scope.child(name).ready_within(Duration::MAX);
        let store = child("store").start(store::Connection { uri: settings.mongo_uri.clone() }).await?;
        let bus = bus::connect(&scope, tracer.clone()).await?;
        child("relay").start(Relay::new(&store, &bus)).await?;

        let Some(orders) = stopping.or(models::Orders::open(&store)).await else { return Ok(()) };
        let (orders, tickets) = (orders?, Tickets::of(&store));
        let (created, cancelled) = Said::outboxes(&store);
        let ticket_created = TicketCreatedListener { tickets: tickets.clone() };
        child("ticket-created").start(Listen::new(&store, &bus, ticket_created)).await?;
        let ticket_updated = TicketUpdatedListener { tickets: tickets.clone() };
        child("ticket-updated").start(Listen::new(&store, &bus, ticket_updated)).await?;
        let expired = ExpirationCompleteListener { orders: orders.clone(), cancelled: cancelled.clone() };
        child("expiration-complete").start(Listen::new(&store, &bus, expired)).await?;
        let paid = PaymentCreatedListener { orders: orders.clone() };
        child("payment-created").start(Listen::new(&store, &bus, paid)).await?;
        let sweep =
            Sweep { store: store.clone(), bus: bus.clone(), orders: orders.clone(), cancelled: cancelled.clone() };
        child("sweep").start(sweep).await?;

        let key = SessionKey::new(settings.jwt_key.reveal());
        let state = AppState { store, orders, tickets, created, cancelled, key, settings: live };
        let http = Http { bind: settings.bind, router: app(state, tracer), drain_delay: Duration::ZERO };
        let address = scope.start("http", http).await?;
        tracing::info!(%address, "the API is here");
        scope.ready(address);
        stopping.await;
        Ok(())
    }
}
