//! `payments audit`: compares the payments with what the provider has charged.

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::BoolishValueParser;
use payments::{Books, DECLARATION, Finding, Provider, ProviderUrl, Summary};
use serde_json::json;
use service::settings::Secret;
use service::{Ending, Error, Exit, Scope, Service};
use store::plainly;
use time::{Duration, OffsetDateTime};

use crate::console::{counted, reporting, say};
use crate::database_uri::secret;
use crate::databases::Databases;
use crate::json_object::JsonObject;

/// The key of a test bank, which protects nothing.
const BANK_KEY: &str = "sk_test_bank";

/// With which provider the payments are compared, and whether they are repaired.
#[derive(Clone, Debug, Args)]
pub(super) struct Audit {
    #[command(flatten)]
    databases: Databases,
    /// Where the provider's API is; for the test bank of `cargo run`, the address that it has printed
    // Parsed later, since the command line's parser would quote a login that it refuses.
    #[arg(long, env = "STRIPE_URL", value_name = "URL", hide_env_values = true, default_value = "https://api.stripe.com", value_parser = secret)]
    stripe_url: Secret,
    /// The secret key of the account; not needed for a test bank on this machine
    #[arg(long, env = "STRIPE_KEY", value_name = "KEY", hide_env_values = true, value_parser = secret)]
    stripe_key: Option<Secret>,
    /// Send the key to another machine without encryption, as to a test bank in the same cluster
    #[arg(long, env = "STRIPE_ALLOW_HTTP", value_parser = BoolishValueParser::new())]
    stripe_allow_http: bool,
    /// How many days are compared
    #[arg(long, value_name = "NUMBER", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=36500))]
    days: u32,
    /// Let the running service look at what it can put right: unknown, unsettled, kept and stuck payments
    #[arg(long)]
    repair: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Service for Audit {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let url = self.url()?;
        let key = self.key(&url)?;
        let store = self.databases.of(DECLARATION.name, "payments", &scope).await?;
        scope.ready(());
        let work = async {
            let provider = Provider::connect(&url, &key).await;
            let provider = provider.with_context(|| format!("--stripe-url {url}"))?;
            self.audit(&Books::of(&store), &provider).await
        };
        let stopped = "stopped before all payments were compared";
        scope.stopping().or(work).await.context(stopped)?.map_err(plainly)
    }
}

impl Audit {
    fn url(&self) -> Result<ProviderUrl, Error> {
        let url: ProviderUrl = self.stripe_url.reveal().parse().context("--stripe-url / STRIPE_URL")?;
        if url.is_exposed() && !self.stripe_allow_http {
            bail!("{url} is not encrypted: use https, or --stripe-allow-http for a test bank");
        }
        Ok(url)
    }

    fn key(&self, url: &ProviderUrl) -> Result<Secret, Error> {
        match &self.stripe_key {
            Some(key) => Ok(key.clone()),
            None if url.is_local() => Ok(BANK_KEY.to_owned().into()),
            None => bail!("set STRIPE_KEY, or name the test bank that `cargo run` has printed with --stripe-url"),
        }
    }

    async fn audit(&self, books: &Books, provider: &Provider) -> Result<(), Error> {
        let since = OffsetDateTime::now_utc() - Duration::days(self.days.into());
        let mut object = if self.json { Some(JsonObject::begin()?) } else { None };
        if let Some(object) = &mut object {
            object.begin_list("findings")?;
        }
        let report = |finding: &Finding| {
            let Finding { kind, order, intent, is_repaired } = finding;
            match &mut object {
                Some(object) => object
                    .item(&json!({ "kind": kind.as_str(), "order": order, "intent": intent, "repaired": is_repaired })),
                None => {
                    let repaired = if *is_repaired { "  repaired" } else { "" };
                    say(format_args!("{:<9}  order {order}  {intent}{repaired}", kind.as_str()))
                }
            }
        };
        let audit = books.audit(provider, since, self.repair, report);
        let summary = reporting("Comparing the payments", audit).await?;
        let Summary { payments, charged, elsewhere, left } = summary;
        match object {
            Some(mut object) => {
                object.end_list()?;
                for (name, value) in
                    [("payments", payments), ("charged", charged), ("elsewhere", elsewhere), ("left", left)]
                {
                    object.field(name, &value.into())?;
                }
                object.end()?;
            }
            None => say(format_args!(
                "{} of the last {} days, {charged} charged by the provider: {}; {elsewhere} at other providers",
                counted(payments, "payment"),
                self.days,
                if left == 0 { "nothing differs".to_owned() } else { counted(left, "difference") },
            ))?,
        }
        if left == 0 {
            return Ok(());
        }
        let message = if self.repair {
            "what is left needs a person: compare the order with the provider's dashboard".to_owned()
        } else {
            "payments and provider differ: --repair lets the running service settle or refund them".to_owned()
        };
        Err(Ending { exit: Exit::Differs, message }.into())
    }
}
