//! One more service costs its own code and a line in the list of services: here it runs with all others, alone, and is
//! described.
//!
//! This binary is the test, and also the two programs that it tests, by the name that it is called by.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[expect(unreachable_pub, reason = "the text of a crate: YOUR-OWN-SERVICE.md shows it")]
mod notifications;

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Termination};

use common::Program;
use events::Subject;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use testkit::{Api, Broker, Database, Process, course_environment, free_port, session_for, until, without_settings};
use ticketing::Options;

/// The services of the application, and one more.
const PROGRAMS: [Program; 5] =
    [auth::PROGRAM, tickets::PROGRAM, orders::PROGRAM, expiration::PROGRAM, notifications::PROGRAM];

const APPLICATION: &str = "application-with-notifications";

fn main() -> ExitCode {
    match std::env::args().next().as_deref() {
        Some(APPLICATION) => ticketing::main(Options::read(), &PROGRAMS).report(),
        Some(name) if name == notifications::DECLARATION.name => common::main(notifications::PROGRAM).report(),
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

/// Waits until the seller is informed of this alone.
async fn until_informed(api: Api, seller: &str, text: &str) {
    until("the notification", || async {
        let answer = api.get("/api/notifications", seller).await;
        answer.status == 200 && answer.json() == json!([{ "text": text }])
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

    let person = |email: &str| json!({ "email": email, "password": "password" });
    let seller = api.post("/api/users/signup", &person("seller@test.com")).await.cookie();
    let buyer = api.post("/api/users/signup", &person("buyer@test.com")).await.cookie();
    let ticket = json!({ "title": "concert", "price": 20 });
    let ticket = api.send("POST", "/api/tickets", &seller, &ticket).await.expect(201)["id"].clone();
    until("reserved", || async {
        api.send("POST", "/api/orders", &buyer, &json!({ "ticketId": ticket })).await.status == 201
    })
    .await;
    until_informed(api, &seller, "concert was reserved").await;
    assert_eq!(api.get("/api/notifications", &buyer).await.expect(200), json!([]));
    api.get("/api/notifications", "").await.expect(401);
    assert_eq!(process.interrupt().code, Some(0));
}

async fn alone() {
    let (broker, database, folder) = (Broker::start().await, Database::new(), tempfile::tempdir().unwrap());
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut command = program(notifications::DECLARATION.name);
    command.args(["run", "--rundir"]).arg(folder.path()).env("HTTP__BIND", address.to_string());
    command.envs(course_environment(database.uri(), broker.url(), "notifications-1"));
    let process = Process::start(command);
    let client = broker.connect("tickets-1").await;
    let [ticket, order, seller, buyer] = std::array::from_fn(|_| testkit::unknown_id());
    // The order arrives before its ticket, and waits for it.
    let reserved = json!({
        "id": order, "version": 0, "status": "created", "userId": buyer, "expiresAt": "2030-01-01T00:00:00.000Z",
        "ticket": { "id": ticket, "price": 12 },
    });
    client.publish_to(Subject::OrderCreated, reserved.to_string()).await;
    let sold = json!({ "id": ticket, "version": 0, "title": "film", "price": 12, "userId": seller });
    client.publish_to(Subject::TicketCreated, sold.to_string()).await;
    let api = Api { address };
    until("an answer", || async { std::net::TcpStream::connect(address).is_ok() }).await;
    until_informed(api, &session_for(&seller), "film was reserved").await;
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
    let of_notifications = |list: Value, key: &str| {
        let found = list.as_array().unwrap().iter().find(|service| service[key] == "notifications").cloned();
        found.expect("the service is listed")
    };
    let service = of_notifications(json(&["services", "--json"]), "name");
    assert_eq!(service["prefixes"], json!(["/api/notifications"]));
    let topology = of_notifications(json(&["bus", "describe", "--json"]), "service");
    assert_eq!(topology["publishes"], json!([]));
    let listens = ["ticket:created", "ticket:updated", "order:created"];
    let listens = listens.map(|subject| json!({ "subject": subject, "queueGroup": "notifications-service" }));
    assert_eq!(topology["listens"], json!(listens));
    Ok(())
}
