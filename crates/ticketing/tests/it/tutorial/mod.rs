//! `crates/YOUR-OWN-SERVICE.md` is right: its changes fit the sources, and lead to a service that is built and run.

mod numbers;
mod page;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use exercises::{Checked, Test, Workbench};
use page::{Changes, Shown, blocks};
use testkit::{until, without_settings};
use ticketing::PROGRAMS;

use crate::process::Program;
use crate::style::workspace;

const PAGE: &str = "crates/YOUR-OWN-SERVICE.md";

/// The step after which the service is the one that the test `one_more_service` builds and runs.
const TESTED_STEP: u32 = 3;

fn page() -> String {
    fs::read_to_string(workspace().join(PAGE)).unwrap()
}

#[test]
fn every_change_fits_the_sources_and_the_third_step_leads_to_the_service_that_is_tested() {
    let (root, page) = (workspace(), page());
    let mut changes = Changes::of(&root);
    let (before, after): (Vec<_>, Vec<_>) = blocks(&page).into_iter().partition(|block| block.step <= TESTED_STEP);
    for block in &before {
        changes.make(block);
    }
    let tested = root.join("crates/ticketing/tests/one_more_service/notifications");
    let mut compared = 0;
    for (file, contents) in &changes.files {
        let Some(name) = file.strip_prefix("crates/notifications/src/").filter(|name| *name != "main.rs") else {
            continue;
        };
        let name = if name == "lib.rs" { "mod.rs" } else { name };
        let is = fs::read_to_string(tested.join(name)).unwrap();
        // There it is a module.
        assert_eq!(contents.replace("use crate::", "use super::"), is, "{PAGE} and {name} of one_more_service differ");
        compared += 1;
    }
    assert_eq!(compared, fs::read_dir(tested).unwrap().count());
    for block in &after {
        changes.make(block);
    }
}

/// Runs a command of the page: `cargo run` is the program in this folder.
fn run(command: &str, programs: &Path, folder: &Path) -> String {
    let command = command.replace("cargo run --", &programs.join("ticketing").display().to_string());
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]).current_dir(folder);
    without_settings(&mut shell, &PROGRAMS);
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The application with the new service, where a seller has sold a ticket and a buyer has reserved it. Checks what the page
/// shows of its API.
async fn ask(programs: &Path, shown: &[Shown]) {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut command = Command::new(programs.join("ticketing"));
    without_settings(&mut command, &PROGRAMS);
    command.args(["--free-ports", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
    let mut program = Program::of(command);
    program.wait_until_ready();
    let api: SocketAddr = program.api();
    let lines: Vec<_> = program.guide.lines().filter_map(|line| line.strip_prefix("  curl ")).take(5).collect();
    for line in lines {
        // The copy of the ticket may not be there yet when it is reserved.
        until("done", || async { !run(&format!("curl {line}"), programs, folder.path()).contains("errors") }).await;
    }
    for shown in shown {
        let command = shown.command.replace("127.0.0.1:3000", &api.to_string());
        let is_it = || run(&command, programs, folder.path()) == shown.output;
        until(&shown.output, || async { is_it() }).await;
    }
    assert_eq!(program.interrupt(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds all services: cargo test --workspace --test it -- --ignored tutorial"]
async fn it_is_built_and_run_step_by_step_as_it_is_written() {
    let (root, page, bench) = (workspace(), page(), Workbench::open().unwrap());
    let blocks = blocks(&page);
    bench.lay_out(&root, &["events", "notifications"]).unwrap();
    let mut changes = Changes::of(&root);
    let folder = tempfile::tempdir().unwrap();
    for step in 1..=6 {
        let of_step: Vec<_> = blocks.iter().filter(|block| block.step == step).collect();
        of_step.iter().for_each(|block| changes.make(block));
        changes.write(&bench.sources());
        if step == 4 {
            continue; // a test alone, which runs with the event of the next step
        }
        bench.build(&["--bin", "ticketing", "--example", "stubborn"]).await.unwrap();
        let (asked, other): (Vec<_>, Vec<_>) = of_step
            .iter()
            .flat_map(|block| block.commands())
            .filter(|shown| !shown.output.is_empty())
            .partition(|shown| shown.command.starts_with("curl "));
        for shown in other {
            shown.check(&run(&shown.command, &bench.programs(), folder.path()));
        }
        if !asked.is_empty() {
            ask(&bench.programs(), &asked).await;
        }
    }
    for (package, name) in [
        ("notifications", "a_seller_is_informed_of_an_order_that_arrives_before_its_ticket"),
        ("events", "compatible::no_event_has_become_what_those_before_it_are_not"),
        ("events", "examples::every_field_is_in_an_example_and_every_optional_one_is_absent_from_another"),
    ] {
        let test = Test { package: package.to_owned(), name: name.to_owned() };
        assert_eq!(bench.check(&test).await.unwrap(), Checked::Passes);
    }
}
