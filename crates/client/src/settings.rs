//! The settings of the client.

use axum::http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::Problem;

/// Where the composed application listens, which answers for all services.
const USUAL: &str = "http://127.0.0.1:3000";

/// The section `[client]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClientSettings {
    /// Where the API of the auth service is, as http://host:port
    pub(crate) auth_url: String,
    /// Where the API of the tickets service is, as http://host:port
    pub(crate) tickets_url: String,
    /// Where the API of the orders service is, as http://host:port
    pub(crate) orders_url: String,
    /// Where the API of the payments service is, as http://host:port
    pub(crate) payments_url: String,
    /// Where the API of the live gateway is, as http://host:port
    pub(crate) live_url: String,
    /// Stripe's publishable key, which begins with `pk_`; without it, the order page offers Stripe's test cards
    pub(crate) stripe_publishable_key: String,
}

impl Default for ClientSettings {
    fn default() -> Self {
        let usual = || USUAL.to_owned();
        Self {
            auth_url: usual(),
            tickets_url: usual(),
            orders_url: usual(),
            payments_url: usual(),
            live_url: usual(),
            stripe_publishable_key: String::new(),
        }
    }
}

impl Section for ClientSettings {
    const NAME: &'static str = "client";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] =
        &[("STRIPE_PUBLISHABLE_KEY", "stripe_publishable_key")];

    fn check(&self) -> Vec<Problem> {
        let urls = [
            ("auth_url", &self.auth_url, "must be http://host:port: CLIENT__AUTH_URL=http://auth-srv:3000"),
            ("tickets_url", &self.tickets_url, "must be http://host:port: CLIENT__TICKETS_URL=http://tickets-srv:3000"),
            ("orders_url", &self.orders_url, "must be http://host:port: CLIENT__ORDERS_URL=http://orders-srv:3000"),
            (
                "payments_url",
                &self.payments_url,
                "must be http://host:port: CLIENT__PAYMENTS_URL=http://payments-srv:3000",
            ),
            ("live_url", &self.live_url, "must be http://host:port: CLIENT__LIVE_URL=http://gateway-srv:3000"),
        ];
        let wrong = urls.into_iter().filter(|(_, url, _)| !is_origin(url));
        let mut problems: Vec<_> = wrong.map(|(key, _, problem)| Problem::new(key, problem)).collect();
        if !is_publishable(&self.stripe_publishable_key) {
            let problem = "must be Stripe's publishable key, which begins with pk_: STRIPE_PUBLISHABLE_KEY=pk_test_…";
            problems.push(Problem::new("stripe_publishable_key", problem));
        }
        problems
    }
}

fn is_origin(url: &str) -> bool {
    let url: Option<Uri> = url.parse().ok();
    url.is_some_and(|url| url.scheme_str() == Some("http") && url.authority().is_some() && url.path() == "/")
}

/// Whether everybody may see it; a secret key (`sk_…`) must stay one.
fn is_publishable(key: &str) -> bool {
    let is_plain = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    key.is_empty() || key.strip_prefix("pk_").is_some_and(is_plain)
}
