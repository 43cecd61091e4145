//! The login at the broker.

use bus::{Connection, ErrorKind};
use events::Subject;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use service::launch;
use testkit::{Broker, Client, name, until};

const JETSTREAM: &str = "jetstream { store_dir: /data }";

/// The connection with this login, of one server or of a list, in which the broker is `HOST`.
fn connection(broker: &Broker, url: &str) -> Connection {
    let host = broker.url().strip_prefix("nats://").unwrap();
    Connection::new(url.replace("HOST", host).parse().unwrap(), name("ticketing"), name("a"))
}

#[tokio::test]
async fn users_and_passwords_of_any_characters_are_accepted_as_they_are_and_percent_encoded() {
    let logins = [
        ("me", "p@ss"),
        ("me@home", "secret"),
        ("a", "s3cret^x"),
        ("b", "§12§12"),
        ("c", "a:b/c?d#e[f]"),
        ("d", "two words|{}"),
        ("e", "100%"),
        ("f", "nats://x@y"),
    ];
    let users = logins.map(|(user, password)| format!("{{ user: \"{user}\", password: \"{password}\" }}"));
    let broker = Broker::with(&format!("{JETSTREAM}\nauthorization {{ users: [{}] }}", users.join(", "))).await;
    for (user, password) in logins {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (encoded_user, encoded_password) = (encoded(user), encoded(password));
        for url in [
            format!("nats://{user}:{password}@HOST"),
            format!("nats://{encoded_user}:{encoded_password}@HOST"),
            format!(" nats://{encoded_user}:{password}@HOST\n"),
        ] {
            Client::connect(connection(&broker, &url)).await.close().await;
        }
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_token_is_accepted() {
    let broker = Broker::with(&format!("{JETSTREAM}\nauthorization {{ token: \"t@ken 1\" }}")).await;
    for url in ["nats://t@ken 1@HOST", "nats://t%40ken%201@HOST", "t@ken%201@HOST\n"] {
        Client::connect(connection(&broker, url)).await.close().await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_wrong_login_is_an_error_that_says_how_to_write_one_without_showing_it() {
    let broker = Broker::with(&format!("{JETSTREAM}\nauthorization {{ user: me, password: right }}")).await;
    for url in ["nats://HOST", "nats://me:hidden@HOST", "nats://hidden@HOST", "nats://me:@HOST"] {
        let error = launch("connection", connection(&broker, url)).start().ready().await.unwrap_err();
        assert!(matches!(ErrorKind::of(&error), Some(ErrorKind::LoginRefused { .. })), "{error:?}");
        let text = format!("{error:#}");
        let expected = format!("the NATS server at {} refuses the login: write a right one into the URL", broker.url());
        assert!(text.contains(&expected) && !text.contains("hidden"), "{text}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn the_login_of_a_list_is_for_all_of_its_servers_whichever_is_away() {
    let broker = Broker::with(&format!("{JETSTREAM}\nauthorization {{ user: me, password: right }}")).await;
    for url in
        ["nats://me:right@127.0.0.1:1,nats://HOST", "127.0.0.1:1,me:right@HOST", "me:right@[::1]:1,me:right@HOST"]
    {
        Client::connect(connection(&broker, url)).await.close().await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_client_logs_in_again_after_a_restart_of_the_broker() {
    let mut broker = Broker::with(&format!("{JETSTREAM}\nauthorization {{ user: me, password: \"p@ss\" }}")).await;
    let client = Client::connect(connection(&broker, "nats://me:p@ss@HOST")).await;
    broker.kill().await;
    until("the loss is noticed", || async { !client.bus.is_connected() }).await;
    broker.restart().await;
    client.publish_to(Subject::TicketCreated, "{}").await;
    client.close().await;
    broker.stop().await;
}
