//! Makes a dump of what the programs of a commit write: see README.md.

use std::env;
use std::fs;
use std::path::PathBuf;

use mongodb::bson::{Document, doc};
use serde_json::json;
use testkit::{dump, until};

use crate::build::programs_of;
use crate::program::{Program, Version};
use crate::world::{World, cancel, change, id, is, is_held_by, reserve, sell, sign_up};

/// 95 years, in seconds: these orders do not expire, whenever a test looks at them.
const FOREVER: u32 = 3_000_000_000;

/// People, with passwords of every kind.
const PEOPLE: [(&str, &str); 3] = [
    ("anna@test.com", "password"),
    ("Bob.Mixed+tag@Test.com", "pässwörd 密码 🎫 with spaces "),
    (
        "carla@sub.test.com",
        "0123456789012345678901234567890123456789012345678901234567890123\
         0123456789012345678901234567890123456789012345678901234567890123",
    ),
];

/// An empty folder for a crate's part of the dump.
fn emptied(owner: &str, commit: &str) -> PathBuf {
    let folder = dump::dump_of(owner, commit);
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes into the sources: makes the dump of commit DUMP_OF, as README.md says"]
#[expect(clippy::disallowed_methods, reason = "an argument of a test that is run by hand")]
async fn make_the_dump_of_what_a_commit_writes() {
    let commit = env::var("DUMP_OF").expect("DUMP_OF must be set to the commit whose programs are to write");
    let programs = programs_of(&commit);
    let mut world = World::new().await;
    use_everything(Version::Older(&programs), &mut world).await;
    for service in ["auth", "tickets", "orders"] {
        let folder = emptied(service, &commit);
        dump::dump_collections(world.database_of(service).unwrap().uri(), &folder).await;
    }
    let people = PEOPLE.map(|(email, password)| json!({ "email": email, "password": password }));
    let people = serde_json::to_string_pretty(&people).unwrap();
    fs::write(dump::dump_of("auth", &commit).join("people.json"), people + "\n").unwrap();
    dump::dump_streams(&world.broker, &emptied(dump::BUS, &commit)).await;
    check_that_it_is_rich(&commit);
    world.broker.stop().await;
}

/// Uses the programs until their data has every form; in the end they are killed while the broker is away.
async fn use_everything(version: Version<'_>, world: &mut World) {
    let auth = Program::start(version, "auth", "auth-1", FOREVER, world).await;
    let tickets = Program::start(version, "tickets", "tickets-1", FOREVER, world).await;
    let orders = Program::start(version, "orders", "orders-1", FOREVER, world).await;
    let hasty = Program::start(version, "orders", "orders-2", 1, world).await; // its orders expire after a second
    let expiration = Program::start(version, "expiration", "expiration-1", FOREVER, world).await;
    let mut sessions = Vec::new();
    for (email, password) in PEOPLE {
        sessions.push(sign_up(auth.api, email, password).await);
    }
    let [anna, bob, carla] = <[String; 3]>::try_from(sessions).unwrap();

    // Tickets: prices that are an int or a double in BSON, and have been both; titles of every kind.
    let longest = "長".repeat(200);
    let mut sold = Vec::new();
    for (title, price) in [
        ("concert", json!(20)),
        ("кино 🎬 – «Солярис»", json!(19.99)),
        (longest.as_str(), json!(999_999.99)),
        (r#"the "cheapest" \ & <b>one</b>"#, json!(0.01)),
        ("half", json!(12.5)),
        ("a text for a price", json!("7.00")),
        ("of the dead letter", json!(30)),
        ("of the failure", json!(31)),
        ("changed later", json!(32)),
        ("reserved later", json!(33)),
        ("cancelled later", json!(34)),
        ("expired later", json!(35)),
    ] {
        sold.push(sell(tickets.api, &anna, title, price).await);
    }
    let [concert, cinema, long, cheap, half, text, dead, failing, changed, reserved, cancelled, expired] =
        <[String; 12]>::try_from(sold).unwrap();
    change(tickets.api, &anna, &half, "half, twice changed", json!(13)).await;
    change(tickets.api, &anna, &half, "half, twice changed", json!(13.75)).await;
    change(tickets.api, &anna, &text, "from whole to cents", json!(7.07)).await;

    // Orders of every status, and a ticket that one order gave up and another holds.
    let order = reserve(orders.api, &bob, &concert).await;
    is_held_by(tickets.api, &concert, Some(&order)).await;
    let given_up = reserve(orders.api, &bob, &cinema).await;
    is_held_by(tickets.api, &cinema, Some(&given_up)).await;
    cancel(orders.api, &bob, &given_up).await;
    is_held_by(tickets.api, &cinema, None).await;
    let order = reserve(orders.api, &carla, &cinema).await;
    is_held_by(tickets.api, &cinema, Some(&order)).await;
    let given_up = reserve(orders.api, &carla, &long).await;
    is_held_by(tickets.api, &long, Some(&given_up)).await;
    cancel(orders.api, &carla, &given_up).await;
    is_held_by(tickets.api, &long, None).await;
    let paid = reserve(orders.api, &bob, &cheap).await;
    is_held_by(tickets.api, &cheap, Some(&paid)).await;
    world.pay(&paid).await;
    is(orders.api, &bob, &paid, "complete").await;
    let timed_out = reserve(hasty.api, &bob, &half).await;
    is(orders.api, &bob, &timed_out, "cancelled").await;
    is_held_by(tickets.api, &half, None).await;
    let to_cancel = reserve(orders.api, &carla, &cancelled).await;
    is_held_by(tickets.api, &cancelled, Some(&to_cancel)).await;

    // An order whose cancellation comes before its creation.
    world.publish("order:cancelled", &json!({ "id": id(), "version": 1, "ticket": { "id": text } })).await;
    let database = world.database_of("tickets").unwrap().collection("tickets").await;
    let early = doc! { "cancelledEarly": { "$size": 1 } };
    until("an early cancellation", || async { database.count_documents(early.clone()).await.unwrap() == 1 }).await;

    // Dead letters: bytes that are no event, for two groups; an order whose ticket was not there for a while, as after a
    // restored backup; and of older commits a payment that comes too late.
    world.publish("order:created", &json!("not an order")).await;
    let gone = database.find_one_and_delete(doc! { "_id": &dead }).await.unwrap().unwrap();
    reserve(orders.api, &bob, &dead).await;
    until("three dead letters", || async { world.dead_letters().await == 3 }).await;
    database.insert_one(gone).await.unwrap();
    world.pay(&given_up).await;

    // A failure that passed: the ticket could not be read for a while.
    let it = doc! { "_id": &failing };
    database.update_one(it.clone(), doc! { "$set": { "title": 5 } }).await.unwrap();
    let order = reserve(orders.api, &carla, &failing).await;
    until("a failure", || async { !world.documents("tickets", "failures").await.is_empty() }).await;
    database.update_one(it, doc! { "$set": { "title": "of the failure" } }).await.unwrap();
    is_held_by(tickets.api, &failing, Some(&order)).await;

    // A change that waits for the ticket's creation.
    let unknown = json!({ "id": id(), "version": 1, "title": "heard of later", "price": 40.5, "userId": id() });
    world.publish("ticket:updated", &unknown).await;
    until("an event that waits", || async { !world.documents("orders", "failures").await.is_empty() }).await;
    world.settled(1).await;

    // What was not published yet.
    world.broker.kill().await;
    sell(tickets.api, &bob, "sold while the broker was away", json!(50)).await;
    change(tickets.api, &anna, &changed, "changed while the broker was away", json!(32.32)).await;
    change(tickets.api, &anna, &changed, "changed while the broker was away", json!(33.33)).await;
    reserve(orders.api, &bob, &reserved).await;
    cancel(orders.api, &carla, &to_cancel).await;
    reserve(hasty.api, &carla, &expired).await;
    drop((auth, tickets, orders, hasty, expiration)); // kill -9
    world.broker.restart().await;
}

/// Whether everything is there that the tests look for.
fn check_that_it_is_rich(commit: &str) {
    let count = |owner: &str, collection: &str, field: &str, value: Option<&str>| {
        let file = dump::dump_of(owner, commit).join(collection).with_extension("bson");
        let is_so =
            |document: &Document| value.is_none_or(|value| document.get_str(field).is_ok_and(|found| found == value));
        dump::documents(&file).iter().filter(|row| row.contains_key(field) && is_so(row)).count()
    };
    assert_eq!(count("auth", "users", "_id", None), PEOPLE.len());
    assert_eq!(count("tickets", "tickets", "_id", None), 13);
    assert_eq!(count("tickets", "tickets", "cancelledEarly", None), 1);
    for service in ["tickets", "orders"] {
        assert_eq!(count(service, "outbox", "pending", None), 3, "rows of {service} that are not published");
    }
    for status in ["created", "cancelled", "complete"] {
        assert!(count("orders", "orders", "status", Some(status)) > 0, "no order is {status}");
    }
    assert!(dump::messages(&dump::dump_of(dump::BUS, commit), dump::DEAD_LETTERS).len() >= 3);
}
