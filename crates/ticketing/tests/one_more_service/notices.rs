//! A tiny service: it lists the titles of all tickets that were ever put up for sale.

use std::net::SocketAddr;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use bus::{ListenerSettings, NatsSettings};
use common::errors::{ApiError, contract};
use common::events::TicketCreated;
use common::settings::HttpSettings;
use common::{Declaration, Listener, Listeners as _, Program, Rejection, Store, Topology, Tx};
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use service::settings::Sections;
use service::{Error, Scope};
use store::MongoSettings;
use telemetry::TelemetrySettings;

/// What is known of the service without running it.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: "notices",
    sections: || {
        Sections::new()
            .with::<HttpSettings>()
            .with::<MongoSettings>()
            .with::<NatsSettings>()
            .with::<ListenerSettings>()
            .with::<TelemetrySettings>()
    },
    topology: || Topology::new().listens::<Listeners>(),
    prefixes: &["/api/notices"],
    projections: &[],
};

/// The service.
pub(crate) const PROGRAM: Program = Program { declaration: DECLARATION, start: |scope| Box::pin(start(scope)) };

type Listeners = (TicketCreatedListener,);

async fn start(scope: Scope<Option<SocketAddr>>) -> Result<(), Error> {
    let tracer = telemetry::start(&scope, DECLARATION.name).await?;
    let store = store::connect(&scope).await?;
    let bus = bus::connect(&scope, tracer.clone()).await?;
    let notices: Collection<Document> = store.collection("notices");
    let listeners: Listeners = (TicketCreatedListener { notices: notices.clone() },);
    listeners.start(&scope, &store, &bus).await?;
    let routes = Router::new().route("/api/notices", get(list)).with_state(notices);
    common::serve(&scope, contract(routes, tracer)).await
}

struct TicketCreatedListener {
    notices: Collection<Document>,
}

impl Listener for TicketCreatedListener {
    type Event = TicketCreated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = "notices-service";

    async fn on_message(&self, event: &TicketCreated, tx: &mut Tx) -> Result<(), Rejection> {
        let notice = doc! { "_id": event.id.to_string(), "title": &event.title };
        self.notices.insert_one(notice).session(tx).await?;
        Ok(())
    }
}

async fn list(State(notices): State<Collection<Document>>) -> Result<Json<Vec<String>>, ApiError> {
    let found: Vec<Document> = notices.find(doc! {}).await?.try_collect().await?;
    Ok(Json(found.iter().filter_map(|notice| notice.get_str("title").ok().map(str::to_owned)).collect()))
}
