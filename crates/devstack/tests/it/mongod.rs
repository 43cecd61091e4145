//! mongod as a service.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use devstack::{Mongod, MongodAddress, Sources, Tool, find};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use service::{Running, launch};
use tempfile::tempdir;

async fn start(data: &Path) -> (Running<MongodAddress>, MongodAddress) {
    let tool = Tool::MONGOD;
    let binary = find(&tool, &Sources::from_env(&tool).unwrap()).await.unwrap();
    let mut running = launch("mongod", Mongod::on_a_free_port(binary, data.to_owned())).start();
    let address = running.ready().await.unwrap();
    (running, address)
}

#[tokio::test]
async fn ready_means_that_transactions_commit_and_data_outlives_a_restart_on_another_port() {
    let data = tempdir().unwrap();
    let (running, first) = start(data.path()).await;
    let client = Client::with_uri_str(&first.uri).await.unwrap();
    let mut session = client.start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    let tickets = client.database("tickets").collection::<Document>("tickets");
    tickets.insert_one(doc! { "title": "concert" }).session(&mut session).await.unwrap();
    session.commit_transaction().await.unwrap();
    drop((session, client));
    running.stop().await.result.unwrap();
    assert!(!Path::new(&format!("/proc/{}", first.pid)).exists(), "the process is still there");

    let (running, second) = start(data.path()).await;
    assert_ne!(first.uri, second.uri);
    let client = Client::with_uri_str(&second.uri).await.unwrap();
    let tickets = client.database("tickets").collection::<Document>("tickets");
    assert_eq!(tickets.count_documents(doc! {}).await.unwrap(), 1);
    tickets.insert_one(doc! { "title": "match" }).await.unwrap();
    drop(client);
    running.stop().await.result.unwrap();
}

#[tokio::test]
#[ignore = "mongod itself waits there for half a minute"]
async fn it_starts_also_while_a_program_that_says_nothing_has_its_former_port() {
    let data = tempdir().unwrap();
    let (running, first) = start(data.path()).await;
    running.stop().await.result.unwrap();
    // mongod asks there whether it is itself, and is silent about its replica set for as long as it waits.
    let _silent = TcpListener::bind(("127.0.0.1", first.port)).unwrap();
    let (running, second) = start(data.path()).await;
    assert_ne!(first.uri, second.uri);
    running.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_data_folder_in_use_is_refused() {
    let data = tempdir().unwrap();
    let (running, _) = start(data.path()).await;
    let tool = Tool::MONGOD;
    let binary = find(&tool, &Sources::from_env(&tool).unwrap()).await.unwrap();
    let second = Mongod::on_a_free_port(binary, data.path().to_owned());
    let error = launch("mongod", second).start().ready().await.unwrap_err();
    assert!(error.to_string().contains("in use by process"), "{error}");
    running.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_damaged_data_folder_fails_the_service_with_mongods_reason() {
    let data = tempdir().unwrap();
    let (running, _) = start(data.path()).await;
    running.stop().await.result.unwrap();
    std::fs::write(data.path().join("WiredTiger.turtle"), "garbage").unwrap();
    let tool = Tool::MONGOD;
    let binary = find(&tool, &Sources::from_env(&tool).unwrap()).await.unwrap();
    let server = Mongod::on_a_free_port(binary, data.path().to_owned());
    let error = launch("mongod", server).start().ready().await.unwrap_err().to_string();
    assert!(error.starts_with("mongod: the server ended (signal: 6 (SIGABRT)"), "{error}");
    assert!(error.contains("fatal turtle file read error: WT_TRY_SALVAGE: database corruption detected"), "{error}");
}

#[tokio::test]
async fn a_data_folder_may_have_a_name_that_is_no_utf_8() {
    let data = tempdir().unwrap();
    let folder = data.path().join(OsStr::from_bytes(b"no utf-8 \xff"));
    let (running, address) = start(&folder).await;
    Client::with_uri_str(&address.uri).await.unwrap().list_database_names().await.unwrap();
    running.stop().await.result.unwrap();
}
