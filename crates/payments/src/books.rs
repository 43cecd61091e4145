//! The books: all payments, for an operator who lists them and compares them with the provider's.
//!
//! Both run beside the service. A repair changes only what the service looks at then: it asks the provider again, or refunds.

use std::collections::HashSet;

use anyhow::Context;
use common::Store;
use common::events::{OrderId, PaymentId};
use service::Error;
use store::{Outboxes, Projection};
use time::OffsetDateTime;

use crate::events::Published;
use crate::models::{Order, Payment, Payments, State};
use crate::provider::{Intent, IntentStatus, ORDER_ID, PAYMENT_ID, Provider, Refusal};

/// How many payments are read at once.
const PAGE: usize = 100;

/// How long the service may take to settle a payment before that is a finding.
const SETTLED_WITHIN: std::time::Duration = std::time::Duration::from_secs(5 * 60);

/// All payments, in the service's own database.
#[derive(Clone, Debug)]
pub struct Books {
    payments: Payments,
    orders: Projection<Order>,
}

/// A payment, as an operator is shown it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The order that is paid.
    pub order: OrderId,
    /// How far the payment is.
    pub state: State,
    /// The amount, as `20.00`.
    pub amount: String,
    /// When the state was reached.
    pub since: OffsetDateTime,
    /// The payment intent at the provider, if one is known.
    pub intent: Option<String>,
    /// Whose money it is: the place of the provider, and the account.
    pub provider: String,
    /// Why it was declined, or why its refund is stuck.
    pub message: Option<String>,
}

/// How the books differ from those of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The provider has charged an order, and there is no payment of it.
    Unknown,
    /// The provider has charged a payment of which nothing was charged here, or which is not settled for five minutes.
    Unsettled,
    /// The provider has charged another amount than the order costs.
    Amount,
    /// The payment is said to be paid, and the provider has not charged it.
    Uncharged,
    /// The order was cancelled, and its money was not refunded within five minutes.
    Kept,
    /// The refund has failed.
    Stuck,
}

/// A difference.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What differs.
    pub kind: Kind,
    /// The order, as the payment or the provider names it.
    pub order: String,
    /// The payment intent at the provider.
    pub intent: String,
    /// Whether the repair has let the service look at it.
    pub is_repaired: bool,
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// The payments that were compared.
    pub payments: u64,
    /// The succeeded intents of the provider that were compared.
    pub charged: u64,
    /// Payments at another provider or account, which were not compared.
    pub elsewhere: u64,
    /// The findings that no repair has changed.
    pub left: u64,
}

impl Books {
    /// The books in the database of the payments service.
    pub fn of(store: &Store) -> Self {
        let orders = Projection::of(store);
        Self { payments: Payments::of(store, &orders, Published::open(store)), orders }
    }

    /// Calls `each` for each payment, or for those in one state; when it returns an error, that is the end.
    ///
    /// # Errors
    ///
    /// Those of the database and of `each`.
    pub async fn list(
        &self,
        state: Option<State>,
        mut each: impl FnMut(Listed) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut pages = Rows::of(self, state);
        while let Some(page) = pages.next().await? {
            for payment in page {
                each(Listed {
                    order: payment.order(),
                    state: payment.state(),
                    amount: payment.price().to_string(),
                    since: payment.since(),
                    intent: payment.intent().map(str::to_owned),
                    provider: payment.provider().to_owned(),
                    message: payment.message().map(str::to_owned),
                })?;
            }
        }
        Ok(())
    }

    /// Compares the payments with what the provider has charged since a time; those that began earlier are not compared.
    ///
    /// Calls `each` for each difference; when it returns an error, that is the end. With `repair`, what the service can put
    /// right is given to it.
    ///
    /// # Errors
    ///
    /// Those of the database, of the provider, and of `each`.
    pub async fn audit(
        &self,
        provider: &Provider,
        since: OffsetDateTime,
        repair: bool,
        mut each: impl FnMut(&Finding) -> Result<(), Error>,
    ) -> Result<Summary, Error> {
        let mut audit = Audit { books: self, provider, repair, summary: Summary::default(), charged: HashSet::new() };
        let since = since.unix_timestamp();
        let mut intents = provider.intents(since);
        while let Some(page) = intents.next().await.context("the provider's list is incomplete")? {
            for intent in page.into_iter().filter(|intent| intent.status == IntentStatus::Succeeded) {
                if let Some(finding) = audit.charged(&intent).await? {
                    each(&finding)?;
                }
            }
        }
        let mut rows = Rows::of(self, None);
        while let Some(page) = rows.next().await? {
            for payment in page {
                if payment.provider() != provider.name() {
                    audit.summary.elsewhere += 1;
                } else if payment.created() >= since
                    && let Some(finding) = audit.row(payment).await?
                {
                    each(&finding)?;
                }
            }
        }
        Ok(audit.summary)
    }
}

/// The payments, page by page, in the order of their ids.
struct Rows<'a> {
    books: &'a Books,
    state: Option<State>,
    after: Option<PaymentId>,
}

impl<'a> Rows<'a> {
    fn of(books: &'a Books, state: Option<State>) -> Self {
        Self { books, state, after: None }
    }

