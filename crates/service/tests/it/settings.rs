//! Settings: layers, errors, and reloads that change all or nothing.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::settings::{PROGRAM, Problem, Secret, Sections, Settings, Sources, required};
use service::{Error, Live, Scope, Section, Service, launch};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Numbers {
    /// Where to listen
    #[schemars(with = "String")]
    bind: SocketAddr,
    /// Numbers a minute
    rate: f64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { bind: "127.0.0.1:7776".parse().unwrap(), rate: 60.0 }
    }
}

impl Section for Numbers {
    const NAME: &'static str = "numbers";
    const LIVE: &'static [&'static str] = &["rate"];

    fn check(&self) -> Vec<Problem> {
        if self.rate > 0.0 { vec![] } else { vec![Problem::new("rate", "must be above 0")] }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Account {
    /// Who
    user: String,
    /// The password
    password: Secret,
}

impl Section for Account {
    const NAME: &'static str = "account";
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[("ACCOUNT_PASSWORD", "password")];
    const LIVE: &'static [&'static str] = &["user", "password"];
}

struct File(TempDir);

impl File {
    fn new(text: &str) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        file.write(text);
        file
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("settings.toml")
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    fn load(&self) -> Settings {
        Settings::load(sections(), self.sources()).unwrap()
    }

    fn sources(&self) -> Sources {
        Sources { file: Some(self.path()), ..Sources::default() }
    }
}

fn sections() -> Sections {
    Sections::new().with::<Numbers>().with::<Account>()
}

fn numbers(settings: &Settings) -> Live<Numbers> {
    settings.live().unwrap()
}

/// The refusals of these sources, one line each, without the name of the file.
fn refused(file: &File, environment: &[(&str, &str)], flags: &[&str]) -> Vec<String> {
    let sources = Sources {
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        ..file.sources()
    };
    let text = Settings::load(sections(), sources).unwrap_err().to_string();
    let file = format!("{}:", file.path().display());
    text.lines().map(|line| line.strip_prefix(&file).unwrap_or(line).to_owned()).collect()
}

#[test]
fn each_layer_goes_over_the_one_before_and_each_value_knows_its_origin() {
    let file = File::new("[numbers]\nrate = 1\n[account]\nuser = \"file\"\n");
    let environment = BTreeMap::from([
        ("NUMBERS__RATE".to_owned(), "2".to_owned()),
        ("ACCOUNT__USER".to_owned(), "42".to_owned()), // a string, since the section has one
        ("SOMETHING__ELSE".to_owned(), "another program's".to_owned()),
    ]);
    let sources = Sources { environment, flags: vec!["numbers.rate=3".to_owned()], ..file.sources() };
    let settings = Settings::load(sections(), sources).unwrap();
    assert_eq!(numbers(&settings).get().rate, 3.0);
    assert_eq!(settings.live::<Account>().unwrap().get().user, "42");
    let origins: Vec<_> =
        settings.effective().into_iter().map(|(key, (value, origin))| format!("{key} {value} {origin}")).collect();
    let expected = [
        r#"account.password "***" default"#,
        r#"account.user "42" environment variable ACCOUNT__USER"#,
        r#"numbers.bind "127.0.0.1:7776" default"#,
        "numbers.rate 3.0 --set numbers.rate",
    ];
    assert_eq!(origins, expected);
}

