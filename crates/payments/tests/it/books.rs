//! The books against those of the provider: each difference is found, and put right where that is possible.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use payments::{Books, Kind, Provider, State, Summary};
use service::{Running, launch};
use store::{Connection, Store};
use testkit::until;
use time::OffsetDateTime;

use crate::bank::{Bank, KEY};
use crate::world::{Order, World};

/// An operator with access to database and provider.
struct Operator {
    running: Running<Store>,
    books: Books,
    provider: Provider,
}

impl Operator {
    async fn at(world: &World, bank: &Bank) -> Self {
        let mut running = launch("store", Connection { uri: world.database.uri().parse().unwrap() }).start();
        let store = running.ready().await.unwrap();
        let url = bank.url().parse().unwrap();
        let provider = Provider::connect(&url, &KEY.to_owned().into()).await.unwrap();
        Self { running, books: Books::of(&store), provider }
    }

    /// The kinds of the findings with what they are about, and what was compared.
    async fn audit(&self, repair: bool) -> (Vec<(Kind, String, bool)>, Summary) {
        let mut found = Vec::new();
        let since = OffsetDateTime::now_utc() - Duration::from_secs(60 * 60);
        let audit = self.books.audit(&self.provider, since, repair, |finding| {
            found.push((finding.kind, finding.order.clone(), finding.is_repaired));
            Ok(())
        });
        let summary = audit.await.unwrap();
        (found, summary)
    }

    async fn finds(&self, repair: bool, expected: &[(Kind, &Order, bool)]) {
        let expected: Vec<_> =
            expected.iter().map(|(kind, order, done)| (*kind, order.id.to_string(), *done)).collect();
        assert_eq!(self.audit(repair).await.0, expected);
    }

    async fn close(self) {
        drop(self.books);
        self.running.stop().await.result.unwrap();
    }
}

async fn change(world: &World, collection: &str, it: Document, change: Document) {
    let changed = world.database.collection(collection).await.update_one(it, change).await.unwrap();
    assert_eq!(changed.modified_count, 1);
}

fn of(order: &Order) -> Document {
    doc! { "orderId": order.id.to_string() }
}

