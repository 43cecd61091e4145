//! `bus describe`: the table, the graph and the AsyncAPI document.

use std::fs;
use std::path::Path;

use crate::program::{operator, run};

fn describe(options: &[&str]) -> String {
    run(operator(&[&["describe"], options].concat())).succeeded()
}

/// A page or document of the folder `crates`.
fn kept(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap()
}

#[test]
fn the_table_has_a_line_for_each_event_and_says_nobody_where_there_is_none() {
    let table = "\
SUBJECT              PUBLISHED BY  LISTENED TO BY
ticket:created       tickets       orders-service
ticket:updated       tickets       orders-service
order:created        orders        tickets-service, payments-service, expiration-service
order:cancelled      orders        tickets-service, payments-service, expiration-service
expiration:complete  expiration    orders-service
payment:created      payments      orders-service
payment:refunded     payments      nobody
";
    assert_eq!(describe(&[]), table);
}

#[test]
fn the_stored_asyncapi_document_is_the_one_it_prints() {
    assert!(
        describe(&["--asyncapi"]) == kept("asyncapi.json"),
        "crates/asyncapi.json differs from what the program prints. If the compatibility test of crates/events passes:\n\
         cargo build && target/debug/ticketing bus describe --asyncapi > crates/asyncapi.json"
    );
}

#[test]
fn the_graph_in_the_architecture_page_is_the_one_it_prints() {
    let page = kept("ARCHITECTURE.md");
    let graph = page.split("```mermaid\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(graph, describe(&["--mermaid"]), "put what `cargo run -- bus describe --mermaid` prints there");
}
