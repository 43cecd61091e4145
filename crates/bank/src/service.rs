//! The declaration of the bank, and its start order.

use std::net::SocketAddr;
use std::time::Duration;

use common::{Declaration, Program, Topology};
use mongodb::bson::{Document, doc};
use service::http::Http;
use service::settings::Sections;
use service::{Error, Scope};
use store::{MongoSettings, Store};
use telemetry::TelemetrySettings;

use crate::app::app;
use crate::books::{Books, new_id};
use crate::clearing::Clearing;
use crate::faults::Faults;
use crate::keys::Keys;
use crate::settings::BankSettings;
use crate::state::AppState;
use crate::webhooks::Webhooks;

/// What is known of the test bank without running it.
pub const DECLARATION: Declaration =
    Declaration { name: "bank", sections, topology: Topology::new, prefixes: &[], projections: &[] };

/// The test bank.
pub const PROGRAM: Program = Program { declaration: DECLARATION, start: |scope| Box::pin(start(scope)) };

fn sections() -> Sections {
    Sections::new().with::<BankSettings>().with::<MongoSettings>().with::<TelemetrySettings>()
}

async fn start(scope: Scope<Option<SocketAddr>>) -> Result<(), Error> {
    let settings = scope.settings::<BankSettings>()?.get();
    telemetry::start(&scope, DECLARATION.name).await?;
    let store = store::connect(&scope).await?;
    let opened = async {
        let lifetime = Duration::from_secs(settings.key_seconds.into());
        Ok::<_, Error>((Books::open(&store).await?, Keys::open(&store, lifetime).await?, account(&store).await?))
    };
    let (books, keys, account) = scope.stopping().or_stop(opened).await??;
    scope.start("clearing", Clearing { store: store.clone(), books: books.clone() }).await?;
    if !settings.webhook_url.is_empty() {
        let (url, secret) = (settings.webhook_url.clone(), settings.webhook_secret.clone());
        scope.start("webhooks", Webhooks { books: books.clone(), url, secret }).await?;
    }
    let faults = settings.faults.then(Faults::default);
    let state = AppState { store, books, keys, secret: settings.key.clone(), account, faults };
    let http = Http { bind: settings.bind, router: app(state), drain_delay: Duration::ZERO };
    let address = scope.start("http", http).await?;
    tracing::info!(%address, "listening");
    scope.ready(Some(address));
    scope.stopping().await;
    Ok(())
}

/// The id of the account, made with the books.
async fn account(store: &Store) -> Result<String, Error> {
    let accounts = store.collection::<Document>("account");
    let new = doc! { "$setOnInsert": { "account": new_id("acct") } };
    let found = accounts.find_one_and_update(doc! { "_id": "account" }, new).upsert(true);
    let found = found.return_document(mongodb::options::ReturnDocument::After).await?;
    Ok(found.unwrap_or_default().get_str("account")?.to_owned())
}
