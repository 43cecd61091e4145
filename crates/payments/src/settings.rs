//! The settings of this service alone.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use service::Section;
use service::settings::{Problem, Secret, required};

use crate::provider::ProviderUrl;

/// The section `[payments]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PaymentsSettings {
    /// The secret key of the account at Stripe or at the test bank; it begins with `sk_` or `rk_`
    pub(crate) stripe_key: Secret,
    /// Where Stripe's API is: https, or http on this machine
    #[schemars(with = "String")]
    pub(crate) stripe_url: ProviderUrl,
    /// Whether the API may be at another machine without encryption, as a test bank in the same cluster is
    #[serde(deserialize_with = "flag")]
    #[schemars(with = "bool")]
    pub(crate) stripe_allow_http: bool,
    /// The secret that webhooks are signed with; it begins with `whsec_`. Without it, webhooks are refused
    pub(crate) stripe_webhook_secret: Secret,
}

impl Default for PaymentsSettings {
    fn default() -> Self {
        Self {
            stripe_key: Secret::default(),
            stripe_url: ProviderUrl::stripe(),
            stripe_allow_http: false,
            stripe_webhook_secret: Secret::default(),
        }
    }
}

impl Section for PaymentsSettings {
    const NAME: &'static str = "payments";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[
        ("STRIPE_KEY", "stripe_key"),
        ("STRIPE_URL", "stripe_url"),
        ("STRIPE_ALLOW_HTTP", "stripe_allow_http"),
        ("STRIPE_WEBHOOK_SECRET", "stripe_webhook_secret"),
    ];

    fn check(&self) -> Vec<Problem> {
        let key = self.stripe_key.reveal();
        let example = "STRIPE_KEY=sk_test_…, or STRIPE_KEY=sk_test_bank with STRIPE_URL=http://127.0.0.1:12111 for a test \
                       bank (cargo run --bin bank)";
        let mut problems: Vec<_> = required("stripe_key", !key.is_empty(), example).into_iter().collect();
        if !["sk_", "rk_"].iter().any(|prefix| key.is_empty() || key.starts_with(prefix)) {
            let text = "must be a secret key, which begins with sk_ or rk_; one that begins with pk_ is for browsers";
            problems.push(Problem::new("stripe_key", text));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            problems.push(Problem::new("stripe_key", "must be printable ASCII without blanks"));
        }
        if self.stripe_url.is_exposed() && !self.stripe_allow_http {
            let text = "must be https, since the key is sent there; for a test bank on a network of your own, set \
                        STRIPE_ALLOW_HTTP=1";
            problems.push(Problem::new("stripe_url", text));
        }
        let secret = self.stripe_webhook_secret.reveal();
        if !secret.is_empty() && !secret.starts_with("whsec_") {
            problems.push(Problem::new("stripe_webhook_secret", "must begin with whsec_"));
        }
        problems
    }
}

/// Reads `true`, `false`, `1` or `0`.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "must be 1 or 0, true or false")]
    enum Flag {
        Bool(bool),
        Number(u8),
    }
    match Flag::deserialize(deserializer)? {
        Flag::Bool(flag) => Ok(flag),
        Flag::Number(number @ 0..=1) => Ok(number == 1),
        Flag::Number(_) => Err(serde::de::Error::custom("must be 1 or 0, true or false")),
    }
}
