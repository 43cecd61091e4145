//! The service as a whole: its settings, and a database that is away.

use std::time::Duration;

use auth::{Auth, AuthSettings};
use service::launch;
use service::settings::{Sections, Settings, Sources};

use crate::app::settings;

#[test]
fn a_service_without_its_key_or_database_says_which_variable_to_set() {
    let refused = Settings::load(Sections::new().with::<AuthSettings>(), Sources::default()).unwrap_err().to_string();
    assert!(refused.contains("auth.jwt_key: must be set: JWT_KEY=some-long-secret"), "{refused}");
    assert!(refused.contains("auth.mongo_uri: must be set: MONGO_URI=mongodb://localhost:27017/auth"), "{refused}");
}

#[tokio::test]
async fn a_uri_that_is_none_or_names_no_database_ends_it_with_the_mend() {
    for (uri, mend) in
        [("nonsense", "it looks like mongodb://localhost:27017/auth"), ("mongodb://127.0.0.1:1", "mongodb://host/NAME")]
    {
        let error = launch("auth", Auth).settings(settings(uri)).start().ready().await.unwrap_err();
        assert!(format!("{error:#}").contains(mend), "{error:#}");
    }
}

#[tokio::test]
async fn a_database_that_is_away_keeps_it_waiting_and_a_stop_is_obeyed_meanwhile() {
    let mut running = launch("auth", Auth).settings(settings("mongodb://127.0.0.1:1/auth")).start();
    let waiting = tokio::time::timeout(Duration::from_secs(3), running.ready()).await;
    assert!(waiting.is_err(), "it is not ready, and has not failed");
    running.stop().await.result.unwrap();
}
