//! Where the sources of this program are.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use service::Error;

/// The root folder of the checkout that this program was built in.
///
/// # Errors
///
/// When the folder is not there any more, or the program was built elsewhere.
pub fn checkout() -> Result<PathBuf, Error> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).unwrap_or(here);
    ensure!(
        here.join("Cargo.toml").exists(),
        "the sources are not in {} any more: run it with `cargo run` in the folder that you have cloned",
        root.display()
    );
    Ok(root.to_owned())
}
