//! Why no database answers, in one line.

use std::net::Ipv4Addr;
use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::doc;
use mongodb::options::IndexOptions;
use service::{Failure, launch};
use store::{Away, PromptConnection};
use testkit::{Database, GuardedMongod, free_port};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::open;

/// What a tool says that finds no database there.
async fn reason(uri: &str) -> String {
    let connection = PromptConnection { uri: uri.parse().unwrap(), within: Duration::from_secs(1) };
    let mut running = launch("store", connection).start();
    let error = running.ready().await.unwrap_err();
    let away = Failure::cause::<Away>(&error).unwrap_or_else(|| panic!("{error:#}"));
    let reason = away.to_string();
    assert!(!reason.contains('\n') && !reason.contains("Kind:") && !reason.contains("Topology"), "{reason}");
    reason
}

#[tokio::test]
async fn nothing_answers_at_hosts_which_are_named_without_the_login() {
    let (one, other) = (free_port(), free_port());
    for (hosts, reasons) in [
        (format!("127.0.0.1:{one}"), vec![format!("127.0.0.1:{one}: Connection refused")]),
        (format!("[::1]:{one}"), vec![format!("[::1]:{one}: ")]),
        (
            format!("127.0.0.1:{one},127.0.0.1:{other}"),
            vec![format!("127.0.0.1:{one}: Connection refused"), format!("127.0.0.1:{other}: Connection refused")],
        ),
        ("no-such-host.invalid".to_owned(), vec!["no-such-host.invalid:27017: ".to_owned()]),
    ] {
        let said = reason(&format!("mongodb://user:secret@{hosts}/shop")).await;
        assert!(said.starts_with("no MongoDB that takes writes answers at ") && !said.contains("secret"), "{said}");
        assert!(reasons.iter().all(|reason| said.contains(reason)), "{said}");
    }
}

#[tokio::test]
async fn a_replica_set_of_another_name_is_named() {
    let database = Database::new();
    let wrong = database.uri().replace("replicaSet=rs0", "replicaSet=other");
    let said = reason(&wrong).await;
    assert!(said.contains("it belongs to the replica set rs0, not to other: write replicaSet=rs0"), "{said}");
}

#[tokio::test]
async fn tls_that_one_side_alone_speaks_is_named_and_so_is_an_unknown_authority() {
    let (plain, guarded) = (Database::new(), GuardedMongod::with_tls().await);
    let host = guarded.host();
    for (uri, check) in [
        (format!("{}&tls=true", plain.uri()), "if it does not speak TLS, remove tls=true"),
        (format!("mongodb://{host}/shop"), "if it demands TLS, add tls=true"),
        (format!("mongodb://{host}/shop?tls=true"), "name the file of its CA: tlsCAFile="),
    ] {
        let said = reason(&uri).await;
        assert!(said.contains(check), "{said}");
    }
    let authority = guarded.authority();
    let opened = open(&format!("mongodb://{host}/shop?tls=true&tlsCAFile={}", authority.display())).await;
    opened.close().await;
}

#[tokio::test]
async fn a_server_that_closes_every_connection_is_named() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let closing = async {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.read_u8().await.ok();
        }
    };
    let uri = format!("mongodb://127.0.0.1:{port}/shop");
    tokio::select! {
        said = reason(&uri) => assert!(said.contains(&format!("127.0.0.1:{port}: ")), "{said}"),
        () = closing => panic!("nothing listens"),
    }
}

#[tokio::test]
async fn a_missing_right_is_named_with_what_to_do() {
    let mongod = GuardedMongod::with_login().await;
    mongod.create_user_with("admin", "reader", "pw", doc! { "role": "readAnyDatabase", "db": "admin" }).await;
    let opened = open(&format!("mongodb://reader:pw@{}/shop?authSource=admin", mongod.host())).await;
    for options in [None, Some(IndexOptions::builder().unique(true).build())] {
        let index = IndexModel::builder().keys(doc! { "email": 1 }).options(options).build();
        let refused = format!("{:#}", opened.store.ensure_index("users", index).await.unwrap_err());
        assert!(refused.contains("shop.users") && refused.contains("not authorized on shop"), "{refused}");
        assert!(refused.contains("readWrite") && !refused.contains("Kind:"), "{refused}");
    }
    opened.close().await;
}
