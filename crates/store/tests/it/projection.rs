//! The copies of another service's records, and their replay from the stream.

use bus::{Bus, Rejection};
use events::{Aggregate, AnyId, TicketCreated, TicketUpdated, kind};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Error;
use serde::{Deserialize, Serialize};
use store::{Outcome, Projected, Projection, Replay, ReplayStep, Replayed, Store, Versioned};
use testkit::{Broker, Client, Database};

use super::{open, ticket, update};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Copy {
    #[serde(rename = "_id")]
    id: AnyId,
    title: String,
    version: u64,
}

impl Versioned for Copy {
    fn id(&self) -> AnyId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }
}

impl Projected for Copy {
    const AGGREGATE: Aggregate = Aggregate::Ticket;

    type Kind = kind::Ticket;
    type Created = TicketCreated;
    type Changed = TicketUpdated;

    fn created(event: &TicketCreated) -> Self {
        Self { id: event.id.any(), title: event.title.clone(), version: event.version }
    }

    fn changed(self, event: &TicketUpdated) -> Self {
        Self { title: event.title.clone(), version: event.version, ..self }
    }
}

async fn add(store: &Store, event: &TicketCreated) {
    let (copies, event) = (Projection::<Copy>::of(store), event.clone());
    store.transaction(async move |tx| copies.add(tx, &event).await).await.unwrap();
}

/// Applies a change, and returns whether the copy was ready for it.
async fn apply(store: &Store, event: TicketUpdated) -> bool {
    let copies = Projection::<Copy>::of(store);
    let work = async move |tx: &mut _| match copies.apply(tx, &event).await {
        Ok(()) => Ok(true),
        Err(Rejection::NotYet(_)) => Ok(false),
        Err(other) => panic!("{other:?}"),
    };
    store.transaction::<_, Error>(work).await.unwrap()
}

async fn find(store: &Store, event: &TicketCreated) -> Option<Copy> {
    Projection::<Copy>::of(store).find(event.id).await.unwrap()
}

#[tokio::test]
async fn changes_are_applied_in_the_order_of_versions_and_once() {
    let database = Database::new();
    let opened = open(database.uri()).await;
    let (store, event) = (&opened.store, ticket("concert"));
    let change = |version: u64| TicketUpdated { title: version.to_string(), ..update(&event, version) };
    assert!(!apply(store, change(1)).await, "there is no copy yet");
    add(store, &event).await;
    assert!(!apply(store, change(2)).await, "version 1 is missing");
    assert!(apply(store, change(1)).await && apply(store, change(2)).await);
    assert!(apply(store, change(1)).await, "an old change is skipped");
    add(store, &event).await; // has no effect on a copy that exists
    assert_eq!(find(store, &event).await.unwrap(), Copy { id: event.id.any(), title: "2".to_owned(), version: 2 });
    opened.close().await;
}

#[tokio::test]
async fn a_decision_and_the_change_that_forbids_it_are_not_both_committed() {
    let database = Database::new();
    let opened = open(database.uri()).await;
    let (store, copies) = (&opened.store, Projection::<Copy>::of(&opened.store));
    let decisions = store.collection::<Document>("decisions");
    for event in (0..20).map(|_| ticket("open")) {
        add(store, &event).await;
        let id = event.id;
        let (copies, rows) = (copies.clone(), decisions.clone());
        let decide = store.transaction(async move |tx: &mut _| {
            let copy = copies.find_for_update(tx, id).await?.unwrap();
            if copy.title == "open" {
                rows.insert_one(doc! { "_id": id.to_string() }).session(&mut *tx).await?;
            }
            Ok::<_, Error>(())
        });
        // The change looks for a decision, and takes it back.
        let (copies, rows) = (Projection::<Copy>::of(store), decisions.clone());
        let closed = TicketUpdated { title: "closed".to_owned(), ..update(&event, 1) };
        let change = store.transaction(async move |tx: &mut _| {
            match copies.apply(tx, &closed).await {
                Ok(()) => {}
                Err(Rejection::Retry(error)) => return Err(error),
                Err(other) => panic!("{other:?}"),
            }
            rows.delete_one(doc! { "_id": id.to_string() }).session(&mut *tx).await?;
            Ok::<_, anyhow::Error>(())
        });
        let (decided, changed) = tokio::join!(decide, change);
        decided.unwrap();
        changed.unwrap();
    }
    assert_eq!(decisions.count_documents(doc! {}).await.unwrap(), 0);
    // The note of a decision is not part of the copy, so a replay finds no difference.
    let event = ticket("concert");
    add(store, &event).await;
    let id = event.id;
    let before = store.transaction(async move |tx: &mut _| copies.find_for_update(tx, id).await).await.unwrap();
    assert_eq!(before, find(store, &event).await);
    opened.close().await;
}