#[tokio::test]
async fn books_that_agree_have_no_finding_and_those_of_another_provider_are_only_counted() {
    let world = World::start().await;
    let [paid, declined, refunded] = [world.order().await, world.order().await, world.order().await];
    world.app.pay(&paid, "tok_visa").await.expect(201);
    world.app.pay(&declined, "tok_chargeDeclined").await;
    world.app.pay(&refunded, "tok_visa").await.expect(201);
    world.cancel(&refunded).await;
    world.app.is(&refunded, "refunded").await;
    let operator = Operator::at(&world, &world.bank).await;
    let (found, summary) = operator.audit(true).await;
    assert_eq!((found, summary.payments, summary.charged, summary.elsewhere, summary.left), (vec![], 3, 2, 0, 0));
    operator.close().await;

    let other = Bank::with(&[]).await;
    let operator = Operator::at(&world, &other).await;
    let (found, summary) = operator.audit(true).await;
    assert_eq!((found, summary.payments, summary.charged, summary.elsewhere), (vec![], 0, 0, 3));
    let mut states = Vec::new();
    let list = operator.books.list(None, |one| {
        states.push((one.order, one.state));
        Ok(())
    });
    list.await.unwrap();
    let expected = [(paid.id, State::Paid), (declined.id, State::Declined), (refunded.id, State::Refunded)];
    assert_eq!(states, expected);
    operator.close().await;
    other.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn a_charge_whose_payment_is_lost_or_says_otherwise_is_found_and_settled() {
    let world = World::start().await;
    let [lost, declined] = [world.order().await, world.order().await];
    world.app.pay(&lost, "tok_visa").await.expect(201);
    world.app.pay(&declined, "tok_visa").await.expect(201);
    world.database.collection("payments").await.delete_one(of(&lost)).await.unwrap();
    change(&world, "payments", of(&declined), doc! { "$set": { "state": "declined" } }).await;
    let operator = Operator::at(&world, &world.bank).await;
    // The newest first.
    operator.finds(false, &[(Kind::Unsettled, &declined, false), (Kind::Unknown, &lost, false)]).await;
    operator.finds(true, &[(Kind::Unsettled, &declined, true), (Kind::Unknown, &lost, true)]).await;
    world.app.is(&lost, "paid").await;
    world.app.is(&declined, "paid").await;
    operator.finds(false, &[]).await;
    assert_eq!(world.bank.charges().await.len(), 2);
    operator.close().await;
    world.stop().await;
}

#[tokio::test]
async fn another_amount_and_a_payment_that_was_never_charged_are_found_and_left_to_a_person() {
    let world = World::start().await;
    let [amount, uncharged] = [world.order().await, world.order().await];
    world.app.pay(&amount, "tok_visa").await.expect(201);
    world.app.pay(&uncharged, "tok_chargeDeclined").await;
    change(&world, "payments", of(&amount), doc! { "$set": { "priceCents": 1_i64 } }).await;
    change(&world, "payments", of(&uncharged), doc! { "$set": { "state": "paid" } }).await;
    let operator = Operator::at(&world, &world.bank).await;
    for repair in [false, true] {
        operator.finds(repair, &[(Kind::Amount, &amount, false), (Kind::Uncharged, &uncharged, false)]).await;
    }
    assert_eq!(operator.audit(false).await.1.left, 2);
    operator.close().await;
    world.stop().await;
}

#[tokio::test]
async fn money_that_was_kept_is_refunded_and_a_refund_that_is_stuck_is_tried_again() {
    let world = World::start().await;
    let [kept, stuck] = [world.order().await, world.order().await];
    world.app.pay(&kept, "tok_visa").await.expect(201);
    world.app.pay(&stuck, "tok_refundFail").await.expect(201);
    world.cancel(&stuck).await;
    let it = doc! { "_id": kept.id.to_string() };
    change(&world, "orders", it, doc! { "$set": { "isCancelled": true } }).await;
    let state = async |order: &Order| world.row(order).await.get_str("state").unwrap().to_owned();
    until("stuck", async || state(&stuck).await == "stuck").await;
    let operator = Operator::at(&world, &world.bank).await;
    operator.finds(false, &[(Kind::Kept, &kept, false), (Kind::Stuck, &stuck, false)]).await;
    operator.finds(true, &[(Kind::Kept, &kept, true), (Kind::Stuck, &stuck, true)]).await;
    world.app.is(&kept, "refunded").await;
    // Another refund, which fails as the first one did.
    until("stuck again", async || state(&stuck).await == "stuck").await;
    assert_eq!(world.bank.refunds().await.len(), 3);
    operator.close().await;
    world.stop().await;
}

#[tokio::test]
async fn an_audit_goes_on_after_a_document_that_is_not_readable_and_an_intent_that_is_unknown() {
    let world = World::start().await;
    let [stuck, copy, unknown, unreadable] =
        [world.order().await, world.order().await, world.order().await, world.order().await];
    world.app.pay(&unknown, "tok_chargeDeclined").await;
    for order in [&stuck, &copy, &unreadable] {
        world.app.pay(order, "tok_visa").await.expect(201);
    }
    change(&world, "payments", of(&unreadable), doc! { "$set": { "attempt": "many" } }).await;
    change(&world, "payments", of(&unknown), doc! { "$set": { "state": "paid", "intent": "pi_unknown" } }).await;
    change(&world, "payments", of(&stuck), doc! { "$set": { "state": "stuck" } }).await;
    let it = doc! { "_id": copy.id.to_string() };
    change(&world, "orders", it, doc! { "$set": { "isCancelled": "perhaps" } }).await;
    let operator = Operator::at(&world, &world.bank).await;
    let (mut found, _) = operator.audit(true).await;
    found.sort();
    let mut expected =
        [(Kind::Unknown, &unreadable, false), (Kind::Uncharged, &unknown, false), (Kind::Stuck, &stuck, true)]
            .map(|(kind, order, is_repaired)| (kind, order.id.to_string(), is_repaired));
    expected.sort();
    assert_eq!(found, expected);
    operator.close().await;
    world.stop().await;
}
