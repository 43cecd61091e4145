//! The provider: the small part of Stripe's HTTP API that this service uses, at Stripe or at a test bank.
//!
//! Requests that change something carry an idempotency key, so that repeating one whose answer was lost has no further
//! effect. See <https://docs.stripe.com/api>.

mod http;
mod objects;
mod refusal;
mod url;

use common::events::{OrderId, PaymentId, Price};
use serde::de::DeserializeOwned;
use service::settings::Secret;

use self::http::Http;
use self::objects::{Identified, List};

pub(crate) use self::objects::{Intent, IntentStatus, Refund, RefundStatus};
pub use self::refusal::Refusal;
pub use self::url::{InvalidUrl, ProviderUrl};

/// How many objects a page of a list has; the most that Stripe allows.
const PAGE: usize = 100;

/// The metadata that lead from an intent to its order and payment.
pub(crate) const ORDER_ID: &str = "order_id";
pub(crate) const PAYMENT_ID: &str = "payment_id";

/// The provider, with one account. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Provider {
    http: Http,
    /// Whose money it is: the place of the API, and the account.
    name: String,
}

/// What a buyer pays with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Card {
    /// A token, good for one use: `tok_…`. It is never stored.
    Token(Secret),
    /// A payment method: `pm_…`
    Method(String),
}

impl Provider {
    /// Asks for the account that the key belongs to, so that its payments are known from those of other accounts.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unauthorized`] if the key is not accepted; [`Refusal::Unknown`] if the provider does not answer.
    pub async fn connect(url: &ProviderUrl, key: &Secret) -> Result<Self, Refusal> {
        let http = Http::new(url.clone(), key);
        let account: Identified = http.get("/v1/account").await?;
        Ok(Self { http, name: format!("{} {}", url.place(), account.id) })
    }

    /// Whose money it is: the place of the API and the account, as `https://api.stripe.com acct_1032D82eZvKYlo2C`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The payment method of a card: made from a token, or the given one.
    pub(crate) async fn method(&self, card: &Card, key: &str) -> Result<String, Refusal> {
        match card {
            Card::Method(id) => Ok(id.clone()),
            Card::Token(token) => {
                let form = [("type", "card"), ("card[token]", token.reveal())];
                let made = self.http.post::<Identified>("/v1/payment_methods", &form, key).await;
                // The provider quotes the token, and what it says is stored and logged.
                Ok(made.map_err(|refusal| refusal.without(token.reveal()))?.id)
            }
        }
    }

    /// A new intent for an order.
    pub(crate) async fn new_intent(
        &self,
        order: OrderId,
        payment: PaymentId,
        price: Price,
        key: &str,
    ) -> Result<Intent, Refusal> {
        let (amount, order, payment) = (price.cents().to_string(), order.to_string(), payment.to_string());
        let form = [
            ("amount", amount.as_str()),
            ("currency", "usd"),
            ("payment_method_types[]", "card"),
            ("metadata[order_id]", &order),
            ("metadata[payment_id]", &payment),
        ];
        self.http.post("/v1/payment_intents", &form, key).await
    }

    /// Confirms an intent: the card is charged. One that would ask its owner something is declined.
    pub(crate) async fn confirm(&self, intent: &str, method: &str, key: &str) -> Result<Intent, Refusal> {
        let form = [("payment_method", method), ("error_on_requires_action", "true")];
        self.http.post(&format!("/v1/payment_intents/{intent}/confirm"), &form, key).await
    }

    /// Cancels an intent, so that it can't succeed any more.
    pub(crate) async fn cancel(&self, intent: &str) -> Result<Intent, Refusal> {
        // No key: what was cancelled stays so, and an answer that was kept would hide that it has succeeded.
        self.http.post(&format!("/v1/payment_intents/{intent}/cancel"), &[], "").await
    }

    pub(crate) async fn intent(&self, id: &str) -> Result<Intent, Refusal> {
        self.http.get(&format!("/v1/payment_intents/{id}")).await
    }

    /// Refunds all that an intent has charged.
    pub(crate) async fn new_refund(&self, intent: &str, payment: PaymentId, key: &str) -> Result<Refund, Refusal> {
        let payment = payment.to_string();
        let form = [("payment_intent", intent), ("metadata[payment_id]", &payment)];
        self.http.post("/v1/refunds", &form, key).await
    }

    pub(crate) async fn refund(&self, id: &str) -> Result<Refund, Refusal> {
        self.http.get(&format!("/v1/refunds/{id}")).await
    }

    /// The refund of an intent that has not failed: the newest one, or the one that was asked for with this payment's id.
    pub(crate) async fn refund_of(&self, intent: &str, own: Option<PaymentId>) -> Result<Option<Refund>, Refusal> {
        let list: List<Refund> = self.http.get(&format!("/v1/refunds?limit={PAGE}&payment_intent={intent}")).await?;
        let own = own.map(|payment| payment.to_string());
        let is_it = |refund: &Refund| {
            let has_failed = matches!(refund.status, RefundStatus::Failed | RefundStatus::Canceled);
            let payment = refund.metadata.as_ref().and_then(|metadata| metadata.get(PAYMENT_ID));
            !has_failed && (own.is_none() || payment == own.as_ref())
        };
        Ok(list.data.into_iter().find(is_it))
    }

    /// The intent that was made for a payment at this time, in seconds since 1970, or later.
    pub(crate) async fn intent_of(&self, payment: PaymentId, since: i64) -> Result<Option<Intent>, Refusal> {
        let payment = payment.to_string();
        let mut pages = self.intents(since);
        while let Some(page) = pages.next().await? {
            let mut found = page.into_iter().filter(|intent| intent.metadata.get(PAYMENT_ID) == Some(&payment));
            if let Some(intent) = found.next() {
                return Ok(Some(intent));
            }
        }
        Ok(None)
    }

    /// All intents of the account that were made at this time, in seconds since 1970, or later; the newest first.
    pub(crate) fn intents(&self, since: i64) -> Pages<'_, Intent> {
        let path = format!("/v1/payment_intents?limit={PAGE}&created[gte]={since}");
        Pages { provider: self, path, id: |intent| &intent.id, after: None, is_done: false, kind: Default::default() }
    }
}

/// The pages of a list.
#[derive(Debug)]
pub(crate) struct Pages<'a, T> {
    provider: &'a Provider,
    path: String,
    id: fn(&T) -> &str,
    after: Option<String>,
    is_done: bool,
    kind: std::marker::PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Pages<'_, T> {
    /// The next page; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<T>>, Refusal> {
        if self.is_done {
            return Ok(None);
        }
        let after = self.after.as_ref().map(|id| format!("&starting_after={id}")).unwrap_or_default();
        let List { data, has_more } = self.provider.http.get(&format!("{}{after}", self.path)).await?;
        self.after = data.last().map(|last| (self.id)(last).to_owned());
        self.is_done = !has_more || self.after.is_none();
        Ok(Some(data))
    }
}
