//! The check of the suite itself: it must find known bugs, which are seeded into a copy of the sources.

mod patch;
mod selection;
mod sources;

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, bail};
use service::Error;

use self::patch::Patch;
pub(crate) use self::selection::UnknownBug;
use crate::build::{build_services, root};
use crate::options::SeededBugs;
use crate::run;

/// Checks that every patch applies to the sources.
///
/// # Errors
///
/// With all patches that do not apply.
pub(crate) fn check_patches() -> Result<(), Error> {
    let patches = Patch::all()?;
    let failed: Vec<_> = patches.iter().filter_map(|patch| patch.apply(&root(), &["--check"]).err()).collect();
    if !failed.is_empty() {
        let failed: Vec<_> = failed.iter().map(ToString::to_string).collect();
        bail!("{}\nadapt the patches in crates/faults/seeded-bugs to the sources", failed.join("\n"));
    }
    println!("the patches of all {} seeded bugs apply", patches.len());
    Ok(())
}

/// Whether each selected bug is found with these seeds, by the invariant that its patch names.
///
/// # Errors
///
/// [`UnknownBug`]; when a patch does not apply, or the sources do not build with it.
pub(crate) async fn find(which: &SeededBugs, seeds: Range<u64>) -> Result<bool, Error> {
    let patches = selection::select(which, &root())?;
    check_patches()?;
    let names: Vec<_> = patches.iter().map(|patch| patch.name.as_str()).collect();
    println!("{} seeded bug(s): {}", patches.len(), names.join(", "));
    // One target folder for all of them: the dependencies are built once.
    let folder = root().join("target/seeded-bugs");
    let (sources, target) = (folder.join("sources"), folder.join("target"));
    let mut missed = 0;
    for (number, patch) in patches.iter().enumerate() {
        let (progress, name) = (format!("[{}/{}]", number + 1, patches.len()), &patch.name);
        println!("{progress} {name}: building");
        sources::synchronise(&root(), &sources)?;
        patch.apply(&sources, &[])?;
        build_services(&sources, &target).await.with_context(|| format!("failed to build {name}"))?;
        match found(patch, seeds.clone(), &target.join("debug")).await {
            Some(seed) => println!("{progress} {name}: FOUND by {} with seed {seed}", patch.found_by),
            None => {
                missed += 1;
                println!("{progress} {name}: NOT FOUND by {} with seeds {seeds:?}", patch.found_by);
            }
        }
    }
    println!("{} seeded bug(s), {missed} not found", patches.len());
    Ok(missed == 0)
}

/// The first seed with which the bug is found.
async fn found(patch: &Patch, seeds: Range<u64>, programs: &Path) -> Option<u64> {
    for seed in seeds {
        let outcome = run::execute(seed, programs).await;
        println!("{outcome}");
        if outcome.violated.contains(&patch.found_by) {
            return Some(seed);
        }
    }
    None
}
