//! Many requests for one order at once.

use futures_util::future::join_all;
use testkit::message;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_posts_for_one_order_at_once_charge_it_once() {
    let world = World::start().await;
    let another = world.another_app("payments-2").await;
    let order = world.order().await;
    const TOKENS: [&str; 4] = ["tok_visa", "tok_mastercard", "tok_amex", "pm_card_visa"];
    let posts = (0..200).map(|number| {
        let app = if number % 2 == 0 { &world.app } else { &another };
        app.pay(&order, TOKENS[number % TOKENS.len()])
    });
    let answers = join_all(posts).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        let is_paid = answer.body.contains("Order is already paid");
        if !is_paid && answer.status != 503 {
            answer.is_error(400, &message("Another payment of this order is being checked"));
        }
    }
    assert_eq!((world.bank.intents().await.len(), world.bank.charges().await.len()), (1, 1));
    assert_eq!((world.payments(1).await.len(), world.bank.balance().await), (1, 2000));
    another.stop().await;
    world.stop().await;
}
