//! The check of the money: compares the orders, the payments, and the books of the bank.

use crate::books::{Intent, Refund};
use crate::invariant::{Invariant, Violation};
use crate::records::Records;

/// Checks what was charged and refunded for every order.
pub(crate) fn check(records: &Records, found: &mut Vec<Violation>) {
    let mut expected = 0;
    for order in records.orders.keys() {
        let mut of_order = OfOrder { records, order, intents: records.books.of(order), found: &mut *found };
        of_order.charged_once();
        of_order.paid_or_refunded();
        of_order.complete_is_paid();
        of_order.refunded_once();
        expected += of_order.kept();
    }
    for order in records.books.0.keys().filter(|order| !records.orders.contains_key(*order)) {
        let text = format!("the bank has an intent of the order {order}, which does not exist");
        found.push(Violation::new(Invariant::PaidOrRefunded, &[order], text));
    }
    let balance = records.books.balance();
    if balance != expected {
        let text = format!("the balance is {balance} cents, and orders and refunds say {expected}");
        found.push(Violation::new(Invariant::Balance, &[], text));
    }
}

/// The order that is checked, and what the bank has of it.
struct OfOrder<'a> {
    records: &'a Records,
    order: &'a str,
    intents: &'a [Intent],
    found: &'a mut Vec<Violation>,
}

impl OfOrder<'_> {
    fn violated(&mut self, invariant: Invariant, what: &str) {
        let Self { records, order, intents, .. } = self;
        let (row, payment) = (&records.orders[*order], records.payments.get(*order));
        let text = format!("{order} {what}: it is {row:?}, its payment is {payment:?}, and the bank has {intents:?}");
        let about = [*order, payment.map_or("", |payment| payment.id.as_str())];
        self.found.push(Violation::new(invariant, &about, text));
    }

    fn charged_once(&mut self) {
        let charged = self.intents.iter().filter(|intent| !intent.charges.is_empty()).count();
        if charged > 1 {
            self.violated(Invariant::ChargedOnce, &format!("was charged by {charged} intents"));
        }
        let succeeded = self.intents.iter().filter(|intent| intent.has_succeeded()).count();
        let paid = self.intents.iter().flat_map(|intent| &intent.charges).filter(|charge| charge.is_paid).count();
        if succeeded > 1 || succeeded != paid {
            let what = format!("has {succeeded} intents that succeeded and {paid} charges");
            self.violated(Invariant::ChargedOnce, &what);
        }
        let reached: usize = self.intents.iter().map(|intent| intent.charges.len()).sum();
        let attempts = self.records.payments.get(self.order).map_or(0, |payment| payment.attempt);
        if i64::try_from(reached).unwrap() > attempts {
            self.violated(Invariant::ChargedOnce, &format!("reached a card {reached} times in {attempts} attempts"));
        }
    }

    fn paid_or_refunded(&mut self) {
        let state = self.state();
        let Some(intent) = self.intents.iter().find(|intent| intent.has_succeeded()) else {
            if ["paid", "refunded", "stuck"].contains(&state) {
                self.violated(Invariant::PaidOrRefunded, "was not charged");
            }
            return;
        };
        let refunded = intent.refunds.iter().filter(|refund| !has_failed(refund)).count();
        let is_right = match (self.status(), state) {
            ("complete", "paid") => intent.refunds.is_empty(),
            ("cancelled", "refunded") => refunded == 1,
            ("cancelled", "stuck") => refunded == 0 && !intent.refunds.is_empty(),
            _ => false,
        };
        if !is_right {
            self.violated(Invariant::PaidOrRefunded, "was charged, and is neither complete nor refunded");
        }
    }

    fn complete_is_paid(&mut self) {
        let cents = self.records.orders[self.order].cents;
        if self.status() == "complete" && !self.intents.iter().any(Intent::has_succeeded) {
            self.violated(Invariant::CompleteIsPaid, "is complete and was not charged");
        }
        let is_price = |intent: &Intent| intent.cents == cents && intent.charges.iter().all(|one| one.cents == cents);
        if !self.intents.iter().all(is_price) {
            self.violated(Invariant::CompleteIsPaid, "was charged by another amount than its price");
        }
    }

    fn refunded_once(&mut self) {
        let refunds: Vec<_> = self.intents.iter().flat_map(|intent| &intent.refunds).collect();
        let back: i64 = refunds.iter().filter(|refund| !has_failed(refund)).map(|refund| refund.cents).sum();
        let paid = self.intents.iter().flat_map(|intent| &intent.charges).filter(|charge| charge.is_paid);
        if refunds.len() > 1 || back > paid.map(|charge| charge.cents).sum() {
            self.violated(Invariant::RefundedOnce, "was refunded more than once, or more than was charged");
        }
    }

    /// What the bank must have of the order, in cents.
    fn kept(&self) -> i64 {
        let is_kept = self.status() == "complete" || self.state() == "stuck";
        if is_kept { self.records.orders[self.order].cents } else { 0 }
    }

    fn status(&self) -> &str {
        &self.records.orders[self.order].status
    }

    /// The state of the payment; empty if there is none.
    fn state(&self) -> &str {
        self.records.payments.get(self.order).map_or("", |payment| payment.state.as_str())
    }
}

fn has_failed(refund: &Refund) -> bool {
    refund.status == "failed"
}
