//! The check of the suite itself: it must find known bugs, which are seeded into a copy of the sources.
//!
//! Most of them are exercises too: the test that an exercise names must fail with the bug. That it passes without is known,
//! since it is a test of this workspace.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, bail};
use exercises::{Bug, Checked, Exercise, Selection, Workbench};
use service::Error;

use crate::build::root;
use crate::invariant::Invariant;
use crate::run;
use crate::services::services;

/// Checks that every patch applies to the sources, and that an invariant that its header names exists.
///
/// # Errors
///
/// With all patches that do not apply.
pub(crate) fn check_patches() -> Result<(), Error> {
    let bugs = Bug::all(&root())?;
    let check = |bug: &Bug| found_by(bug).and_then(|_| bug.apply(&root(), &["--check"]));
    let failed: Vec<_> = bugs.iter().filter_map(|bug| check(bug).err()).map(|error| error.to_string()).collect();
    if !failed.is_empty() {
        bail!("{}\nadapt the patches in crates/faults/seeded-bugs to the sources", failed.join("\n"));
    }
    println!("the patches of all {} seeded bugs apply", bugs.len());
    Ok(())
}

/// The invariant by which a bug must be found; `None` if the suite does not run what has the bug, and a test finds it.
fn found_by(bug: &Bug) -> Result<Option<Invariant>, Error> {
    let Some(name) = &bug.found_by else { return Ok(None) };
    let invariant = Invariant::named(name).with_context(|| {
        let names = Invariant::ALL.map(Invariant::name).join(", ");
        format!("{}: expected a line `Found by: INVARIANT`, one of {names}", bug.name)
    })?;
    Ok(Some(invariant))
}

/// Whether each selected bug is found with these seeds, by the invariant that its patch names, and fails the test of its
/// exercise.
///
/// # Errors
///
/// [`exercises::UnknownBug`]; when a patch does not apply, or the sources do not build with it.
pub(crate) async fn find(which: &Selection, seeds: Range<u64>) -> Result<bool, Error> {
    let bugs = which.bugs(&root())?;
    check_patches()?;
    let names: Vec<_> = bugs.iter().map(|bug| bug.name.as_str()).collect();
    println!("{} seeded bug(s): {}", bugs.len(), names.join(", "));
    let bench = Workbench::open()?;
    let (mut missed, mut passing) = (0, 0);
    for (number, bug) in bugs.iter().enumerate() {
        let (progress, name) = (format!("[{}/{}]", number + 1, bugs.len()), &bug.name);
        println!("{progress} {name}: building");
        build(&bench, bug).await.with_context(|| format!("failed to build {name}"))?;
        if let Some(exercise) = &bug.exercise {
            let fails = matches!(bench.check(&exercise.test).await?, Checked::Fails(_));
            passing += usize::from(!fails);
            println!("{progress} {name}: its exercise {}", if fails { "FAILS as it should" } else { "DOES NOT FAIL" });
        }
        let Some(invariant) = found_by(bug)? else { continue };
        match found(invariant, seeds.clone(), &bench.programs()).await {
            Some(seed) => println!("{progress} {name}: FOUND by {invariant} with seed {seed}"),
            None => {
                missed += 1;
                println!("{progress} {name}: NOT FOUND by {invariant} with seeds {seeds:?}");
            }
        }
    }
    println!("{} seeded bug(s), {missed} not found, {passing} exercise(s) without a failure", bugs.len());
    Ok(missed + passing == 0)
}

/// Builds the programs of all services with the bug, and the test of its exercise.
async fn build(bench: &Workbench, bug: &Bug) -> Result<(), Error> {
    let tested = bug.exercise.as_ref().map(|Exercise { test, .. }| test.package.as_str());
    bench.lay_out(&root(), tested.as_slice())?;
    bug.apply(&bench.sources(), &[])?;
    // With an example, cargo chooses the features that it chooses for tests; otherwise it builds the dependencies again.
    let mut arguments = vec!["--example", "stubborn"];
    arguments.extend(services().iter().flat_map(|service| ["--bin", service.name]));
    if tested.is_some() {
        arguments.extend(["--test", "it"]);
    }
    bench.build(&arguments).await
}

/// The first seed with which the invariant is violated.
async fn found(invariant: Invariant, seeds: Range<u64>, programs: &Path) -> Option<u64> {
    for seed in seeds {
        let outcome = run::execute(seed, programs).await;
        println!("{outcome}");
        if outcome.violated.contains(&invariant) {
            return Some(seed);
        }
    }
    None
}
