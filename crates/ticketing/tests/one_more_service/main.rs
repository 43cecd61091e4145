//! One more service costs its own code and a line in the list of services: here it runs with all others, alone, and is
//! described.
//!
//! This binary is the test, and also the two programs that it tests, by the name that it is called by.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod notices;

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Termination};

use common::Program;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use testkit::{Api, Broker, Database, Process, course_environment, free_port, until, without_settings};
use ticketing::Options;

/// The services of the application, and one more.
const PROGRAMS: [Program; 5] =
    [auth::PROGRAM, tickets::PROGRAM, orders::PROGRAM, expiration::PROGRAM, notices::PROGRAM];

const APPLICATION: &str = "application-with-notices";

fn main() -> ExitCode {
    match std::env::args().next().as_deref() {
        Some(APPLICATION) => ticketing::main(Options::read(), &PROGRAMS).report(),
        Some(name) if name == notices::DECLARATION.name => common::main(notices::PROGRAM).report(),
        _ => libtest_mimic::run(
            &Arguments::from_args(),
            vec![
                Trial::test("it_runs_with_all_others_behind_the_one_origin", || in_a_runtime(composed())),
                Trial::test("it_runs_alone", || in_a_runtime(alone())),
                Trial::test("it_is_described_with_its_listener_and_its_path", described),
            ],
        )
        .exit_code(),
    }
}

fn in_a_runtime(test: impl Future<Output = ()>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(test);
    Ok(())
}

/// This binary, as the program of this name, without what this test's environment may say.
fn program(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg0(name);
    without_settings(&mut command, &PROGRAMS);
    command
}

/// Waits until the titles are listed.
async fn until_listed(api: Api, titles: &[&str]) {
    until("the notices", || async {
        let answer = api.get("/api/notices", "").await;
        answer.status == 200 && answer.json() == json!(titles)
    })
    .await;
}

async fn composed() {
    let data = tempfile::tempdir().unwrap();
    let mut command = program(APPLICATION);
    command.args(["--free-ports", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
    let mut process = Process::start(command);
    let guide = process.lines_until("Ctrl-C stops it.");
    let address = guide.lines().find_map(|line| line.strip_prefix("  API         http://")).unwrap();
    let address = address.strip_suffix("/api/tickets").unwrap();
    let api = Api { address: address.parse().unwrap() };

    let person = json!({ "email": "test@test.com", "password": "password" });
    let session = api.post("/api/users/signup", &person).await.cookie();
    api.send("POST", "/api/tickets", &session, &json!({ "title": "concert", "price": 20 })).await.expect(201);
    until_listed(api, &["concert"]).await;
    assert_eq!(process.interrupt().code, Some(0));
}

async fn alone() {
    let (broker, database, folder) = (Broker::start().await, Database::new(), tempfile::tempdir().unwrap());
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut command = program(notices::DECLARATION.name);
    command.args(["run", "--rundir"]).arg(folder.path()).env("HTTP__BIND", address.to_string());
    command.envs(course_environment(database.uri(), broker.url(), "notices-1"));
    let process = Process::start(command);
    let client = broker.connect("tickets-1").await;
    let id = testkit::unknown_id();
    client.publish(format!(r#"{{"id":"{id}","version":0,"title":"film","price":12,"userId":"{id}"}}"#)).await;
    let api = Api { address };
    until("an answer", || async { std::net::TcpStream::connect(address).is_ok() }).await;
    until_listed(api, &["film"]).await;
    assert_eq!(process.interrupt().code, Some(0));
    client.close().await;
    broker.stop().await;
}

fn described() -> Result<(), Failed> {
    let json = |arguments: &[&str]| -> Value {
        let output = program(APPLICATION).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let of_notices = |list: Value, key: &str| {
        let found = list.as_array().unwrap().iter().find(|service| service[key] == "notices").cloned();
        found.expect("the service is listed")
    };
    let service = of_notices(json(&["services", "--json"]), "name");
    assert_eq!(service["prefixes"], json!(["/api/notices"]));
    let topology = of_notices(json(&["bus", "describe", "--json"]), "service");
    assert_eq!(topology["publishes"], json!([]));
    assert_eq!(topology["listens"], json!([{ "subject": "ticket:created", "queueGroup": "notices-service" }]));
    Ok(())
}