#[test]
fn everything_that_is_wrong_is_reported_together_each_with_its_place() {
    let file = File::new("[numbers]\nrate = 0\n\n[account]\nuser = 5\n");
    let expected = ["5: account.user: must be a text, in quotes", "2: numbers.rate: must be above 0"];
    assert_eq!(refused(&file, &[], &[]), expected);

    file.write("[numbers]\nrate = 1\nrade = 2\n\n[nunbers]\n");
    let expected = [
        "3: numbers.rade: unknown; [numbers] has bind, rate",
        "5: nunbers: unknown; the sections are [numbers], [account]",
    ];
    assert_eq!(refused(&file, &[], &[]), expected);

    file.write("[numbers]\nrate = = 1\n");
    assert!(refused(&file, &[], &[])[0].starts_with("2: "));

    file.write("numbers = 1\n");
    assert_eq!(refused(&file, &[], &[]), ["1: numbers: must be a section: [numbers]"]);

    file.write("");
    let lines = refused(&file, &[("NUMBERS__RATE", "x"), ("NUMBERS__RADE", "1")], &["rate=1", "a.b=1"]);
    let expected = [
        "environment variable NUMBERS__RADE: numbers.rade: unknown; [numbers] has bind, rate",
        "--set rate: a flag has the form section.key=value",
        "--set a.b: a: unknown; the sections are [numbers], [account]",
    ];
    assert_eq!(lines, expected);
    let lines = refused(&file, &[("NUMBERS__RATE", "x")], &[]);
    assert_eq!(lines, ["environment variable NUMBERS__RATE: numbers.rate: invalid type: string \"x\", expected f64"]);

    fs::remove_file(file.path()).unwrap();
    assert_eq!(refused(&file, &[], &[]), [" can't be read: No such file or directory (os error 2)"], "no line");
}

#[test]
fn a_secret_of_any_other_type_is_refused_without_being_quoted() {
    let file = File::new("");
    for value in [
        "7142536475",
        "-7142536475",
        "0x7142536475",
        "71425.36475",
        "7142-12-25",
        "7142-12-25T10:00:00Z",
        "[7142536475]",
        "[\"7142536475\"]",
        "{ is = \"7142536475\" }",
        "{ is = 7142536475 }",
        "true",
        "7142.5364757142536475e999",
        "hunter7142",
        "'7142",
        "\"7142",
        "\"\\7142\"",
        "7142:36475",
    ] {
        file.write(&format!("[account]\n\npassword = {value}\n"));
        let lines = refused(&file, &[], &[]);
        assert!(lines[0].starts_with("3: "), "{value}: {lines:?}");
        assert!(!format!("{lines:?}").contains("7142"), "{value}: {lines:?}");
    }
    file.write("[account]\npassword = 7142\n");
    assert_eq!(refused(&file, &[], &[]), ["2: account.password: must be a text, in quotes"]);
    file.write("");
    for flag in ["account.password:7142", "account.password 7142", "account.password", "=7142", "account.passwort=7142"]
    {
        let lines = refused(&file, &[("ACCOUNT__PASSWORT", "7142")], &[flag]);
        assert!(!format!("{lines:?}").contains("7142"), "{flag}: {lines:?}");
    }
}

#[test]
fn no_debug_text_of_settings_contains_a_value_of_the_environment_or_a_flag() {
    let environment = BTreeMap::from([
        ("ACCOUNT_PASSWORD".to_owned(), "s3cret".to_owned()),
        ("NUMBERS__RATE".to_owned(), "1".to_owned()),
        ("OF_ANOTHER_PROGRAM".to_owned(), "s3cret".to_owned()),
    ]);
    let flags = vec!["account.password=s3cret".to_owned()];
    let sources = Sources { environment, flags, ..Sources::default() };
    let settings = Settings::load(sections(), sources.clone()).unwrap();
    let launched = launch("idle", Idle).settings(settings.clone());
    let shown = format!("{sources:?} {settings:?} {:?} {launched:#?}", settings.effective());
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(shown.contains("ACCOUNT_PASSWORD") && shown.contains("account.password"), "{shown}");
}

/// Does nothing.
#[derive(Debug)]
struct Idle;

impl Service for Idle {
    type Handle = ();

