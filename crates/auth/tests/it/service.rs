//! The service as a whole: its settings, and a database that is away.

use std::time::Duration;

use auth::PROGRAM;
use mongodb::bson::doc;
use serde_json::json;
use service::launch;
use service::settings::{Settings, Sources};
use testkit::{KEY, Mongod, message, until};

use crate::app::{App, settings};

#[test]
fn a_service_without_its_key_or_database_says_which_variable_to_set() {
    let refused = Settings::load((auth::DECLARATION.sections)(), Sources::default()).unwrap_err().to_string();
    assert!(refused.contains("session.jwt_key: must be set: JWT_KEY=some-long-secret"), "{refused}");
    assert!(refused.contains("mongo.uri: must be set: MONGO_URI=mongodb://localhost:27017/ticketing"), "{refused}");
}

#[test]
fn a_database_uri_that_is_invalid_or_names_no_database_is_refused_with_an_example() {
    let environment = |uri: &str| [("JWT_KEY".to_owned(), KEY.to_owned()), ("MONGO_URI".to_owned(), uri.to_owned())];
    for (uri, problem) in [
        ("nonsense", "must begin with mongodb://"),
        ("mongodb://127.0.0.1:1", "names no database"),
        ("mongodb://user:secret@host:port/auth", "is not a MongoDB URI"),
    ] {
        let sources = Sources { environment: environment(uri).into(), ..Sources::default() };
        let refused = Settings::load((auth::DECLARATION.sections)(), sources).unwrap_err().to_string();
        assert!(refused.contains(&format!("environment variable MONGO_URI: mongo.uri: {problem}")), "{refused}");
        assert!(refused.contains("mongodb://localhost:27017/ticketing") && !refused.contains("secret"), "{refused}");
    }
}

#[test]
fn trusted_proxies_that_are_no_addresses_are_refused_with_an_example_also_by_their_former_name() {
    let example = "(HTTP__TRUSTED_PROXIES=10.0.0.0/8,fd00::/8)";
    for (name, text, problem) in [
        ("HTTP__TRUSTED_PROXIES", "10.0.0.0/8, ten", "\"ten\" is neither an address nor a range of addresses"),
        ("HTTP__TRUSTED_PROXIES", "10.0.0.0/33", "\"10.0.0.0/33\" is neither an address nor a range of addresses"),
        ("HTTP__TRUSTED_PROXIES", "10.1.2.3/8", "10.1.2.3/8 is no range: it would begin with 10.0.0.0/8"),
        ("AUTH__TRUST_PROXY", "true", "\"true\" is neither an address nor a range of addresses"),
    ] {
        let uri = "mongodb://127.0.0.1:1/auth";
        let environment = [("JWT_KEY", KEY), ("MONGO_URI", uri), (name, text)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let sources = Sources { environment: environment.into(), ..Sources::default() };
        let refused = Settings::load((auth::DECLARATION.sections)(), sources).unwrap_err().to_string();
        assert_eq!(refused, format!("environment variable {name}: http.trusted_proxies: {problem} {example}"));
    }
}

#[tokio::test]
async fn a_service_waits_for_its_database_and_can_be_stopped_in_the_meantime() {
    let mut running = launch("auth", PROGRAM).settings(settings("mongodb://127.0.0.1:1/auth", &[])).start();
    let waiting = tokio::time::timeout(Duration::from_secs(3), running.ready()).await;
    assert!(waiting.is_err(), "the service is ready or has failed");
    running.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_confirmed_sign_up_survives_a_killed_database() {
    let mut mongod = Mongod::start().await;
    let app = App::on(&mongod.uri("auth"), &[]).await;
    let emails = ["a@test.com", "b@test.com", "c@test.com"];
    for email in emails {
        assert_eq!(app.sign_up(email).await.status, 201);
    }
    mongod.kill().await;
    let away = app.sign_up("d@test.com").await;
    away.is_error(500, &message("Something went wrong"));

    mongod.restart().await;
    for email in emails {
        let credentials = json!({ "email": email, "password": "password" });
        let mut answer = app.post("/api/users/signin", &credentials).await;
        for _ in 0..20 {
            if answer.status == 200 {
                break;
            }
            assert_eq!(answer.status, 500, "{answer:?}"); // the driver has not noticed yet that the database is back
            answer = app.post("/api/users/signin", &credentials).await;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    app.stop().await;
    mongod.stop().await;
}

#[tokio::test]
async fn while_the_database_blocks_writes_a_sign_up_is_answered_with_503_and_sign_ins_go_on() {
    let mongod = Mongod::start().await;
    let app = App::on(&mongod.uri("auth"), &[]).await;
    assert_eq!(app.sign_up("a@test.com").await.status, 201);
    let admin = mongodb::Client::with_uri_str(mongod.uri("admin")).await.unwrap().database("admin");
    admin.run_command(doc! { "fsync": 1, "lock": true }).await.unwrap();
    let credentials = json!({ "email": "a@test.com", "password": "password" });
    assert_eq!(app.post("/api/users/signin", &credentials).await.status, 200);
    let blocked = app.sign_up("b@test.com").await;
    blocked.is_error(503, &message("The database is busy"));
    assert_eq!(blocked.headers["retry-after"], "1");
    admin.run_command(doc! { "fsyncUnlock": 1 }).await.unwrap();
    until("signing up again", || async { app.sign_up("c@test.com").await.status == 201 }).await;
    app.stop().await;
    mongod.stop().await;
}
