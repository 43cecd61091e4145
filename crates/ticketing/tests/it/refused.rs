//! What the program of a service refuses, it refuses before anything starts or stops, whatever the command.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use testkit::{LIMIT, Process, free_port, programs};
use ticketing::PROGRAMS;

/// Settings that are fine; nothing answers there, which is no reason to refuse them.
const FINE: [(&str, &str); 7] = [
    ("JWT_KEY", "some-long-secret"),
    ("MONGO_URI", "mongodb://127.0.0.1:1/x"),
    ("NATS_URL", "nats://127.0.0.1:1"),
    ("NATS_CLUSTER_ID", "ticketing"),
    ("NATS_CLIENT_ID", "one"),
    ("HTTP__BIND", "127.0.0.1:0"),
    ("STRIPE_KEY", "sk_test_bank"),
];

/// Settings that are refused, and a part of the reason.
const REFUSED: [(&str, &str, &str); 24] = [
    ("JWT_KEY", "", "session.jwt_key: must be set: JWT_KEY=some-long-secret"),
    ("JWT_KEY", " \n", "session.jwt_key: must be set: JWT_KEY=some-long-secret"),
    ("MONGO_URI", "nonsense", "mongo.uri: must begin with mongodb://"),
    ("MONGO_URI", "mongodb://localhost:27017", "mongo.uri: names no database"),
    ("MONGO_URI", "mongodb://localhost:port/x", "mongo.uri: is not a MongoDB URI"),
    ("NATS_URL", "", "nats.url: must be set: NATS_URL=nats://localhost:4222"),
    ("NATS_URL", "nats://localhost:99999", "nats.url: not the URL of a NATS server"),
    ("NATS_URL", "http://localhost", "nats.url: not the URL of a NATS server"),
    ("NATS_CLUSTER_ID", "a b", "nats.cluster_id: a name has 1 to 64 letters"),
    ("NATS_CLIENT_ID", "a.b", "nats.client_id: a name has 1 to 64 letters"),
    ("NATS_REPLICAS", "2", "nats.replicas: must be 1, 3 or 5"),
    ("NATS_REPLICAS", "300", "nats.replicas: invalid value: integer `300`"),
    ("HTTP__BIND", "localhost", "http.bind: invalid socket address syntax"),
    ("LISTENER_WAIT_SECONDS", "0", "listener.wait_seconds: must be at least 1"),
    ("ORDER_WINDOW_SECONDS", "0", "orders.window_seconds: must be above 0"),
    ("ORDER_WINDOW_SECONDS", "soon", "orders.window_seconds: invalid type: string"),
    ("STRIPE_KEY", "", "payments.stripe_key: must be set: STRIPE_KEY=sk_test_"),
    ("STRIPE_KEY", "pk_test_1", "payments.stripe_key: must be a secret key"),
    ("STRIPE_URL", "http://bank-srv:12111", "payments.stripe_url: must be https"),
    ("STRIPE_URL", "api.stripe.com", "payments.stripe_url: must be an origin"),
    ("STRIPE_ALLOW_HTTP", "2", "payments.stripe_allow_http: must be 1 or 0"),
    ("STRIPE_WEBHOOK_SECRET", "x", "payments.stripe_webhook_secret: must begin with whsec_"),
    ("AUTH__SESSION_HOURS", "0", "auth.session_hours: must be above 0"),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "https://localhost:4318",
        "telemetry.endpoint: not the address of an OTLP collector",
    ),
];

