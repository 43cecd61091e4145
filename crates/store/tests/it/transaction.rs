//! A transaction changes everything or nothing.

use events::AnyId;
use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use serde::{Deserialize, Serialize};
use store::{Stale, Versioned, is_busy, new_id, save};
use testkit::{Database, Mongod};

use super::open;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    #[serde(rename = "_id")]
    id: AnyId,
    version: u64,
    text: String,
}

impl Versioned for Record {
    fn id(&self) -> AnyId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }
}

#[tokio::test]
async fn fifty_concurrent_transactions_on_one_record_all_commit() {
    let database = Database::new();
    let opened = open(database.uri()).await;
    let counters = opened.store.collection::<Document>("counters");
    counters.insert_one(doc! { "_id": "a", "count": 0 }).await.unwrap();
    let work = join_all((0..50).map(|_| {
        let counters = counters.clone();
        opened.store.transaction(async move |tx| {
            let counter = counters.find_one(doc! { "_id": "a" }).session(&mut *tx).await?.unwrap();
            let count = counter.get_i32("count").unwrap() + 1;
            counters.replace_one(doc! { "_id": "a" }, doc! { "count": count }).session(&mut *tx).await?;
            Ok::<_, Error>(count)
        })
    }));
    let mut counts: Vec<_> = work.await.into_iter().map(Result::unwrap).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=50).collect::<Vec<_>>());
    opened.close().await;
}

#[tokio::test]
async fn a_transaction_that_conflicts_without_an_end_is_given_up_as_busy() {
    let database = Database::new();
    let opened = open(database.uri()).await;
    let counters = opened.store.collection::<Document>("counters");
    counters.insert_one(doc! { "_id": "a", "count": 0 }).await.unwrap();
    let (inside, outside) = (counters.clone(), counters.clone());
    let error = opened.store.transaction(async move |tx| {
        inside.find_one(doc! { "_id": "a" }).session(&mut *tx).await?;
        outside.update_one(doc! { "_id": "a" }, doc! { "$inc": { "count": 1 } }).await?;
        inside.update_one(doc! { "_id": "a" }, doc! { "$inc": { "count": 1 } }).session(&mut *tx).await?;
        Ok::<_, Error>(())
    });
    let error = error.await.unwrap_err();
    assert!(is_busy(&error), "{error}");
    opened.close().await;
}

#[tokio::test]
async fn an_error_aborts_the_whole_transaction() {
    let database = Database::new();
    let opened = open(database.uri()).await;
    let records = opened.store.collection::<Document>("records");
    let inside = records.clone();
    let failed = opened.store.transaction(async move |tx| {
        inside.insert_one(doc! { "_id": "a" }).session(&mut *tx).await?;
        Err::<(), _>(Error::custom("no"))
    });
    assert_eq!(failed.await.unwrap_err().get_custom::<&str>(), Some(&"no"));
    assert_eq!(records.count_documents(doc! {}).await.unwrap(), 0);
    opened.close().await;
}

#[tokio::test]
async fn of_two_copies_of_one_version_the_second_is_stale() {
    let database = Database::new();
    let opened = open(database.uri()).await;
    let records = opened.store.collection::<Record>("records");
    let id = new_id();
    records.insert_one(Record { id, version: 0, text: "new".to_owned() }).await.unwrap();
    for (text, expected) in [("first", Ok(())), ("second", Err(Stale))] {
        let (records, changed) = (records.clone(), Record { id, version: 1, text: text.to_owned() });
        let saved = opened.store.transaction(async move |tx| save(&records, &changed, tx).await);
        assert_eq!(saved.await.unwrap(), expected, "{text}");
    }
    assert_eq!(records.find_one(doc! {}).await.unwrap().unwrap().text, "first");
    opened.close().await;
}

#[tokio::test]
async fn a_transaction_is_retried_when_the_database_was_killed() {
    let mut mongod = Mongod::start().await;
    let opened = open(&mongod.uri("test")).await;
    let records = opened.store.collection::<Document>("records");
    records.insert_one(doc! { "_id": "before" }).await.unwrap();
    mongod.kill().await;
    let inside = records.clone();
    let (done, ()) = tokio::join!(
        opened.store.transaction(async move |tx| {
            inside.insert_one(doc! { "_id": "meanwhile" }).session(&mut *tx).await?;
            Ok::<_, Error>(())
        }),
        mongod.restart(),
    );
    done.unwrap();
    assert_eq!(records.count_documents(doc! {}).await.unwrap(), 2);
    opened.close().await;
    mongod.stop().await;
}

#[tokio::test]
async fn a_refused_login_is_an_error_that_does_not_show_the_password() {
    let database = Database::new();
    let uri = database.uri().replace("mongodb://", "mongodb://nobody:secret@");
    let connection = store::Connection { uri: uri.parse().unwrap() };
    let error = format!("{:#}", service::launch("store", connection).start().ready().await.unwrap_err());
    assert!(error.contains("the database refuses the connection: ") && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_database_without_transactions_is_an_error_that_says_how_to_fix_it() {
    let data = tempfile::tempdir().unwrap();
    let tool = devstack::Tool::MONGOD;
    let binary = devstack::find(&tool, &devstack::Sources::from_env(&tool).unwrap()).await.unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut mongod = std::process::Command::new(binary)
        .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--port", &port.to_string(), "--dbpath"])
        .arg(data.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let uri = format!("mongodb://127.0.0.1:{port}/test");
    let mut running = service::launch("store", store::Connection { uri: uri.parse().unwrap() }).start();
    let error = tokio::time::timeout(testkit::LIMIT, running.ready()).await;
    mongod.kill().unwrap();
    mongod.wait().unwrap();
    let error = format!("{:#}", error.unwrap().unwrap_err());
    assert!(error.contains("not a replica set: start it with mongod --replSet rs0"), "{error}");
}
