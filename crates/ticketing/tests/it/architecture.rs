//! Floors import downwards only.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Which floor a crate is on. A new crate must be given one here.
const FLOORS: [(&str, u8); 10] = [
    ("service", 1),
    ("devstack", 2),
    ("common", 2),
    ("auth", 3),
    ("tickets", 3),
    ("orders", 3),
    ("expiration", 3),
    ("numbers", 2),
    ("ticketing", 4),
    ("faults", 4),
];

/// For tests only: on no floor, and imported by no program.
const BESIDE: &str = "testkit";

/// No program, but tests of programs: may import what is for tests only.
const SUITE: &str = "faults";

#[test]
fn crates_import_from_lower_floors_only_and_services_do_not_know_each_other() {
    let floors = BTreeMap::from(FLOORS);
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for folder in fs::read_dir(crates).unwrap().map(Result::unwrap).filter(|folder| folder.path().is_dir()) {
        let name = folder.file_name().into_string().unwrap();
        if name == BESIDE {
            continue;
        }
        let floor = floors.get(name.as_str()).unwrap_or_else(|| panic!("on which floor is {name}?"));
        let manifest = fs::read_to_string(folder.path().join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap();
        for line in dependencies.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap();
            assert!(dependency != BESIDE || name == SUITE, "{name} is a program");
            if let Some(below) = floors.get(dependency) {
                assert!(below < floor, "{name} is on floor {floor} and imports {dependency} from floor {below}");
            }
        }
    }
}
