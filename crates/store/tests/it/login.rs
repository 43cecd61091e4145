//! Logins: whose user it is, and how a password is written.

use mongodb::bson::{Document, doc};
use service::launch;
use store::{Connection, DatabaseUri};
use testkit::GuardedMongod;

use super::open;

#[tokio::test]
async fn a_login_belongs_to_the_database_that_the_uri_or_its_option_names_or_else_to_admin() {
    let mongod = GuardedMongod::with_login().await;
    let host = mongod.host();
    mongod.create_user("admin", "simple", "pw").await;
    mongod.create_user("admin", "special", "p@ss:w/ö%r?d#").await;
    mongod.create_user("shop", "seller", "pw").await;
    for uri in [
        format!("mongodb://simple:pw@{host}"),
        format!("mongodb://simple:pw@{host}?replicaSet=rs0"),
        format!("mongodb://simple:pw@{host}/?replicaSet=rs0\n"),
        format!("mongodb://simple:pw@{host}/shop?authsource=admin"),
        format!("mongodb://simple:pw@{host}/shop?AuthSource=admin&replicaset=rs0"),
        format!("mongodb://simple:pw@{host}/admin"),
        format!("mongodb://special:p%40ss%3Aw%2F%C3%B6%25r%3Fd%23@{host}"),
        format!("mongodb://seller:pw@{host}/shop"),
        format!("mongodb://seller:pw@{host}?authSource=shop"),
    ] {
        let uri = DatabaseUri::with_default_database(&uri, "ticketing").unwrap().with_suffix("auth").unwrap();
        let opened = open(&uri.reveal()).await;
        opened.store.collection::<Document>("users").insert_one(doc! { "name": "a" }).await.unwrap();
        opened.close().await;
    }
    for (uri, reason) in [
        (format!("mongodb://simple:wrong@{host}/shop?authSource=admin"), "Authentication failed"),
        (format!("mongodb://simple:pw@{host}/shop"), "Authentication failed"), // a user of another database
    ] {
        let connection = Connection { uri: uri.parse().unwrap() };
        let refused = launch("store", connection).start().ready().await.unwrap_err();
        let refused = format!("{refused:#}");
        assert!(refused.contains("the database refuses the connection") && refused.contains(reason), "{refused}");
        assert!(!refused.contains("pw") && !refused.contains("wrong") && !refused.contains("Kind:"), "{refused}");
    }
}
