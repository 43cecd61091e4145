//! Stripe's own libraries, which keep the bank honest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bank::{Bank, KEY};

const PAYLOAD: &str = r#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"object":{}}}"#;
const SECRET: &str = "whsec_test";

/// The folder of the scripts, with the versions of the libraries.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")
}

/// Runs a command in the folder to its end.
fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program}: {} {}", shown(&output.stdout), shown(&output.stderr));
}

/// Runs a script of the contract against the bank.
async fn contract(folder: PathBuf, program: String, script: PathBuf) {
    let bank = Bank::start().await;
    let url = format!("http://{}", bank.api.address);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap();
    let signature = bank::signature(SECRET, time, PAYLOAD.as_bytes());
    tokio::task::spawn_blocking(move || {
        let script = script.to_str().unwrap();
        run(&folder, &program, &[script, &url, KEY, SECRET, PAYLOAD, &signature]);
    })
    .await
    .unwrap();
    bank.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a library from the package index: cargo test -p bank -- --ignored"]
async fn the_library_for_python_finds_what_it_expects() {
    let folder = tempfile::tempdir().unwrap();
    let requirements = scripts().join("requirements.txt");
    run(folder.path(), "python3", &["-m", "venv", "."]);
    run(folder.path(), "bin/pip", &["install", "--quiet", "-r", requirements.to_str().unwrap()]);
    let python = folder.path().join("bin/python").to_str().unwrap().to_owned();
    contract(folder.path().to_owned(), python, scripts().join("contract.py")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a library from the package index: cargo test -p bank -- --ignored"]
async fn the_library_for_node_finds_what_it_expects() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["package.json", "contract.mjs"] {
        std::fs::copy(scripts().join(name), folder.path().join(name)).unwrap();
    }
    run(folder.path(), "npm", &["install", "--no-audit", "--no-fund", "--loglevel=error"]);
    contract(folder.path().to_owned(), "node".to_owned(), folder.path().join("contract.mjs")).await;
}
