//! What the suite makes of its options.

use std::process::ExitCode;

use clap::Parser;
use faults::Options;

#[tokio::test]
async fn a_seeded_bug_that_does_not_exist_is_wrong_usage() {
    let code = async |options: &[&str]| faults::main(Options::parse_from([&["faults"], options].concat())).await;
    for name in ["no-such-bug", ""] {
        let ended = code(&[&format!("--seeded-bugs={name}")]).await;
        assert_eq!(format!("{ended:?}"), format!("{:?}", ExitCode::from(2)), "{name}");
    }
}