    async fn run(self, _scope: Scope<()>) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn blanks_and_newlines_around_a_variable_or_flag_are_not_part_of_its_value() {
    let file = File::new("");
    let environment = BTreeMap::from([
        ("NUMBERS__BIND".to_owned(), " 127.0.0.1:1\r\n".to_owned()),
        ("NUMBERS__RATE".to_owned(), "2\n".to_owned()),
        ("ACCOUNT_PASSWORD".to_owned(), "a b\n".to_owned()),
    ]);
    let flags = vec!["account.user= me\n".to_owned()];
    let settings = Settings::load(sections(), Sources { environment, flags, ..file.sources() }).unwrap();
    assert_eq!((numbers(&settings).get().rate, numbers(&settings).get().bind.port()), (2.0, 1));
    let account = settings.live::<Account>().unwrap().get();
    assert_eq!((account.password.reveal(), account.user.as_str()), ("a b", "me"));
}

#[test]
fn a_reload_changes_all_sections_together_and_says_which_keys() {
    let file = File::new("[numbers]\nrate = 1\n");
    let settings = file.load();
    file.write("[numbers]\nrate = 2\n[account]\nuser = \"me\"\n");
    let reloaded = settings.reload().unwrap();
    assert_eq!((reloaded.generation, settings.generation()), (2, 2));
    assert_eq!(reloaded.changed, ["account.user", "numbers.rate"]);
    assert_eq!(numbers(&settings).get().rate, 2.0);
}

#[test]
fn a_reload_with_anything_wrong_changes_nothing() {
    let file = File::new("[numbers]\nrate = 1\n");
    let settings = file.load();
    for text in
        ["[numbers]\nrate = 2\n[account]\nuser = 5\n", "[numbers\n", "[numbers]\nrate = 2\nbind = \"0.0.0.0:1\"\n"]
    {
        file.write(text);
        settings.reload().unwrap_err();
        assert_eq!((settings.generation(), numbers(&settings).get().rate), (1, 1.0), "{text}");
    }
    let refused = settings.reload().unwrap_err().refused;
    assert_eq!((refused[0].key.as_str(), refused.len()), ("numbers.bind", 1));
    assert!(refused[0].origin.ends_with(":3"), "{refused:?}");
}

#[test]
fn a_key_that_was_removed_has_its_default_again() {
    let file = File::new("[numbers]\nrate = 1\n");
    let settings = file.load();
    file.write("");
    assert_eq!(settings.reload().unwrap().changed, ["numbers.rate"]);
    assert_eq!(numbers(&settings).get().rate, 60.0);
}

#[test]
fn a_secret_is_never_shown_and_yet_its_change_is_noticed() {
    let file = File::new("[account]\npassword = \"old\"\n");
    let settings = file.load();
    let account = settings.live::<Account>().unwrap();
    file.write("[account]\npassword = \"new\"\n");
    assert_eq!(settings.reload().unwrap().changed, ["account.password"]);
    assert_eq!(account.get().password.reveal(), "new");
    let shown = format!("{:?} {:?}", account.get(), settings.effective());
    assert!(!shown.contains("new") && !shown.contains("old"), "{shown}");
}

/// A section of which nothing may change while the program runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Session {
    /// What sessions are signed with
    key: Secret,
    hours: Option<u32>,
}

impl Section for Session {
    const NAME: &'static str = "session";
}

#[test]
fn a_changed_key_that_is_not_live_needs_a_restart_also_a_secret_one() {
    let file = File::new("[session]\nkey = \"old\"\n");
    let settings = Settings::load(Sections::new().with::<Session>(), file.sources()).unwrap();
    let cases = [
        ("[session]\nkey = \"new\"\n", vec!["session.key"]),
        ("", vec!["session.key"]),
        ("[session]\nkey = \"old\"\nhours = 1\n", vec!["session.hours"]),
        ("[session]\nkey = \"new\"\nhours = 1\n", vec!["session.hours", "session.key"]),
    ];
    for (text, keys) in cases {
        file.write(text);
        let mut refused = settings.reload().unwrap_err().refused;
        refused.sort_by(|a, b| a.key.cmp(&b.key));
        assert_eq!(refused.iter().map(|refusal| refusal.key.as_str()).collect::<Vec<_>>(), keys, "{text}");
        let shown = format!("{refused:?} {settings:?}");
        assert!(!shown.contains("old") && !shown.contains("\"new\""), "{shown}");
    }
    file.write("[session]\nkey = \"old\"\n");
    assert_eq!(settings.reload().unwrap().changed, [""; 0], "nothing differs");
}

