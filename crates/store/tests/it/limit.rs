//! A database that blocks keeps nobody waiting without a limit.

use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use store::{Store, in_time, is_busy};
use testkit::{LIMIT, Mongod, until};
use tokio::time::timeout;

use super::open;

/// More than may run at the same time.
const MANY: usize = 24;

async fn insert(store: &Store, name: &str) -> Result<(), Error> {
    let (documents, name) = (store.collection::<Document>("documents"), name.to_owned());
    let work = async move |tx: &mut _| {
        documents.insert_one(doc! { "name": &name }).session(tx).await?;
        Ok(())
    };
    store.transaction(work).await
}

#[tokio::test]
async fn while_the_database_blocks_writes_each_ends_as_busy_and_a_transaction_has_no_effect() {
    let mongod = Mongod::start().await;
    let opened = open(&mongod.uri("shop")).await;
    let store = &opened.store;
    insert(store, "before").await.unwrap();
    let admin = store.database().client().database("admin");
    admin.run_command(doc! { "fsync": 1, "lock": true }).await.unwrap();

    let outside = store.collection::<Document>("others");
    let all = join_all((0..MANY).map(|_| insert(store, "blocked")));
    let (in_transactions, outside) =
        timeout(LIMIT, async { tokio::join!(all, in_time(outside.insert_one(doc! { "name": "blocked" }))) })
            .await
            .unwrap();
    let errors: Vec<_> = in_transactions.into_iter().map(Result::unwrap_err).chain(outside.err()).collect();
    assert_eq!(
        (errors.len(), errors.iter().filter(|error| is_busy(error)).count()),
        (MANY + 1, MANY + 1),
        "{errors:?}"
    );

    admin.run_command(doc! { "fsyncUnlock": 1 }).await.unwrap();
    until("writing again", || async { insert(store, "after").await.is_ok() }).await;
    let names = store.collection::<Document>("documents").distinct("name", doc! {}).await.unwrap();
    assert_eq!(names, ["after".into(), "before".into()]);
    opened.close().await;
    mongod.stop().await;
}
