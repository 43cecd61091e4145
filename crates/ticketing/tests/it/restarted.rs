//! A server that the application has started is killed, and the application goes on.

use std::fs;
use std::net::TcpStream;
use std::path::Path;

use devstack::{Sources, Tool, find};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use testkit::{Api, until};

use crate::process::{Program, ticketing};

/// The process id of the nats-server with this data: it names the file of its ports by it.
fn nats_server(data: &Path) -> Option<i32> {
    let names = fs::read_dir(data.join("nats")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names = names.filter_map(|name| name.into_string().ok());
    names.find_map(|name| name.strip_prefix("nats-server_")?.strip_suffix(".ports")?.parse().ok())
}

/// The process id of the mongod with this data.
fn mongod(data: &Path) -> Option<i32> {
    fs::read_to_string(data.join("mongo/mongod.lock")).ok()?.trim().parse().ok()
}

/// `kill -9`, and waits until another process is in its place.
async fn kill_and_wait(data: &Path, server: fn(&Path) -> Option<i32>) {
    let killed = server(data).unwrap();
    kill(Pid::from_raw(killed), Signal::SIGKILL).unwrap();
    until("another server is in its place", || async { server(data).is_some_and(|now| now != killed) }).await;
}

#[tokio::test]
async fn a_killed_broker_or_database_is_started_again_and_the_application_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let mut program = Program::start(data.path(), &[]);
    let api = Api { address: program.api() };
    let person = json!({ "email": "test@test.com", "password": "password" });
    let session = api.post("/api/users/signup", &person).await.cookie();
    for (title, server) in [("kept by the outbox", nats_server as fn(&Path) -> _), ("kept by the database", mongod)] {
        let ticket = json!({ "title": title, "price": 20 });
        let ticket = api.send("POST", "/api/tickets", &session, &ticket).await.expect(201)["id"].clone();
        kill_and_wait(data.path(), server).await;
        let order = json!({ "ticketId": ticket });
        let reserved = async || api.send("POST", "/api/orders", &session, &order).await.status == 201;
        until("the other service knows the ticket", reserved).await;
        until("and this one the order", || async { api.get("/api/tickets", "").await.body == "[]" }).await;
    }
    for server in ["nats-server", "mongod"] {
        program.expect_stderr(&format!("servers/{server} is ready again"));
    }
    // Five services use them, and each warning is there once.
    let stderr = program.stderr();
    let mut warnings: Vec<_> = stderr.lines().filter_map(|line| Some(line.split_once(" WARN ")?.1)).collect();
    let all = warnings.len();
    warnings.sort_unstable();
    warnings.dedup();
    assert_eq!(warnings.len(), all, "{stderr}");
    assert_eq!(program.interrupt(), Some(0));
}

/// Without `setpriv`, or any other program, on the path.
#[tokio::test]
async fn a_killed_application_leaves_no_server_behind_whatever_the_system_has() {
    let (data, nothing) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut command = ticketing();
    for tool in [Tool::NATS_SERVER, Tool::MONGOD] {
        let binary = find(&tool, &Sources::from_env(&tool).unwrap()).await.unwrap();
        command.env(tool.variable, binary);
    }
    command.env("PATH", nothing.path()).args(["--free-ports", "--data-dir"]).arg(data.path());
    let mut program = Program::of(command);
    program.wait_until_ready();
    let address = |url: &str| url.split(['/', '?']).nth(2).unwrap().to_owned();
    let servers = [address(program.guided("NATS")), address(program.guided("MongoDB"))];
    for server in &servers {
        TcpStream::connect(server).unwrap();
    }
    program.kill();
    for server in servers {
        until("nobody listens there", || async { TcpStream::connect(&server).is_err() }).await;
    }
    // Its data is free for the next one.
    let program = Program::start(data.path(), &[]);
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test]
async fn a_server_that_is_killed_again_and_again_ends_the_application_with_the_reason() {
    let data = tempfile::tempdir().unwrap();
    let mut program = Program::start(data.path(), &[]);
    for _ in 0..5 {
        kill_and_wait(data.path(), nats_server).await;
    }
    kill(Pid::from_raw(nats_server(data.path()).unwrap()), Signal::SIGKILL).unwrap();
    let (code, said) = program.ended().await;
    assert_eq!(code, Some(1));
    let last = said.last().unwrap();
    assert!(last.starts_with("error: failed again after 5 restarts within 60s: "), "{last}");
    assert!(last.contains("servers/nats-server: the server ended (signal: 9 (SIGKILL))"), "{last}");
}