    async fn next(&mut self) -> Result<Option<Vec<Payment>>, Error> {
        let after = self.after.map(|id| id.to_string());
        let page = self.books.payments.page(after.as_deref(), self.state, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(last.id());
        Ok(Some(page))
    }
}

/// A comparison that runs.
struct Audit<'a> {
    books: &'a Books,
    provider: &'a Provider,
    repair: bool,
    summary: Summary,
    /// The intents that have succeeded.
    charged: HashSet<String>,
}

impl Audit<'_> {
    /// Compares an intent that has succeeded with its payment.
    async fn charged(&mut self, intent: &Intent) -> Result<Option<Finding>, Error> {
        let (Some(order), Some(id)) = (intent.metadata.get(ORDER_ID), intent.metadata.get(PAYMENT_ID)) else {
            return Ok(None); // of another program with the same account
        };
        self.summary.charged += 1;
        self.charged.insert(intent.id.clone());
        let Some(payment) = self.books.payments.find_by_intent(&intent.id).await? else {
            let is_repaired = self.repair && self.adopt(order, id, &intent.id).await?;
            return Ok(Some(self.found(Kind::Unknown, order, &intent.id, is_repaired)));
        };
        if intent.amount != i64::from(payment.price().cents()) {
            return Ok(Some(self.found(Kind::Amount, order, &intent.id, false)));
        }
        let is_unsettled = match payment.state() {
            State::Declined | State::Closed => true,
            State::Begun => payment.age() > SETTLED_WITHIN,
            State::Paid | State::RefundDue | State::Refunded | State::Stuck => false,
        };
        if !is_unsettled {
            return Ok(None);
        }
        let is_repaired = self.repair && self.books.payments.save(&payment.doubted()).await?;
        Ok(Some(self.found(Kind::Unsettled, order, &intent.id, is_repaired)))
    }

    /// Adds the payment that the provider has and the books have not.
    async fn adopt(&self, order: &str, id: &str, intent: &str) -> Result<bool, Error> {
        let (Ok(order), Ok(id)) = (order.parse(), id.parse()) else { return Ok(false) };
        let Some(order) = self.copy(order).await? else { return Ok(false) };
        let adopted = Payment::adopted(id, &order, self.provider.name(), intent);
        Ok(self.books.payments.adopt(&adopted).await?)
    }

    /// The copy of an order. One that is not readable is reported, and not found.
    async fn copy(&self, order: OrderId) -> Result<Option<Order>, Error> {
        Ok(self.books.orders.find_all(std::iter::once(order)).await?.into_values().next())
    }

    /// Looks at a payment that began since then.
    async fn row(&mut self, payment: Payment) -> Result<Option<Finding>, Error> {
        self.summary.payments += 1;
        let (order, intent) = (payment.order().to_string(), payment.intent().unwrap_or_default().to_owned());
        let is_charged = self.charged.contains(&intent);
        let kind = match payment.state() {
            State::Paid | State::RefundDue | State::Refunded | State::Stuck if !is_charged => {
                // It may have been paid after the list was read.
                let is_charged = match self.provider.intent(&intent).await {
                    Ok(seen) => seen.status == IntentStatus::Succeeded,
                    Err(Refusal::Invalid(_)) => false, // there is none
                    Err(refusal) => return Err(refusal.into()),
                };
                (!is_charged).then_some(Kind::Uncharged)
            }
            State::Paid => {
                let copy = self.copy(payment.order()).await?;
                copy.is_some_and(|order| order.is_cancelled()).then_some(Kind::Kept)
            }
            State::Stuck => Some(Kind::Stuck),
            State::RefundDue => (payment.age() > SETTLED_WITHIN).then_some(Kind::Kept),
            State::Refunded | State::Begun | State::Declined | State::Closed => None,
        };
        let Some(kind) = kind else { return Ok(None) };
        let repaired = match kind {
            Kind::Kept => payment.order_cancelled(),
            Kind::Stuck => Some(payment.unstuck()),
            Kind::Unknown | Kind::Unsettled | Kind::Amount | Kind::Uncharged => None,
        };
        let is_repaired = match repaired {
            Some(payment) if self.repair => self.books.payments.save(&payment).await?,
            Some(_) | None => false,
        };
        Ok(Some(self.found(kind, &order, &intent, is_repaired)))
    }

    fn found(&mut self, kind: Kind, order: &str, intent: &str, is_repaired: bool) -> Finding {
        self.summary.left += u64::from(!is_repaired);
        Finding { kind, order: order.to_owned(), intent: intent.to_owned(), is_repaired }
    }
}

impl State {
    /// The state in words: `begun`, `declined`, `closed`, `paid`, `refund due`, `refunded` or `stuck`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Declined => "declined",
            Self::Closed => "closed",
            Self::Paid => "paid",
            Self::RefundDue => "refund due",
            Self::Refunded => "refunded",
            Self::Stuck => "stuck",
        }
    }
}

impl Kind {
    /// The kind in one word: `unknown`, `unsettled`, `amount`, `uncharged`, `kept` or `stuck`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unsettled => "unsettled",
            Self::Amount => "amount",
            Self::Uncharged => "uncharged",
            Self::Kept => "kept",
            Self::Stuck => "stuck",
        }
    }
}
