//! The service as a whole: its settings, and a provider that is away or does not know the key.

use std::time::Duration;

use service::launch;
use service::settings::{Settings, Sources};
use testkit::{Broker, Database, course_environment, free_port, message, settings, until};

use crate::bank::KEY;
use crate::world::World;

fn loaded(environment: &[(&str, &str)]) -> Result<Settings, String> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let sections = (payments::DECLARATION.sections)();
    Settings::load(sections, Sources { environment, ..Sources::default() }).map_err(|refused| refused.to_string())
}

#[test]
fn a_service_without_its_settings_says_which_variables_to_set() {
    let refused = loaded(&[]).unwrap_err();
    for variable in [
        "JWT_KEY=",
        "MONGO_URI=mongodb://",
        "NATS_URL=nats://",
        "NATS_CLUSTER_ID=",
        "NATS_CLIENT_ID=",
        "STRIPE_KEY=sk_test_",
    ] {
        assert!(refused.contains(&format!("must be set: {variable}")), "{refused}");
    }
}

#[test]
fn settings_that_would_lose_or_show_the_key_are_refused_with_what_would_be_right() {
    let with = |more: &[(&str, &str)]| {
        let course = course_environment("mongodb://127.0.0.1/payments", "nats://127.0.0.1", "payments");
        loaded(&[&course[..], &[("STRIPE_KEY", "sk_test_1")], more].concat())
    };
    with(&[]).unwrap();
    for (variable, value) in [
        ("STRIPE_URL", "https://api.stripe.com/"),
        ("STRIPE_URL", "http://127.0.0.1:12111"),
        ("STRIPE_URL", "http://[::1]:12111"),
        ("STRIPE_KEY", "rk_live_1"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_1"),
        ("STRIPE_WEBHOOK_SECRET", ""),
    ] {
        with(&[(variable, value)]).unwrap_or_else(|refused| panic!("{variable}={value}: {refused}"));
    }
    with(&[("STRIPE_URL", "http://bank-srv:12111"), ("STRIPE_ALLOW_HTTP", "1")]).unwrap();
    with(&[("STRIPE_URL", "http://bank-srv:12111"), ("STRIPE_ALLOW_HTTP", "true")]).unwrap();
    for (variable, value, why) in [
        ("STRIPE_KEY", "pk_test_1", "must be a secret key"),
        ("STRIPE_KEY", "sk_test_ 1", "without blanks"),
        ("STRIPE_URL", "http://bank-srv:12111", "set STRIPE_ALLOW_HTTP=1"),
        ("STRIPE_URL", "api.stripe.com", "must be an origin"),
        ("STRIPE_URL", "https://api.stripe.com/v1", "must be an origin"),
        ("STRIPE_ALLOW_HTTP", "yes", "1 or 0"),
        ("STRIPE_WEBHOOK_SECRET", "secret", "must begin with whsec_"),
    ] {
        let refused = with(&[(variable, value)]).unwrap_err();
        assert!(refused.contains(why), "{variable}={value}: {refused}");
        assert!(!refused.contains("pk_test_1") && !refused.contains("sk_test_ 1"), "{refused}");
    }
}

#[tokio::test]
async fn a_key_that_the_provider_refuses_ends_the_start_and_says_so() {
    let world = World::start().await;
    let database = Database::new();
    let course = course_environment(database.uri(), world.broker.url(), "payments-2");
    let url = world.bank.url();
    let own = [("HTTP__BIND", "127.0.0.1:0"), ("STRIPE_KEY", "sk_test_wrong"), ("STRIPE_URL", &url)];
    let settings = settings((payments::DECLARATION.sections)(), &[&course[..], &own].concat());
    let mut running = launch("payments", payments::PROGRAM).settings(settings).start();
    let error = format!("{:#}", running.ready().await.unwrap_err());
    assert!(error.contains(&format!("{url} does not accept STRIPE_KEY")), "{error}");
    assert!(!error.contains("sk_test_wrong"), "{error}");
    world.stop().await;
}

#[tokio::test]
async fn a_provider_that_is_away_at_the_start_is_waited_for() {
    let (database, broker, port) = (Database::new(), Broker::start().await, free_port());
    let url = format!("http://127.0.0.1:{port}");
    let course = course_environment(database.uri(), broker.url(), "payments-1");
    let own = [("HTTP__BIND", "127.0.0.1:0"), ("STRIPE_KEY", KEY), ("STRIPE_URL", &url)];
    let settings = settings((payments::DECLARATION.sections)(), &[&course[..], &own].concat());
    let mut running = launch("payments", payments::PROGRAM).settings(settings).start();
    let waited = tokio::time::timeout(Duration::from_millis(500), running.ready()).await;
    assert!(waited.is_err(), "it is ready without a provider");
    let bank = crate::bank::Bank::with(&[("BANK__BIND", &format!("127.0.0.1:{port}"))]).await;
    running.ready().await.unwrap();
    running.stop().await.result.unwrap();
    bank.stop().await;
    broker.stop().await;
}

#[tokio::test]
async fn paying_goes_on_while_the_broker_is_away_and_the_event_arrives_when_it_is_back() {
    let mut world = World::start().await;
    let order = world.order().await;
    world.broker.kill().await;
    world.app.pay(&order, "tok_visa").await.expect(201);
    world.broker.restart().await;
    assert_eq!(world.payments(1).await.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn one_payment_that_is_not_readable_delays_no_other() {
    let world = World::start().await;
    let [broken, good] = [world.order().await, world.order().await];
    world.bank.fault("cut_after", "/confirm", 2).await;
    for order in [&broken, &good] {
        world.app.pay(order, "tok_visa").await.is_error(503, &message("Your payment is being checked"));
    }
    let rows = world.database.collection("payments").await;
    let it = mongodb::bson::doc! { "orderId": broken.id.to_string() };
    rows.update_one(it.clone(), mongodb::bson::doc! { "$set": { "attempt": "many" } }).await.unwrap();
    world.app.is(&good, "paid").await;
    rows.update_one(it, mongodb::bson::doc! { "$set": { "attempt": 1 } }).await.unwrap();
    until("paid too", || async { world.app.status(&broken).await == "paid" }).await;
    world.stop().await;
}

#[tokio::test]
async fn one_payment_whose_version_is_not_a_number_delays_no_other() {
    let world = World::start().await;
    let [broken, good] = [world.order().await, world.order().await];
    world.bank.fault("cut_after", "/confirm", 1).await;
    world.app.pay(&broken, "tok_visa").await.is_error(503, &message("Your payment is being checked"));
    let rows = world.database.collection("payments").await;
    let it = mongodb::bson::doc! { "orderId": broken.id.to_string() };
    let edited = mongodb::bson::doc! { "state": "begun", "version": "many" };
    rows.update_one(it, mongodb::bson::doc! { "$set": edited }).await.unwrap();
    world.bank.fault("cut_after", "/confirm", 1).await;
    world.app.pay(&good, "tok_visa").await.is_error(503, &message("Your payment is being checked"));
    world.app.is(&good, "paid").await;
    world.stop().await;
}