#[tokio::test]
async fn a_change_wakes_only_those_who_wait_for_the_changed_section() {
    let file = File::new("");
    let settings = file.load();
    let (mut numbers, mut account) = (numbers(&settings), settings.live::<Account>().unwrap());
    let (changed, untouched) = tokio::join!(
        timeout(Duration::from_secs(25), numbers.changed()),
        timeout(Duration::from_millis(300), async {
            file.write("[numbers]\nrate = 2\n");
            settings.reload().unwrap();
            account.changed().await
        })
    );
    assert_eq!(changed.unwrap().rate, 2.0);
    untouched.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_is_waited_for_is_rescheduled_when_its_period_changes() {
    let file = File::new("[numbers]\nrate = 1\n");
    let settings = file.load();
    let mut timer = numbers(&settings).every(|numbers| Duration::from_secs_f64(60.0 / numbers.rate));
    let began = Instant::now();
    let reload = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        file.write("[numbers]\nrate = 600\n");
        settings.reload().unwrap();
    };
    tokio::join!(timer.tick(), reload);
    assert_eq!(began.elapsed().as_secs(), 2, "and not 60");
    timer.tick().await;
    assert_eq!(began.elapsed().as_millis() / 100, 21);
}

#[tokio::test]
async fn a_section_that_the_program_does_not_have_is_an_error_that_says_so() {
    struct Asks;

    impl Service for Asks {
        type Handle = ();

        async fn run(self, scope: Scope<()>) -> Result<(), Error> {
            scope.settings::<Account>()?;
            Ok(())
        }
    }

    let only_numbers = Settings::load(Sections::new().with::<Numbers>(), Sources::default()).unwrap();
    for settings in [Settings::default(), only_numbers] {
        let error = launch("root", Asks).settings(settings).start().ready().await.unwrap_err().to_string();
        assert!(error.starts_with("root: there is no section [account] in this program's settings"), "{error}");
    }
}

#[test]
fn every_setting_is_described_with_its_type_default_doc_comment_and_variables() {
    let described: Vec<_> = sections().with::<Session>().describe().iter().map(ToString::to_string).collect();
    let expected = [
        "numbers.bind (string, default \"127.0.0.1:7776\")\n    Where to listen\n    variable NUMBERS__BIND",
        "numbers.rate (number, default 60.0, changes on reload)\n    Numbers a minute\n    variable NUMBERS__RATE",
        "account.password (string, no default, changes on reload)\n    The password\n    \
         variables ACCOUNT__PASSWORD, ACCOUNT_PASSWORD",
        "session.hours (integer or null, no default)\n    \n    variable SESSION__HOURS",
    ];
    for setting in expected {
        assert!(described.contains(&setting.to_owned()), "{setting} in {described:#?}");
    }
    assert_eq!(described.len(), 6);
}

/// A section that must be set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Broker {
    /// The name of the client
    client_id: String,
    retries: u8,
}

impl Section for Broker {
    const NAME: &'static str = "broker";

    fn check(&self) -> Vec<Problem> {
        let example = format!("CLIENT_ID={PROGRAM}-1");
        required("client_id", !self.client_id.is_empty(), &example).into_iter().collect()
    }
}

#[test]
fn a_setting_that_must_be_set_is_described_and_refused_as_such() {
    let sections = Sections::new().with::<Broker>();
    let described: Vec<_> = sections.describe().iter().map(ToString::to_string).collect();
    assert!(described[0].starts_with("broker.client_id (string, must be set)\n"), "{described:?}");
    assert!(described[1].starts_with("broker.retries (integer, default 0)\n"), "{described:?}");
    let refused = Settings::load(sections, Sources::default()).unwrap_err();
    assert_eq!(refused.to_string(), "broker.client_id: must be set: CLIENT_ID=service-1");
}

#[test]
fn the_description_of_a_setting_is_data() {
    let described = serde_json::to_value(sections().describe()).unwrap();
    let password = described.as_array().unwrap().iter().find(|setting| setting["key"] == "password").unwrap();
    let expected = serde_json::json!({
        "section": "account",
        "key": "password",
        "type": ["string"],
        "default": null,
        "required": false,
        "help": "The password",
        "variables": ["ACCOUNT__PASSWORD", "ACCOUNT_PASSWORD"],
        "live": true,
    });
    assert_eq!(*password, expected);
}
