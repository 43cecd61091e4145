//! Imports run downwards only: between crates, and between the modules of a crate.

mod modules;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modules::{Module, modules_of};

/// The layer of each crate. A new crate must be given one here.
const LAYERS: &[(&str, u8)] = &[
    ("service", 1),
    ("events", 1),
    ("telemetry", 2),
    ("exercises", 2),
    ("devstack", 2),
    ("numbers", 2),
    ("bus", 3),
    ("store", 4),
    ("hub", 4),
    ("cluster", 5),
    ("common", 5),
    ("auth", 6),
    ("tickets", 6),
    ("orders", 6),
    ("payments", 6),
    ("expiration", 6),
    ("bank", 6),
    ("client", 6),
    ("gateway", 6),
    ("operator", 7),
    ("ticketing", 8),
    ("faults", 8),
    ("testkit", BESIDE),
    ("nats-test", 7),
];

/// For tests only: no program depends on it.
const BESIDE: u8 = u8::MAX;

/// The fault suite runs as a test and is no program, so it may depend on what is for tests only.
const SUITE: &str = "faults";

/// The folders of all crates of the workspace, by their names.
fn crates() -> BTreeMap<String, PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = fs::read_dir(workspace.join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.chain([workspace.join("nats-test")]).filter(|folder| folder.join("Cargo.toml").exists());
    folders.map(|folder| (folder.file_name().unwrap().to_str().unwrap().to_owned(), folder)).collect()
}

fn manifest(folder: &Path) -> toml::Table {
    fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap()
}

fn dependencies(manifest: &toml::Table, kind: &str) -> Vec<String> {
    let table = manifest.get(kind).and_then(toml::Value::as_table);
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

/// All source files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let nested = paths.map(|path| match path.extension() {
        Some(extension) if extension == "rs" => vec![path],
        _ if path.is_dir() => sources(&path),
        _ => Vec::new(),
    });
    nested.flatten().collect()
}

#[test]
fn crates_depend_on_lower_layers_only_and_services_do_not_know_each_other() {
    let layers: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let crates = crates();
    for (name, folder) in &crates {
        let layer = layers.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no layer: give it one in LAYERS"));
        for dependency in dependencies(&manifest(folder), "dependencies") {
            let Some(below) = layers.get(dependency.as_str()) else { continue };
            let is_allowed = below < layer || *layer == BESIDE || (*below == BESIDE && name == SUITE);
            assert!(is_allowed, "{name} is on layer {layer} and depends on {dependency} of layer {below}");
        }
    }
}

#[test]
fn crates_link_no_more_than_they_use() {
    let web = ["axum", "hyper", "jsonwebtoken"];
    let database = ["mongodb", "store"];
    let broker = ["async-nats", "bus"];
    let forbidden = [
        ("events", [&web[..], &database, &broker, &["tokio", "service"]].concat()),
        ("bus", [&database[..], &["jsonwebtoken"]].concat()),
        ("expiration", [&database[..], &["jsonwebtoken"]].concat()),
        ("gateway", database.to_vec()),
        ("client", database.to_vec()),
        ("hub", [&database[..], &["jsonwebtoken"]].concat()),
        ("cluster", [&database[..], &["jsonwebtoken"]].concat()),
        ("operator", vec!["devstack", "ticketing"]),
    ];
    for (name, forbidden) in forbidden {
        let cargo = Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", name])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
        let tree = String::from_utf8(cargo.stdout).unwrap();
        let linked: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(linked.contains(name));
        for dependency in forbidden {
            assert!(
                !linked.contains(dependency),
                "{name} links {dependency}: cargo tree --package {name} --invert {dependency}"
            );
        }
    }
}

#[test]
fn modules_of_a_crate_import_each_other_without_cycles() {
    let mut found = Vec::new();
    for (name, folder) in crates() {
        for cycle in cycles(&modules_of(&folder.join("src"))) {
            found.push(format!("{name}: {}", cycle.join(" -> ")));
        }
    }
    assert!(found.is_empty(), "modules import each other in cycles:\n{}", found.join("\n"));
}

#[test]
fn every_dependency_is_used_by_a_source_file() {
    let mut unused = Vec::new();
    for (name, folder) in crates() {
        let manifest = manifest(&folder);
        let programs = texts(&[folder.join("src")]);
        let tests = texts(&["src", "tests", "benches", "examples"].map(|kind| folder.join(kind)));
        for (kind, text) in [("dependencies", &programs), ("dev-dependencies", &tests)] {
            let is_used = |dependency: &String| {
                let name = dependency.replace('-', "_");
                [format!("{name}::"), format!("use {name};"), format!("use {name} as ")]
                    .iter()
                    .any(|use_| text.contains(use_))
            };
            let missing = dependencies(&manifest, kind).into_iter().filter(|dependency| !is_used(dependency));
            unused.extend(missing.map(|dependency| format!("{name}: {dependency} ({kind})")));
        }
    }
    assert!(unused.is_empty(), "no source file uses these dependencies:\n{}", unused.join("\n"));
}

fn texts(folders: &[PathBuf]) -> String {
    let files = folders.iter().flat_map(|folder| sources(folder));
    files.map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// The cycles of imports, each as the modules along it; one for each set of modules that reach each other.
fn cycles(modules: &BTreeMap<String, Module>) -> Vec<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut cycles = Vec::new();
    for start in modules.keys() {
        if seen.contains(start) {
            continue;
        }
        if let Some(cycle) = path_back(modules, start) {
            seen.extend(cycle.iter().cloned());
            cycles.push(cycle);
        }
    }
    cycles
}

/// The shortest path of imports from a module back to itself.
fn path_back(modules: &BTreeMap<String, Module>, start: &String) -> Option<Vec<String>> {
    let mut paths = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while !paths.is_empty() {
        let mut longer = Vec::new();
        for path in paths {
            for next in &modules[path.last()?].imports {
                let path = [path.clone(), vec![next.clone()]].concat();
                if next == start {
                    return Some(path);
                }
                if seen.insert(next.clone()) {
                    longer.push(path);
                }
            }
        }
        paths = longer;
    }
    None
}
