//! The service as a whole: its settings, and servers that are away.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use common::events::{TicketCreated, TicketUpdated};
use futures_util::future::join_all;
use mongodb::bson::doc;
use serde_json::json;
use service::launch;
use service::settings::{self, Settings};
use testkit::{Broker, LIMIT, Mongod, message, stored, until};
use tickets::PROGRAM;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::app::{App, PATH, World, settings, signin};

#[test]
fn a_service_without_its_settings_says_which_variables_to_set() {
    let sections = (tickets::DECLARATION.sections)();
    let refused = Settings::load(sections, settings::Sources::default()).unwrap_err().to_string();
    for variable in ["JWT_KEY=", "MONGO_URI=mongodb://", "NATS_URL=nats://", "NATS_CLUSTER_ID=", "NATS_CLIENT_ID="] {
        assert!(refused.contains(&format!("must be set: {variable}")), "{refused}");
    }
}

#[tokio::test]
async fn a_service_waits_for_its_servers_and_starts_when_they_are_there() {
    let (mut mongod, mut broker) = (Mongod::start().await, Broker::start().await);
    mongod.kill().await;
    broker.kill().await;
    let settings = settings(&mongod.uri("tickets"), broker.url(), "tickets-1");
    let mut running = launch("tickets", PROGRAM).settings(settings).start();
    assert!(timeout(Duration::from_secs(1), running.ready()).await.is_err(), "the service is ready or has failed");
    mongod.restart().await;
    assert!(timeout(Duration::from_secs(1), running.ready()).await.is_err(), "the service is ready or has failed");
    broker.restart().await;
    timeout(LIMIT, running.ready()).await.unwrap().unwrap();
    running.stop().await.result.unwrap();
    broker.stop().await;
    mongod.stop().await;
}

#[tokio::test]
async fn a_second_process_with_the_same_client_id_is_refused_and_another_is_not() {
    let world = World::start().await;
    let (uri, url) = (world.database.uri(), world.broker.url());
    let error = launch("tickets", PROGRAM).settings(settings(uri, url, "tickets-1")).start().ready().await.unwrap_err();
    assert!(format!("{error:#}").contains("client ID already registered"), "{error:#}");
    let other = App::on(uri, url, "tickets-2").await;
    let id = world.app.ticket(&signin()).await;
    other.show(&id).await.expect(200);
    other.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn selling_goes_on_while_the_broker_is_away_and_every_event_arrives_once_and_in_order_when_it_is_back() {
    let mut world = World::start().await;
    let seller = signin();
    let sell = async || {
        let id = world.app.ticket(&seller).await;
        for price in 1..4 {
            world.app.change(&seller, &id, "concert", json!(price)).await.expect(200);
        }
        id
    };
    let mut sold = BTreeSet::from([sell().await]);
    world.broker.kill().await;
    let began = Instant::now();
    for _ in 0..10 {
        sold.insert(sell().await);
    }
    let took = began.elapsed();
    // A request that waits for the broker takes at least 10 s.
    assert!(took < Duration::from_secs(10), "{took:?}");
    world.broker.restart().await;
    until("published", || async { stored::<TicketUpdated>(&world.broker).await.len() >= 33 }).await;
    let created: Vec<_> = stored::<TicketCreated>(&world.broker).await.into_iter().map(|one| one.event.id).collect();
    assert_eq!(created.len(), 11);
    assert_eq!(created.iter().map(ToString::to_string).collect::<BTreeSet<_>>(), sold);
    let mut versions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for updated in stored::<TicketUpdated>(&world.broker).await {
        versions.entry(updated.event.id.to_string()).or_default().push(updated.event.version);
    }
    assert!(versions.values().all(|versions| *versions == [1, 2, 3]), "{versions:?}");
    world.stop().await;
}

#[tokio::test]
async fn no_answered_write_is_lost_when_the_database_is_killed_under_load_and_every_one_is_published() {
    const SELLERS: usize = 8;
    let (mut mongod, broker) = (Mongod::start().await, Broker::start().await);
    let app = App::on(&mongod.uri("tickets"), broker.url(), "tickets-1").await;
    let over = CancellationToken::new();
    let sell = async |number: usize| {
        let (seller, mut sold) = (signin(), Vec::new());
        while !over.is_cancelled() {
            let answer = app.sell(&seller, &format!("concert of {number}"), json!(20)).await;
            match answer.status {
                201 => sold.push(answer.json()["id"].as_str().unwrap().to_owned()),
                _ => answer.is_error(500, &message("Something went wrong")),
            }
        }
        sold
    };
    let disturb = async {
        for _ in 0..2 {
            sleep(Duration::from_millis(500)).await;
            mongod.kill().await;
            sleep(Duration::from_millis(500)).await;
            mongod.restart().await;
        }
        // The service recovers by itself: a new sale succeeds.
        until("selling again", || async { app.sell(&signin(), "back", json!(1)).await.status == 201 }).await;
        over.cancel();
    };
    let (sold, ()) = tokio::join!(join_all((0..SELLERS).map(sell)), disturb);
    let sold = sold.concat();
    assert!(sold.len() > SELLERS, "too few sales to prove anything: {}", sold.len());
    for id in &sold {
        app.show(id).await.expect(200);
    }
    let announced = async || {
        let events = stored::<TicketCreated>(&broker).await.into_iter().map(|one| one.event.id.to_string());
        events.collect::<Vec<_>>()
    };
    until("published", || async {
        let announced: BTreeSet<_> = announced().await.into_iter().collect();
        sold.iter().all(|id| announced.contains(id))
    })
    .await;
    let announced = announced().await;
    assert_eq!(announced.iter().collect::<BTreeSet<_>>().len(), announced.len(), "published twice");
    app.stop().await;
    broker.stop().await;
    mongod.stop().await;
}

#[tokio::test]
async fn while_the_database_blocks_writes_a_sale_is_answered_with_503_and_later_ones_succeed() {
    let (mongod, broker) = (Mongod::start().await, Broker::start().await);
    let app = App::on(&mongod.uri("tickets"), broker.url(), "tickets-1").await;
    let admin = mongodb::Client::with_uri_str(mongod.uri("admin")).await.unwrap().database("admin");
    admin.run_command(doc! { "fsync": 1, "lock": true }).await.unwrap();
    let seller = signin();
    let sales = join_all((0..24).map(|_| app.sell(&seller, "blocked", json!(20))));
    for answer in timeout(LIMIT, sales).await.unwrap() {
        answer.is_error(503, &message("The database is busy"));
        assert_eq!(answer.headers["retry-after"], "1");
    }
    admin.run_command(doc! { "fsyncUnlock": 1 }).await.unwrap();
    until("selling again", || async { app.sell(&seller, "concert", json!(20)).await.status == 201 }).await;
    let listed = app.get(PATH, "").await.expect(200);
    assert!(listed.as_array().unwrap().iter().all(|ticket| ticket["title"] == "concert"), "{listed}");
    app.stop().await;
    broker.stop().await;
    mongod.stop().await;
}
