//! Why the provider did not do what it was asked for, by what follows from it.
//!
//! The shapes are those of <https://docs.stripe.com/api/errors>, and the rules about what is kept under an idempotency key
//! those of <https://docs.stripe.com/api/idempotent_requests>.

use serde::Deserialize;

/// Why the provider did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The card was refused; the text is for the buyer. The same key gets the same answer.
    #[error("the card is refused: {0}")]
    Declined(String),
    /// The request can't be carried out and had no effect; the text says why.
    #[error("the provider refuses the request: {0}")]
    Invalid(String),
    /// The intent is not in a state that allows it: it has succeeded, or was cancelled.
    #[error("the state of the payment does not allow that: {0}")]
    UnexpectedState(String),
    /// The charge was refunded before.
    #[error("the charge was refunded before: {0}")]
    AlreadyRefunded(String),
    /// The key of this service is not accepted.
    #[error("the provider does not accept STRIPE_KEY: {0}")]
    Unauthorized(String),
    /// The same key was used for another request before, which is a fault of this service.
    #[error("an idempotency key was used for another request before: {0}")]
    KeyMismatch(String),
    /// Whether the request had an effect is not known, or it may have one later.
    #[error("{0:#}")]
    Unknown(anyhow::Error),
}

/// The body of an answer that is an error.
#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    #[serde(rename = "type")]
    kind: String,
    code: String,
    message: String,
}

impl Refusal {
    /// The same refusal without a text that must not be stored or logged.
    pub(super) fn without(self, secret: &str) -> Self {
        let hidden = |text: String| without(&text, secret);
        match self {
            Self::Declined(text) => Self::Declined(hidden(text)),
            Self::Invalid(text) => Self::Invalid(hidden(text)),
            Self::UnexpectedState(text) => Self::UnexpectedState(hidden(text)),
            Self::AlreadyRefunded(text) => Self::AlreadyRefunded(hidden(text)),
            Self::Unauthorized(text) => Self::Unauthorized(hidden(text)),
            Self::KeyMismatch(text) => Self::KeyMismatch(hidden(text)),
            Self::Unknown(error) => match format!("{error:#}") {
                text if text.contains(secret) => Self::Unknown(anyhow::Error::msg(hidden(text))),
                _ => Self::Unknown(error),
            },
        }
    }

    /// What an answer with this status means.
    pub(super) fn of(status: u16, body: &[u8]) -> Self {
        let Body { error: Details { kind, code, message } } = serde_json::from_slice(body).unwrap_or_default();
        match (status, kind.as_str(), code.as_str()) {
            (402, _, _) => Self::Declined(message),
            (401 | 403, _, _) => Self::Unauthorized(message),
            (400, "idempotency_error", _) => Self::KeyMismatch(message),
            (400, _, "payment_intent_unexpected_state") => Self::UnexpectedState(message),
            (400, _, "charge_already_refunded") => Self::AlreadyRefunded(message),
            (400 | 404, "invalid_request_error", _) => Self::Invalid(message),
            _ => Self::Unknown(anyhow::anyhow!("the provider answers {status} {code}: {message}")),
        }
    }
}

/// A text without the secret that it quotes: `No such token: 'tok_1'` says the same as `No such token`.
fn without(text: &str, secret: &str) -> String {
    let quoted = format!("'{secret}'");
    let shorter = text.replace(&format!(": {quoted}"), "").replace(&format!(": {secret}"), "");
    shorter.replace(&quoted, "(yours)").replace(secret, "(yours)")
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn a_token_that_the_provider_quotes_is_left_out_of_a_whole_sentence() {
        for (said, shown) in [
            ("No such token: 'tok_1'", "No such token"),
            ("You cannot use a Stripe token more than once: tok_1.", "You cannot use a Stripe token more than once."),
            ("The token 'tok_1' is not a card.", "The token (yours) is not a card."),
            ("tok_1 was used before", "(yours) was used before"),
            ("Your card was declined.", "Your card was declined."),
        ] {
            let Refusal::Invalid(text) = Refusal::Invalid(said.to_owned()).without("tok_1") else {
                panic!("another kind")
            };
            assert_eq!(text, shown);
        }
    }
}