async fn publish(client: &Client, event: &TicketCreated, versions: &[u64]) {
    client.publish_to(events::Subject::TicketCreated, serde_json::to_string(event).unwrap()).await;
    for version in versions {
        let update = serde_json::to_string(&update(event, *version)).unwrap();
        client.publish_to(events::Subject::TicketUpdated, update).await;
    }
}

async fn replayed(store: &Store, bus: &Bus) -> (Replayed, Vec<(Outcome, String)>) {
    let mut found = Vec::new();
    let report = |step| {
        if let ReplayStep::Found(outcome, id) = step {
            found.push((outcome, id));
        }
        Ok(())
    };
    let replayed = Replay::of::<Copy>().run(store, bus, report).await.unwrap();
    found.sort_by(|(_, one), (_, other)| one.cmp(other));
    (replayed, found)
}

fn of(found: &[(Outcome, String)], outcome: Outcome) -> Vec<String> {
    found.iter().filter(|(one, _)| *one == outcome).map(|(_, id)| id.clone()).collect()
}

#[tokio::test]
async fn a_replay_that_was_stopped_leaves_nothing_behind_and_one_that_was_killed_leaves_it_to_the_next() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    for title in ["a", "b"] {
        publish(&client, &ticket(title), &[2, 1]).await; // a repair may have changed their order
    }
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 60 * 60);
    let seconds = yesterday.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for started in [format!("{seconds:08x}{}", "0".repeat(16)), ObjectId::new().to_hex()] {
        store.collection(&format!("replay-{started}")).insert_one(doc! {}).await.unwrap();
    }
    let stopped = |_| Err(service::Error::msg("stopped"));
    let error = Replay::of::<Copy>().run(store, &client.bus, stopped).await.unwrap_err();
    assert_eq!(error.to_string(), "stopped");
    let (replayed, _) = replayed(store, &client.bus).await;
    assert_eq!(replayed, Replayed { events: 6, records: 2, rebuilt: 2, ..Replayed::default() });
    let names = store.database().list_collection_names().await.unwrap();
    let left = names.iter().filter(|name| name.starts_with("replay-")).count();
    assert_eq!(left, 1, "that of a replay which may still be running: {names:?}");
    client.close().await;
    opened.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_replay_rebuilds_copies_and_names_those_that_the_stream_does_not_explain() {
    let (database, broker) = (Database::new(), Broker::start().await);
    let (opened, client) = (open(database.uri()).await, broker.connect("a").await);
    let store = &opened.store;
    let names = ["right", "absent", "wrong", "unreadable", "incomplete", "ahead"];
    let [right, absent, wrong, unreadable, incomplete, ahead] = names.map(ticket);
    for event in [&right, &absent, &wrong, &unreadable, &ahead] {
        publish(&client, event, &[1, 2]).await;
    }
    publish(&client, &incomplete, &[1, 3]).await;
    let documents = store.collection::<Document>("tickets");
    let stored = |event: &TicketCreated, title: &str, version: i64| {
        let document = doc! { "_id": event.id.to_string(), "title": title, "version": version };
        documents.insert_one(document).into_future()
    };
    stored(&right, "right", 2).await.unwrap();
    stored(&wrong, "nonsense", 2).await.unwrap();
    stored(&ahead, "ahead", 3).await.unwrap();
    documents.insert_one(doc! { "_id": unreadable.id.to_string(), "title": 5 }).await.unwrap();
    for id in [Bson::from("not an id"), Bson::Int32(5), Bson::from("0".repeat(24))] {
        documents.insert_one(doc! { "_id": id }).await.unwrap();
    }

    let (replayed, found) = replayed(store, &client.bus).await;
    let sorted = |events: &[&TicketCreated]| {
        let mut ids: Vec<_> = events.iter().map(|event| event.id.to_string()).collect();
        ids.sort();
        ids
    };
    assert_eq!((replayed.events, replayed.records), (18, 6));
    assert_eq!((replayed.rebuilt, replayed.incomplete, replayed.beyond), (4, 1, 4));
    assert_eq!(of(&found, Outcome::Rebuilt), sorted(&[&absent, &wrong, &unreadable, &incomplete]));
    assert_eq!(of(&found, Outcome::Incomplete), sorted(&[&incomplete]));
    // The first of all ids, the last one, and one that is not even a text.
    let mut beyond = [ahead.id.to_string(), "not an id".to_owned(), "5".to_owned(), "0".repeat(24)];
    beyond.sort();
    assert_eq!(of(&found, Outcome::Beyond), beyond);
    let names = store.database().list_collection_names().await.unwrap();
    assert!(!names.iter().any(|name| name.starts_with("replay-")), "{names:?}");
    for (event, version) in [(&right, 2), (&absent, 2), (&wrong, 2), (&unreadable, 2), (&incomplete, 1), (&ahead, 3)] {
        let expected = Copy { id: event.id.any(), title: event.title.clone(), version };
        assert_eq!(find(store, event).await, Some(expected));
    }
    client.close().await;
    opened.close().await;
    broker.stop().await;
}
