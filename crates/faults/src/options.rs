//! The options of the suite.

use std::ops::Range;
use std::path::PathBuf;

use clap::Parser;
use exercises::Selection;

const EXAMPLES: &str = "\
Examples:
  cargo test --workspace --test faults                                Run seeds 1 to 6
  cargo test --workspace --test faults -- --runs 200 --seed 1000      Run seeds 1000 to 1199
  cargo test --workspace --test faults -- --runs 1 --seed 1017        Repeat one run
  cargo test --workspace --test faults -- --seeded-bugs               Check that the suite finds known bugs
  cargo test --workspace --test faults -- --seeded-bugs=no-inbox      Check that it finds this one

Exit codes: 0 no violation, 1 a violation or a failure, 2 wrong usage, 130 interrupted.";

/// Inject faults into services, bank, brokers, database and network under load, and check that nothing is lost or done twice
#[derive(Clone, Debug, Parser)]
#[command(name = "faults", max_term_width = 100, after_help = EXAMPLES)]
pub struct Options {
    /// Set the number of runs, each with a seed of its own: 6 if not given; or, to find a seeded bug, at most 30
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    /// Set the seed of the first run; every further run adds 1
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Set how many runs execute concurrently
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = at_least_one)]
    pub jobs: usize,
    /// Run the services' programs in this folder instead of building them
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["seeded_bugs", "check_patches"])]
    pub programs: Option<PathBuf>,
    /// Build each seeded bug into a copy of the sources, and check that its exercise fails and the runs find it
    ///
    /// `all` is the default. `changed` selects the bugs in files that the last commit changed, and one more by the hash of
    /// that commit. A name, such as `no-inbox`, selects one bug.
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub seeded_bugs: Option<Selection>,
    /// Check that the patch of every seeded bug applies to the sources, without running anything
    #[arg(long, conflicts_with = "seeded_bugs")]
    pub check_patches: bool,
    /// Run only if the name of this test, `faults`, contains the text, as other tests do
    #[arg(hide = true)]
    pub filter: Option<String>,
    /// Accept the option of other tests; it has no effect
    #[arg(long, hide = true)]
    pub nocapture: bool,
    /// Run nothing, because this test is not an ignored one
    #[arg(long, hide = true)]
    pub ignored: bool,
}

impl Options {
    /// The seeds of the runs. A seeded bug is found by the first run that shows it, so that there can be many.
    pub(crate) fn seeds(&self) -> Range<u64> {
        let runs = self.runs.unwrap_or(if self.seeded_bugs.is_some() { 30 } else { 6 });
        self.seed..self.seed.saturating_add(runs)
    }

    /// Whether the filter options of `cargo test` select this test.
    pub fn is_selected(&self) -> bool {
        !self.ignored && self.filter.as_ref().is_none_or(|filter| "faults".contains(filter.as_str()))
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one run must execute".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}
