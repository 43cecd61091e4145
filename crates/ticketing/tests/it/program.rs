//! What a person sees who runs it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use testkit::{Api, LIMIT, until};

use crate::process::{Program, run, ticketing};

#[test]
fn the_smoke_run_goes_through_selling_and_buying_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let output = run(&["--smoke"], temporary.path());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    for step in [
        "two people have signed up",
        "one sells a ticket: ticket:created",
        "the other reserves it: order:created, ticket:updated",
        "and can't reserve it twice",
        "cancels: order:cancelled, ticket:updated",
        "reserves it again, for two seconds: order:created, ticket:updated",
        "and lets it expire: expiration:complete, order:cancelled, ticket:updated",
        "reserves it once more and pays: order:created, ticket:updated, payment:created",
        "the ticket is sold, and nothing else was published",
        "and the pages show it so",
    ] {
        assert!(said.contains(step), "{step} is missing: {said}");
    }
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn the_lines_that_are_printed_work_when_they_are_pasted_in_order_and_again_in_the_next_run() {
    let data = tempfile::tempdir().unwrap();
    let shell = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let program = Program::start(data.path(), &[]);
        let lines: Vec<_> = program
            .guide
            .lines()
            .skip_while(|line| !line.starts_with("Open the pages in a browser to sell and buy"))
            .collect();
        let lines: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("  ")).collect();
        let said: Vec<_> = lines.iter().map(|line| pasted(line, shell.path())).collect();
        let said: Vec<_> = said.iter().map(String::as_str).collect();
        let json = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}: {said:?}"));
        let [seller, sold, listed, buyer, ordered, shown, refused, status, again, paid, orders] = said[..] else {
            panic!("{said:?}")
        };
        assert_eq!(json(sold)["version"], 0);
        assert_eq!(json(ordered)["ticket"]["id"], json(sold)["id"]);
        assert!(json(seller)["email"].as_str().unwrap().starts_with("seller-"));
        assert_eq!(json(listed).as_array().unwrap().last().unwrap()["version"], 0);
        assert!(json(buyer)["email"].as_str().unwrap().starts_with("buyer-"));
        assert_eq!((&json(ordered)["status"], &json(shown)["status"]), (&json!("created"), &json!("created")));
        // Whether the lock has arrived already is the bus's affair.
        let refused = json(refused);
        assert!(refused["price"] == 25 || refused["errors"][0]["message"] == "Cannot edit a reserved ticket");
        assert_eq!(status, "204");
        assert_eq!(json(orders)[0]["status"], "cancelled");
        assert_eq!((&json(orders)[1]["id"], json(paid)["id"].is_string()), (&json(again)["id"], true));
        assert_eq!(program.interrupt(), Some(0));
    }
}

/// What a line prints. A person is slower than an event, so it is pasted again while the record has not arrived.
fn pasted(line: &str, folder: &Path) -> String {
    let paste = || {
        let pasted = Command::new("sh").args(["-c", line]).current_dir(folder).output().unwrap();
        String::from_utf8(pasted.stdout).unwrap().trim().to_owned()
    };
    let end = Instant::now() + LIMIT;
    loop {
        let said = paste();
        if !said.contains("Not Found") || Instant::now() > end {
            return said;
        }
    }
}

#[tokio::test]
async fn data_and_sessions_last_between_runs_until_a_fresh_start() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let api = Api { address: program.api() };
    let person = json!({ "email": "test@test.com", "password": "password" });
    let session = api.post("/api/users/signup", &person).await.cookie();
    let body = json!({ "title": "concert", "price": 20 });
    let ticket = api.send("POST", "/api/tickets", &session, &body).await.expect(201);
    assert_eq!(program.interrupt(), Some(0));

    let program = Program::start(data.path(), &[]);
    let api = Api { address: program.api() };
    assert_eq!(api.get("/api/users/currentuser", &session).await.json()["currentUser"]["email"], "test@test.com");
    assert_eq!(api.get("/api/tickets", "").await.json()[0]["id"], ticket["id"]);
    let order = json!({ "ticketId": ticket["id"] });
    until("it can be ordered", || async { api.send("POST", "/api/orders", &session, &order).await.status == 201 })
        .await;
    assert_eq!(program.interrupt(), Some(0));

    let mut program = Program::start(data.path(), &["--fresh"]);
    program.expect_stderr(&format!("emptied {}", data.path().display()));
    let api = Api { address: program.api() };
    assert_eq!(api.get("/api/users/currentuser", &session).await.body, r#"{"currentUser":null}"#);
    assert_eq!(api.get("/api/tickets", "").await.body, "[]");
    let ended = program.end();
    assert_eq!((ended.code, ended.stderr), (Some(0), vec!["Stopping…".to_owned()]));
}

