//! No program shows a password or a key, wherever it was written: each command is run with a secret in each place, and all
//! that it prints, logs and answers is searched.

mod programs;
mod servers;

use std::path::Path;

use clap::Parser;
use service::settings::{Settings, Sources};
use testkit::{Api, free_port};
use ticketing::{Options, PROGRAMS};

use self::programs::{Run, SERVICES, sought};
use self::servers::{STRIPE_KEY, Servers};

/// A part of every secret.
const MARK: &str = "hunter2marked";

/// The same, where a number is written in place of a text.
const DIGITS: &str = "71425364";

/// All that can be logged.
const LOG: &str = "trace";

/// Commands of a service that need no program that runs.
const ALONE: [&str; 5] = ["config check", "config show", "config help", "config help --json", "--help"];

#[test]
fn a_service_that_runs_shows_no_secret_in_status_settings_answers_and_log() {
    let servers = Servers::start();
    for service in SERVICES {
        let folder = tempfile::tempdir().unwrap();
        let admin = format!("127.0.0.1:{}", free_port());
        let api = format!("127.0.0.1:{}", free_port());
        let run = Run::of(service).rundir(folder.path()).envs(&servers.right(service)).env("HTTP__BIND", &api).log(LOG);
        ALONE.into_iter().for_each(|command| drop(run.sought(command)));
        let flag = format!("--set session.jwt_key={MARK} config show");
        assert_eq!(run.sought(&flag).is_ok(), has_variable(service, "JWT_KEY"), "the flag is one of its settings");
        run.sought(&format!("start --admin {admin}")).unwrap();
        for command in ["status", "status --json", "logs -n 9999", "reload", "restart", "start", "config show"] {
            drop(run.sought(command));
        }
        let admin = Api { address: admin.parse().unwrap() };
        let api = Api { address: api.parse().unwrap() };
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            for path in ["/readyz", "/services", "/config", "/metrics"] {
                sought(path, &admin.get(path, "").await.body);
            }
            if service == "auth" {
                sign_up(&api).await;
            }
        });
        run.sought("stop").unwrap();
        sought("the log", &log_in(folder.path()));
    }
}

