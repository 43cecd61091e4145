//! Settings that have another name now are still read by their former name.

use std::fs;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::Section;
use service::settings::{Secret, Sections, Settings, Sources};
use tempfile::TempDir;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Http {
    #[schemars(with = "String")]
    bind: SocketAddr,
    connections: f64,
}

impl Default for Http {
    fn default() -> Self {
        Self { bind: "127.0.0.1:3000".parse().unwrap(), connections: 0.0 }
    }
}

impl Section for Http {
    const NAME: &'static str = "http";
    const LIVE: &'static [&'static str] = &["bind"];
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Session {
    key: Secret,
}

impl Section for Session {
    const NAME: &'static str = "session";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[("JWT_KEY", "key")];
}

/// What is left of the section that had all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Auth {
    hours: u32,
}

impl Section for Auth {
    const NAME: &'static str = "auth";
}

fn sections() -> Sections {
    let sections = Sections::new().with::<Http>().with::<Session>();
    sections.moved("auth.bind", "http.bind").moved("auth.key", "session.key").moved("auth.most", "http.connections")
}

struct Given {
    folder: TempDir,
    sources: Sources,
}

impl Given {
    fn new(file: &str, environment: &[(&str, &str)], flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("settings.toml"), file).unwrap();
        let sources = Sources {
            file: Some(folder.path().join("settings.toml")),
            environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        };
        Self { folder, sources }
    }

    /// The text without the folder of the file.
    fn short(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }

    fn load(&self, sections: Sections) -> Result<(Settings, Vec<String>), String> {
        let settings =
            Settings::load(sections, self.sources.clone()).map_err(|refused| self.short(&refused.to_string()))?;
        let warnings = settings.warnings().iter().map(|warning| self.short(warning)).collect();
        Ok((settings, warnings))
    }
}

fn bind(settings: &Settings) -> String {
    settings.live::<Http>().unwrap().get().bind.to_string()
}

#[test]
fn a_former_name_is_read_from_file_environment_and_flags_with_one_warning_that_names_the_present_one() {
    let ending = "; the next release does not know the old name";
    let cases = [
        (Given::new("[auth]\nbind = \"127.0.0.1:1\"\n", &[], &[]), "settings.toml:2: auth.bind is now http.bind"),
        (Given::new("", &[("AUTH__BIND", "127.0.0.1:1")], &[]), "environment variable AUTH__BIND is now HTTP__BIND"),
        (Given::new("", &[], &["auth.bind=127.0.0.1:1"]), "--set auth.bind is now --set http.bind"),
        // The layers override each other by the former name as well.
        (
            Given::new("[auth]\nbind = \"127.0.0.1:2\"\n", &[("AUTH__BIND", "127.0.0.1:1")], &[]),
            "environment variable AUTH__BIND is now HTTP__BIND",
        ),
    ];
    for (given, warning) in cases {
        for sections in [sections(), sections().with::<Auth>()] {
            let (settings, warnings) = given.load(sections).unwrap();
            assert_eq!((bind(&settings).as_str(), warnings), ("127.0.0.1:1", vec![format!("{warning}{ending}")]));
        }
    }
}

#[test]
fn a_present_name_alone_gives_no_warning() {
    let given = Given::new("[http]\nbind = \"127.0.0.1:1\"\n", &[("JWT_KEY", "secret")], &[]);
    let (settings, warnings) = given.load(sections()).unwrap();
    assert_eq!((bind(&settings).as_str(), warnings), ("127.0.0.1:1", vec![]));
}

#[test]
fn the_same_value_by_both_names_is_taken_with_the_warning() {
    let cases = [
        Given::new("[auth]\nbind = \"127.0.0.1:1\"\n[http]\nbind = \"127.0.0.1:1\"\n", &[], &[]),
        Given::new("[auth]\nbind = \"127.0.0.1:1\"\n", &[("HTTP__BIND", "127.0.0.1:1")], &[]),
        Given::new("[http]\nconnections = 5.0\n", &[("AUTH__MOST", "5")], &["http.bind=127.0.0.1:1"]),
        Given::new("", &[("AUTH__KEY", "secret"), ("JWT_KEY", "secret")], &["http.bind=127.0.0.1:1"]),
    ];
    for given in cases {
        let (settings, warnings) = given.load(sections()).unwrap();
        assert_eq!((bind(&settings).as_str(), warnings.len()), ("127.0.0.1:1", 1), "{warnings:?}");
    }
}

#[test]
fn different_values_by_both_names_are_refused_with_the_places_of_both_and_without_the_values() {
    let cases = [
        (
            Given::new("[auth]\nbind = \"127.0.0.1:1\"\n[http]\nbind = \"127.0.0.1:2\"\n", &[], &[]),
            "settings.toml:4: http.bind: differs from auth.bind, its old name, which is set too (settings.toml:2): \
             remove auth.bind",
        ),
        (
            Given::new("[auth]\nbind = \"127.0.0.1:1\"\n", &[("HTTP__BIND", "127.0.0.1:2")], &[]),
            "environment variable HTTP__BIND: http.bind: differs from auth.bind, its old name, which is set too \
             (settings.toml:2): remove auth.bind",
        ),
        (
            Given::new("", &[("AUTH__KEY", "secret-1"), ("JWT_KEY", "secret-2")], &[]),
            "environment variable JWT_KEY: session.key: differs from auth.key, its old name, which is set too \
             (environment variable AUTH__KEY): remove auth.key",
        ),
        (
            Given::new("", &[], &["http.connections=1", "auth.most=2"]),
            "--set http.connections: http.connections: differs from auth.most, its old name, which is set too \
             (--set auth.most): remove auth.most",
        ),
    ];
    for (given, error) in cases {
        assert_eq!(given.load(sections()).unwrap_err(), error);
    }
}

#[test]
fn an_invalid_value_by_a_former_name_is_refused_at_its_place() {
    let given = Given::new("[auth]\nbind = 5\n", &[], &[]);
    let error = given.load(sections()).unwrap_err();
    assert_eq!(error, "settings.toml:2: http.bind: must be a text, in quotes");
}

#[test]
fn a_former_section_knows_only_the_keys_that_have_moved() {
    let given = Given::new("[auth]\nbind = \"127.0.0.1:1\"\nbint = 1\n", &[("AUTH__OTHER", "another program's")], &[]);
    let error = given.load(sections()).unwrap_err();
    assert_eq!(error, "settings.toml:3: auth.bint: unknown; the sections are [http], [session]");
    let error = given.load(sections().with::<Auth>()).unwrap_err();
    let unknown = "unknown; [auth] has hours";
    assert_eq!(
        error,
        format!("settings.toml:3: auth.bint: {unknown}\nenvironment variable AUTH__OTHER: auth.other: {unknown}")
    );
}

#[test]
fn former_names_are_not_described() {
    let described = serde_json::to_string(&sections().describe()).unwrap();
    assert!(described.contains("HTTP__BIND") && !described.to_lowercase().contains("auth"), "{described}");
}

#[test]
fn a_reload_reads_former_names_too_and_reports_a_new_warning_once() {
    let given = Given::new("", &[], &[]);
    let (settings, _) = given.load(sections()).unwrap();
    fs::write(given.folder.path().join("settings.toml"), "[auth]\nbind = \"127.0.0.1:1\"\n").unwrap();
    let reloaded = settings.reload().unwrap();
    assert_eq!((reloaded.changed, reloaded.warnings.len()), (vec!["http.bind".to_owned()], 1));
    assert_eq!(settings.reload().unwrap().warnings, [""; 0]);
}
