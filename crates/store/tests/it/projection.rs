//! The copies of another service's records, and their replay from the stream.

use bus::Rejection;
use events::{Aggregate, AnyId, TicketCreated, TicketUpdated, kind};
use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use serde::{Deserialize, Serialize};
use store::{Projected, Projection, Replay, Store, Versioned};
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

async fn publish(client: &Client, event: &TicketCreated, versions: &[u64]) {
    client.publish_to(events::Subject::TicketCreated, serde_json::to_string(event).unwrap()).await;
    for version in versions {
        let update = serde_json::to_string(&update(event, *version)).unwrap();
        client.publish_to(events::Subject::TicketUpdated, update).await;
    }
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
    documents.insert_one(doc! { "_id": "not an id" }).await.unwrap();

    let replayed = Replay::of::<Copy>().run(store, &client.bus, |_| (), |_| ()).await.unwrap();
    let sorted = |events: &[&TicketCreated]| {
        let mut ids: Vec<_> = events.iter().map(|event| event.id.to_string()).collect();
        ids.sort();
        ids
    };
    assert_eq!((replayed.events, replayed.records), (18, 6));
    assert_eq!(replayed.rebuilt, sorted(&[&absent, &wrong, &unreadable, &incomplete]));
    assert_eq!(replayed.incomplete, sorted(&[&incomplete]));
    assert_eq!(replayed.beyond, [ahead.id.to_string(), "not an id".to_owned()]);
    for (event, version) in [(&right, 2), (&absent, 2), (&wrong, 2), (&unreadable, 2), (&incomplete, 1), (&ahead, 3)] {
        let expected = Copy { id: event.id.any(), title: event.title.clone(), version };
        assert_eq!(find(store, event).await, Some(expected));
    }
    client.close().await;
    opened.close().await;
    broker.stop().await;
}
