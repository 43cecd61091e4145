//! `payments ls`: lists payments.

use clap::Args;
use payments::{Books, DECLARATION, Listed, State};
use serde_json::json;
use service::{Error, Scope, Service};
use store::plainly;

use crate::console::{Table, is_read, say};
use crate::databases::Databases;
use crate::json_object::JsonObject;
use crate::times::{age, seconds};

/// How many rows are aligned at a time.
const PAGE: usize = 100;

/// Which payments are listed.
#[derive(Clone, Debug, Args)]
pub(super) struct Ls {
    #[command(flatten)]
    databases: Databases,
    /// Only those whose refund has failed
    #[arg(long)]
    stuck: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Service for Ls {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let store = self.databases.of(DECLARATION.name, "payments", &scope).await?;
        scope.ready(());
        scope.stopping().or(self.list(&Books::of(&store))).await.unwrap_or(Ok(())).map_err(plainly)
    }
}

impl Ls {
    async fn list(&self, books: &Books) -> Result<(), Error> {
        let state = self.stuck.then_some(State::Stuck);
        if self.json {
            let mut object = JsonObject::begin()?;
            object.begin_list("payments")?;
            books.list(state, |payment| object.item(&as_json(&payment))).await?;
            object.end_list()?;
            return object.end();
        }
        let table = Table::new(["ORDER", "STATE", "AMOUNT", "SINCE", "INTENT", "PROVIDER", "MESSAGE"]);
        let mut table = table.of_which_fit(&["ORDER", "STATE", "AMOUNT", "SINCE", "MESSAGE"]);
        let (mut rows, mut is_empty) = (Vec::new(), true);
        let listed = books.list(state, |payment| {
            is_empty = false;
            rows.push(row(payment));
            if rows.len() == PAGE { say(table.page(&std::mem::take(&mut rows))) } else { Ok(()) }
        });
        listed.await?;
        if is_empty {
            return say(if self.stuck { "No refund is stuck." } else { "There are no payments." });
        }
        say(table.page(&rows))
    }
}

fn row(payment: Listed) -> [String; 7] {
    let Listed { order, state, amount, since, intent, provider, message } = payment;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let since = if is_read() { age(since) } else { seconds(since) };
    [order.to_string(), state.as_str().to_owned(), amount, since, or_dash(intent), provider, or_dash(message)]
}

fn as_json(payment: &Listed) -> serde_json::Value {
    let Listed { order, state, amount, since, intent, provider, message } = payment;
    json!({
        "order": order,
        "state": state.as_str(),
        "amount": amount,
        "since": seconds(*since),
        "intent": intent,
        "provider": provider,
        "message": message,
    })
}
