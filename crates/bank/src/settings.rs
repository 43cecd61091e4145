//! The settings of the bank.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::{Problem, Secret};

/// The section `[bank]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BankSettings {
    /// The address that the bank listens on
    #[schemars(with = "String")]
    pub(crate) bind: SocketAddr,
    /// The key of the only account; it begins with `sk_test_`
    pub(crate) key: Secret,
    /// How long the answer under an idempotency key is kept, in seconds; a day at Stripe
    pub(crate) key_seconds: u32,
    /// Where events are sent, as http://host:port/path; nowhere if it is empty
    pub(crate) webhook_url: String,
    /// The secret that events are signed with; it begins with `whsec_`
    pub(crate) webhook_secret: Secret,
    /// Whether faults can be ordered at /-/faults
    pub(crate) faults: bool,
}

impl Default for BankSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 12111)),
            key: "sk_test_bank".to_owned().into(),
            key_seconds: 24 * 60 * 60,
            webhook_url: String::new(),
            webhook_secret: "whsec_bank".to_owned().into(),
            faults: false,
        }
    }
}

impl Section for BankSettings {
    const NAME: &'static str = "bank";

    fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.key.reveal().starts_with("sk_test_") {
            problems.push(Problem::new("key", "must begin with sk_test_, since no money moves here"));
        }
        if self.key_seconds == 0 {
            problems.push(Problem::new("key_seconds", "must be at least 1"));
        }
        if !self.webhook_url.is_empty() && !self.webhook_url.starts_with("http://") {
            problems.push(Problem::new(
                "webhook_url",
                "must begin with http://, as http://127.0.0.1:3000/api/payments/webhook",
            ));
        }
        problems
    }
}
