//! The settings of the connection.

use bus::NatsSettings;
use service::settings::{Sections, Settings, Sources};

/// Loads the section from these variables.
fn load(variables: &[(&str, &str)]) -> Result<Settings, String> {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let sources = Sources { environment, ..Sources::default() };
    Settings::load(Sections::new().with::<NatsSettings>(), sources).map_err(|refused| refused.to_string())
}

const NAMES: [(&str, &str); 2] = [("NATS_CLUSTER_ID", "ticketing"), ("NATS_CLIENT_ID", "tickets-1")];

#[test]
fn missing_settings_are_refused_together_each_with_an_example() {
    let refused = load(&[("NATS_URL", "")]).unwrap_err();
    let expected = "\
environment variable NATS_URL: nats.url: must be set: NATS_URL=nats://localhost:4222
nats.cluster_id: must be set: NATS_CLUSTER_ID=ticketing
nats.client_id: must be set: NATS_CLIENT_ID=service-1";
    assert_eq!(refused, expected);
}

#[test]
fn an_invalid_setting_is_refused_with_its_place_the_reason_and_an_example() {
    let refused = load(&[("NATS_URL", "http://me:hidden@localhost"), NAMES[0], NAMES[1]]).unwrap_err();
    let expected = "environment variable NATS_URL: nats.url: not the URL of a NATS server (its scheme is not nats \
                    or tls); it looks like nats://localhost:4222 (NATS_URL=nats://localhost:4222)";
    assert_eq!(refused, expected);
    let refused = load(&[("NATS_URL", "nats://localhost"), NAMES[0], ("NATS_CLIENT_ID", "a b")]).unwrap_err();
    assert!(refused.contains("nats.client_id: a name has 1 to 64 letters"), "{refused}");
    assert!(refused.ends_with("(NATS_CLIENT_ID=service-1)"), "{refused}");
}

#[test]
fn a_url_is_shown_without_its_password_and_a_changed_password_is_a_change() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let write = |password: &str| {
        let url = format!("nats://me:{password}@localhost:4222");
        let text = format!("[nats]\nurl = \"{url}\"\ncluster_id = \"ticketing\"\nclient_id = \"a\"\n");
        std::fs::write(file.path(), text).unwrap();
    };
    write("hidden");
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    let settings = Settings::load(Sections::new().with::<NatsSettings>(), sources).unwrap();
    let values = settings.live::<NatsSettings>().unwrap().get();
    let shown = format!("{values:?} {:?} {settings:?}", settings.effective());
    assert!(shown.contains("nats://localhost:4222"), "{shown}");
    assert!(!shown.contains("hidden"), "{shown}");
    assert_eq!(values.url.as_ref().unwrap().as_str(), "nats://me:hidden@localhost:4222");

    write("another");
    let refused = settings.reload().unwrap_err().to_string();
    assert!(refused.contains("nats.url: needs a restart"), "{refused}");
    assert!(!refused.contains("another"), "{refused}");
}