/// Signs up, and tries what does not succeed: a password is in no answer.
async fn sign_up(api: &Api) {
    for path in ["/api/users/signup", "/api/users/signup", "/api/users/signin"] {
        for body in [
            format!(r#"{{"email":"a@example.com","password":"{MARK}"}}"#),
            format!(r#"{{"email":"{MARK}","password":["{MARK}"]}}"#)
                .replace(&format!(r#""email":"{MARK}""#), r#""email":7"#),
            format!(r#"{{"email":"a@example.com","password":"{MARK}"#),
            format!(r#"{{"email":"a@example.com","password":{DIGITS}}}"#),
        ] {
            let request = format!(
                "POST {path} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let answer = api.try_raw(request.as_bytes()).await.unwrap();
            sought(path, &answer.body);
        }
    }
}

/// Whether a service has a setting with this variable.
fn has_variable(service: &str, variable: &str) -> bool {
    let mut programs = PROGRAMS.iter().chain([&bank::PROGRAM]);
    let program = programs.find(|program| program.declaration.name == service).unwrap();
    let settings = (program.declaration.sections)().describe();
    settings.iter().any(|setting| setting.variables.iter().any(|name| name == variable))
}

fn log_in(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let logs = entries.filter(|path| path.extension().is_some_and(|is| is == "log"));
    let texts: Vec<_> = logs.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert!(texts.concat().contains("\"level\":\"DEBUG\""), "everything is logged");
    texts.concat()
}

#[test]
fn a_service_that_refuses_its_settings_quotes_no_secret() {
    let fine = [
        ("BANK__KEY", STRIPE_KEY),
        ("STRIPE_KEY", STRIPE_KEY),
        ("JWT_KEY", MARK),
        ("MONGO_URI", "mongodb://localhost/x"),
        ("NATS_URL", "nats://localhost"),
        ("NATS_CLUSTER_ID", "ticketing"),
        ("NATS_CLIENT_ID", "a"),
    ];
    for service in SERVICES {
        let folder = tempfile::tempdir().unwrap();
        let run = Run::of(service).rundir(folder.path()).log(LOG).envs(&fine);
        for (variable, value) in WRONG {
            if !has_variable(service, variable) {
                continue;
            }
            let run = run.clone().env(variable, value);
            for command in ["config check", "config show", "run", "start", "restart"] {
                run.sought(command).expect_err(value);
            }
        }
        let file = folder.path().join("settings.toml");
        let with_file = run.clone().without(&["JWT_KEY", "MONGO_URI", "NATS_URL"]);
        for written in WRITTEN {
            std::fs::write(&file, written).unwrap();
            for command in ["config check", "config show", "run", "restart"] {
                with_file.sought(&format!("--config {} {command}", file.display())).expect_err(written);
            }
        }
        for flag in ["session.jwt_key:MARK", "session.jwt_key;MARK", "nats.uri=MARK", "nats.url=x://u:MARK@h", "=MARK"]
        {
            run.sought(&format!("--set {} config check", flag.replace("MARK", MARK))).expect_err(flag);
        }
        run.clone().env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:hunter2marked@h").sought("config check").unwrap_err();
        let headers = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2marked\n,=,a b=hunter2marked"),
        ];
        drop(run.envs(&headers).sought("config check"));
    }
}

/// Values that are refused, each with a secret.
const WRONG: &[(&str, &str)] = &[
    ("MONGO_URI", "mongodb://u:hunter2marked@:port/x"),
    ("MONGO_URI", "mongodb://u:hunter2marked/y@h/x"),
    ("MONGO_URI", "mongodb://u:hunter2%marked%zz@h/x"),
    ("MONGO_URI", "mongodb://u:hunter2marked@h/x?tls=hunter2marked"),
    ("MONGO_URI", "mongodb+srv://u:hunter2marked@h/x"),
    ("MONGO_URI", "hunter2marked://u:hunter2marked@h/x"),
    ("MONGO_URI", "u:hunter2marked@h/x"),
    ("MONGO_URI", "mongodb://u:hunter2marked?y@h/x"),
    ("MONGO_URI", "mongodb://u:hunter2marked/x"),
    ("NATS_URL", "nats://u:hunter2marked@h:99999"),
    ("NATS_URL", "nats://u:hunter2marked@:4222"),
    ("NATS_URL", "http://u:hunter2marked@h"),
    ("NATS_URL", "nats://u:hunter2marked@h,x://u:hunter2marked@h"),
    ("NATS_URL", "nats://hunter2marked@h h"),
    ("NATS_URL", "nats://u:hunter2marked"),
    ("STRIPE_KEY", "pk_test_hunter2marked"),
    ("STRIPE_KEY", "sk_test_ hunter2marked"),
    ("STRIPE_URL", "https://u:hunter2marked@h"),
    ("STRIPE_URL", "http://hunter2marked@h/"),
    ("STRIPE_WEBHOOK_SECRET", "hunter2marked"),
    ("BANK__KEY", "hunter2marked"),
];

/// Files that are refused, each with a secret.
const WRITTEN: &[&str] = &[
    "[session]\njwt_key = 71425364\n",
    "[session]\njwt_key = 71425364.5\n",
    "[session]\njwt_key = [\"hunter2marked\"]\n",
    "[session]\njwt_key = { is = \"hunter2marked\" }\n",
    "[session]\njwt_key = hunter2marked\n",
    "[session]\njwt_key = \"hunter2marked\n",
    "[session]\njwt_kei = \"hunter2marked\"\n",
    "session = \"hunter2marked\"\n",
    "[payments]\nstripe_key = 71425364\n[bank]\nkey = 71425364\n",
    "[payments]\nstripe_kei = \"hunter2marked\"\n[bank]\nkei = \"hunter2marked\"\n",
    "[mongo]\nuri = 71425364\n[nats]\nurl = 71425364\n",
    "[mongo]\nuri = \"mongodb://u:hunter2marked@:x/y\"\n[nats]\nurl = \"http://u:hunter2marked@h\"\n",
];

#[test]
fn a_server_that_refuses_a_login_is_reported_without_it() {
    let servers = Servers::start();
    let (nats, mongo) = servers.wrong();
    let folder = tempfile::tempdir().unwrap();
    let expiration = Run::of("expiration").rundir(folder.path()).envs(&servers.right("expiration")).log(LOG);
    expiration.env("NATS_URL", &nats).sought("run").unwrap_err();
    let auth = Run::of("auth").rundir(folder.path()).envs(&servers.right("auth")).log(LOG);
    auth.env("MONGO_URI", &mongo).env("HTTP__BIND", "127.0.0.1:0").sought("run").unwrap_err();
}

#[test]
fn the_application_and_the_operators_tool_show_no_secret() {
    let servers = Servers::start();
    let right = servers.right("ticketing");
    let data = tempfile::tempdir().unwrap();
    let run = Run::of("ticketing").envs(&right).log(LOG);
    let listen = format!("--listen 127.0.0.1:0 --data-dir {}", data.path().display());
    run.sought_until(&listen, "Ctrl-C stops it.");
    let given = |name: &str| right.iter().find(|(variable, _)| *variable == name).unwrap().1.clone();
    let flags =
        format!("{listen} --jwt-key {MARK} --nats-url {} --mongo-uri {}", given("NATS_URL"), given("MONGO_URI"));
    Run::of("ticketing").log(LOG).sought_until(&flags, "Ctrl-C stops it.");
    for command in ["--help", "services", "services --json", "measure"] {
        drop(run.sought(command));
    }
    for program in ["ticketing", "operator"] {
        let run = Run::of(program).envs(&right).log(LOG);
        for command in ["ls", "ls --json", "dlq ls", "dlq redrive --all", "describe", "audit", "audit --json", "--help"]
        {
            drop(run.sought(&format!("bus {command}")));
        }
        for command in ["replay orders-service", "replay nobody", "audit --help", "ls --help", "tail --help"] {
            drop(run.sought(&format!("bus {command}")));
        }
        for command in ["ls", "ls --json", "audit", "audit --json", "audit --help", "audit --stripe-url http://x"] {
            drop(run.sought(&format!("payments {command}")));
        }
        run.clone().env("STRIPE_KEY", "sk_test_not-hunter2marked").sought("payments audit").unwrap_err();
        Run::of(program).sought_all(&["payments", "audit", "--stripe-url", "https://u:hunter2marked@h"]).unwrap_err();
        run.clone().env("NATS_URL", &servers.wrong().0).sought("bus ls").unwrap_err();
        run.clone().env("MONGO_URI", &servers.wrong().1).sought("bus audit").unwrap_err();
    }
    for (_, value) in WRONG.iter().filter(|(variable, _)| *variable == "MONGO_URI") {
        let run = run.clone().env("MONGO_URI", value);
        run.sought("bus audit").expect_err(value);
        run.sought(&listen).expect_err(value);
        Run::of("ticketing").log(LOG).sought_all(&["bus", "audit", "--mongo-uri", value]).expect_err(value);
        Run::of("ticketing").log(LOG).sought_all(&["--mongo-uri", value]).expect_err(value);
    }
    let endpoint = "http://u:hunter2marked@h:4318";
    Run::of("ticketing").sought_all(&["--otlp-endpoint", endpoint]).unwrap_err();
    Run::of("ticketing").env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).sought("").unwrap_err();
}

#[test]
fn the_experiments_show_no_secret() {
    let servers = Servers::start();
    let url = servers.right("publish").iter().find(|(variable, _)| *variable == "NATS_URL").unwrap().1.clone();
    let run = Run::of("publish").env("NATS_URL", &url).log(LOG);
    run.sought("").unwrap();
    Run::of("publish").log(LOG).sought_all(&["--url", &url]).unwrap();
    Run::of("listen").env("NATS_URL", &url).log(LOG).sought_until("", "");
    Run::of("publish").log(LOG).env("NATS_URL", &servers.wrong().0).sought("").unwrap_err();
}

#[test]
fn the_library_of_the_broker_logs_no_login() {
    let servers = Servers::start();
    let right = servers.right("publish");
    let run = Run::of("publish").envs(&right);
    let wrong = run.clone().env("NATS_URL", &servers.wrong().0);
    for log in ["debug", "trace"] {
        run.clone().log(log).sought("").unwrap();
        wrong.clone().log(log).sought("").unwrap_err();
    }
}

#[test]
fn a_refused_url_of_the_broker_is_not_repeated_on_a_command_line() {
    let tools: [(&str, &[&str], &str); 7] = [
        ("ticketing", &[], "--nats-url"),
        ("ticketing", &["bus", "ls"], "--nats-url"),
        ("operator", &["bus", "dlq", "ls"], "--nats-url"),
        ("publish", &[], "--url"),
        ("listen", &[], "--url"),
        ("monitor", &[], "--url"),
        ("accounts", &[], "--url"),
    ];
    for (program, command, option) in tools {
        let run = Run::of(program).log(LOG);
        for (_, value) in WRONG.iter().filter(|(variable, _)| *variable == "NATS_URL") {
            run.clone().env("NATS_URL", value).sought_all(command).expect_err(value);
            run.sought_all(&[command, &[option, value]].concat()).expect_err(value);
        }
        let url = format!("nats://u:{MARK}@h");
        run.env("NATS_URL", &url).sought_all(&[command, &["--help"]].concat()).unwrap();
    }
}

#[test]
fn no_debug_text_of_settings_or_options_contains_a_secret() {
    let environment = [
        ("JWT_KEY", MARK),
        ("MONGO_URI", "mongodb://u:hunter2marked@localhost/x"),
        ("NATS_URL", "nats://u:hunter2marked@localhost"),
        ("STRIPE_KEY", STRIPE_KEY),
        ("STRIPE_WEBHOOK_SECRET", "whsec_hunter2marked"),
        ("BANK__KEY", STRIPE_KEY),
        ("NATS_CLUSTER_ID", "ticketing"),
        ("NATS_CLIENT_ID", "a"),
    ];
    for program in PROGRAMS.into_iter().chain([bank::PROGRAM]) {
        let sections = (program.declaration.sections)();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let has_key = sections.describe().iter().any(|setting| setting.key == "jwt_key");
        let flags = has_key.then(|| format!("session.jwt_key={MARK}")).into_iter().collect();
        let settings = Settings::load(sections, Sources { environment, flags, file: None }).unwrap();
        sought(program.declaration.name, &format!("{settings:?} {:?}", settings.effective()));
    }
    let [(_, key), (_, mongo), (_, nats), ..] = environment;
    let options = ["ticketing", "--jwt-key", key, "--mongo-uri", mongo, "--nats-url", nats];
    sought("the options", &format!("{:?}", Options::parse_from(options)));
    for command in [["ls", "--nats-url", nats], ["audit", "--mongo-uri", mongo]] {
        sought("the options", &format!("{:?}", Options::parse_from(["ticketing", "bus"].into_iter().chain(command))));
    }
}

#[test]
fn programs_without_secrets_do_not_show_those_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::of("number-server")
        .rundir(folder.path())
        .env("JWT_KEY", MARK)
        .env("NUMBERS__BIND", "127.0.0.1:0")
        .log("trace");
    for command in ALONE.into_iter().chain(["start", "status", "restart", "reload", "stop"]) {
        run.sought(command).unwrap();
    }
}