#[test]
fn a_busy_address_or_folder_is_an_error_that_names_the_option() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let output = run(&["--free-ports", "--listen", &address, "--data-dir", folder], data.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(&format!("can't listen on {address}: choose another address with --listen")), "{said}");

    let program = Program::start(data.path(), &[]);
    let output = run(&["--free-ports", "--listen", "127.0.0.1:0", "--data-dir", folder], data.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("the application runs already: process "), "{said}");
    assert!(said.ends_with("another beside it: cargo run -- --free-ports --data-dir OTHER\n"), "{said}");
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test]
async fn each_usual_port_that_is_busy_is_replaced_by_a_free_one_with_a_warning_that_says_what_follows() {
    // A port that somebody else has is busy as well.
    let _busy = [3000, 4222, 8222, 27017].map(|port| TcpListener::bind(("127.0.0.1", port)));
    let data = tempfile::tempdir().unwrap();
    let mut command = ticketing();
    command.arg("--data-dir").arg(data.path());
    let mut program = Program::of(command);
    program.wait_until_ready();
    assert_eq!(Api { address: program.api() }.get("/api/tickets", "").await.body, "[]");
    let (nats, monitoring) = (program.guided("NATS").to_owned(), program.guided("monitoring").to_owned());
    assert_eq!(program.guided("See the events meanwhile:"), format!("cargo run -- bus tail --nats-url {nats}"));
    for (port, consequence) in [
        (3000, format!("the APIs are at http://{}", program.api())),
        (4222, format!("NATS is at {nats}; give other commands --nats-url {nats}")),
        (8222, format!("the monitoring pages of NATS are at {monitoring}")),
        (27017, format!("give other commands --mongo-uri '{}'", program.guided("MongoDB"))),
    ] {
        let stderr = program.stderr();
        let warning = stderr.lines().find(|line| line.contains(&format!("WARN port {port} is busy: ")));
        assert!(warning.is_some_and(|warning| warning.ends_with(&consequence)), "{port}: {stderr}");
    }
    assert_eq!(program.interrupt(), Some(0));
}

#[test]
fn an_address_without_a_port_and_a_place_where_no_data_can_be_are_refused_with_what_would_do() {
    let data = tempfile::tempdir().unwrap();
    for listen in ["3000", "localhost:3000", ":3000", "127.0.0.1"] {
        let output = run(&["--listen", listen], data.path());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("expected an IP address with a port, as 127.0.0.1:3000"), "{said}");
    }
    let file = data.path().join("file");
    fs::write(&file, "").unwrap();
    for (folder, reason) in [(file.clone(), "is a file, and not a folder"), (file.join("below"), "Not a directory")] {
        let output = run(&["--data-dir", folder.to_str().unwrap()], data.path());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("name another folder with --data-dir") && said.contains(reason), "{said}");
    }
}

#[test]
fn a_fresh_start_removes_nothing_that_is_not_ours_and_nothing_before_it_can_start() {
    let data = tempfile::tempdir().unwrap();
    let mine = data.path().join("mongo").join("mine.txt");
    fs::create_dir_all(mine.parent().unwrap()).unwrap();
    fs::write(&mine, "mine").unwrap();
    let folder = data.path().to_str().unwrap();
    let output = run(&["--fresh", "--free-ports", "--listen", "127.0.0.1:0", "--data-dir", folder], data.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("is not a data folder of ours, so it was not emptied"), "{said}");
    assert_eq!((output.status.code(), mine.exists()), (Some(1), true));
}

#[test]
fn a_named_server_that_is_down_is_an_error_that_names_it_and_the_option() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let options = ["--free-ports", "--listen", "127.0.0.1:0", "--data-dir", folder];
    for (option, value, remedy) in [
        ("--nats-url", "nats://127.0.0.1:1", "no NATS server answers at nats://127.0.0.1:1"),
        ("--nats-url", "nats://127.0.0.1:1", "unset --nats-url / NATS_URL"),
        (
            "--mongo-uri",
            "mongodb://127.0.0.1:1/a",
            "no MongoDB that takes writes answers at 127.0.0.1:1: Connection refused",
        ),
        ("--mongo-uri", "mongodb://127.0.0.1:1", "unset --mongo-uri / MONGO_URI"),
    ] {
        let output = run(&[&options[..], &[option, value]].concat(), data.path());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains(remedy), "{said}");
    }
}

#[test]
fn a_mongo_uri_that_is_invalid_is_refused_without_showing_it() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let options = ["--free-ports", "--listen", "127.0.0.1:0", "--data-dir", folder];
    for (uri, problem) in [
        ("secret", "must begin with mongodb://"),
        ("mongodb://user:secret@h:port", "the port must be an integer"),
        ("mongodb://user:sec@ret@h/shop", "must be percent-encoded"),
        ("mongodb://user:secret@h/sh op", "contains a blank"),
        ("mongodb+srv://user:secret@h/shop", "list the hosts"),
    ] {
        let output = run(&[&options[..], &["--mongo-uri", uri]].concat(), data.path());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains("--mongo-uri / MONGO_URI: ") && said.contains(problem), "{said}");
        assert!(!said.contains("sec") && !said.contains("no MongoDB"), "{said}");
    }
}

#[test]
fn a_debug_build_is_not_measured() {
    let data = tempfile::tempdir().unwrap();
    let output = run(&["measure"], data.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("this is a debug build") && said.contains("cargo build --release -p ticketing"), "{said}");
}