/// Runs a command of a service, with these variables over those that are fine.
fn run(service: &str, folder: &Path, variables: &[(&str, &str)], command: &str) -> (Option<i32>, String) {
    let mut program = Command::new(programs().join(service));
    program.env_clear().envs(FINE).envs(variables.iter().copied());
    let Output { status, stdout, stderr } =
        program.arg("--rundir").arg(folder).args(command.split(' ')).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[test]
fn what_run_refuses_a_check_a_start_and_a_restart_refuse_with_the_same_words() {
    for program in &PROGRAMS {
        let service = program.declaration.name;
        let folder = tempfile::tempdir().unwrap();
        let settings = (program.declaration.sections)().describe();
        assert_eq!(run(service, folder.path(), &[], "config check"), (Some(0), "the settings are fine\n".to_owned()));
        for (variable, value, reason) in REFUSED {
            if !settings.iter().any(|setting| setting.variables.iter().any(|name| name == variable)) {
                continue;
            }
            let expected = run(service, folder.path(), &[(variable, value)], "config check");
            assert!(
                expected.1.contains(&format!("environment variable {variable}: {reason}")),
                "{service}: {expected:?}"
            );
            assert_eq!((expected.0, expected.1.lines().count()), (Some(1), 1), "{service}: {}", expected.1);
            for command in ["run", "config show", "start", "restart"] {
                assert_eq!(
                    run(service, folder.path(), &[(variable, value)], command),
                    expected,
                    "{service}: {command}"
                );
            }
        }
    }
}

#[test]
fn a_client_id_is_advised_that_is_the_services_own() {
    for service in ["tickets", "orders", "expiration"] {
        let folder = tempfile::tempdir().unwrap();
        let (_, refused) = run(service, folder.path(), &[("NATS_CLIENT_ID", "")], "config check");
        assert!(refused.contains(&format!("must be set: NATS_CLIENT_ID={service}-1")), "{refused}");
        let mut bare = Command::new(programs().join(service));
        let refused = bare.env_clear().args(["config", "check"]).output().unwrap();
        let refused = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.contains(&format!("\nnats.client_id: must be set: NATS_CLIENT_ID={service}-1\n")), "{refused}");
    }
}

#[test]
fn a_refused_restart_or_reload_leaves_the_running_program_alone_and_others_need_no_settings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    let admin = format!("127.0.0.1:{}", free_port());
    fs::write(&file, "").unwrap();
    // Without its servers it runs, and is not ready, so nobody waits for a start in the background.
    let mut program = Command::new(programs().join("orders"));
    program.env_clear().envs(FINE).arg("--rundir").arg(folder.path()).args(["--admin", &admin, "--config"]).arg(&file);
    let program = Process::start(program);
    let pid = program.id().to_string();
    let runs = || run("orders", folder.path(), &[], "status --json").1.contains(&format!("\"pid\":{pid},"));
    let deadline = Instant::now() + LIMIT;
    while !runs() {
        assert!(Instant::now() < deadline, "it does not run: {}", program.stderr());
        sleep(Duration::from_millis(20));
    }
    for (variable, value, reason) in [REFUSED[2], REFUSED[3], REFUSED[7], REFUSED[10]] {
        let (code, refused) = run("orders", folder.path(), &[(variable, value)], "restart");
        assert_eq!(code, Some(1), "{refused}");
        assert!(refused.contains(reason), "{refused}");
    }
    for (lines, reason) in [
        ("[orders]\nwindow_seconds = 0\n", REFUSED[14].2),
        ("[listener]\nwait_seconds = 0\n", REFUSED[13].2),
        ("[nats]\nnothing = 1\n", "settings.toml:2: nats.nothing: unknown"),
        ("[mongo]\nuri = 7\n", "settings.toml:2: mongo.uri: must be a text, in quotes"),
    ] {
        fs::write(&file, lines).unwrap();
        let (code, refused) = run("orders", folder.path(), &[], "reload");
        assert_eq!(code, Some(1), "{refused}");
        assert!(refused.contains(reason), "{refused}");
    }
    assert!(runs());
    // Without any settings.
    let bare = |command: &str| {
        let mut program = Command::new(programs().join("orders"));
        program.env_clear().arg("--rundir").arg(folder.path()).args(command.split(' ')).output().unwrap()
    };
    for command in ["status", "status --json", "config help", "--help"] {
        assert!(bare(command).status.success(), "{command}");
    }
    assert!(String::from_utf8(bare("logs").stderr).unwrap().starts_with("error: there is no log at "));
    assert!(bare("stop").status.success());
    assert_eq!(program.end().code, Some(0));
}
