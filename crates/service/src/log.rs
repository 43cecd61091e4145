//! What a program logs.

use std::env;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

/// The variable that says what is logged.
const VARIABLE: &str = "RUST_LOG";

/// Sets up the log of this process: this layer writes what the environment variable `RUST_LOG` asks for, or this level and
/// those above if it asks for nothing.
///
/// `RUST_LOG` is a list of levels, each for everything or for the modules whose path begins with a name: `info`, or
/// `bus=debug,warn`. One that can't be read is ignored, with a warning.
///
/// # Panics
///
/// If the process has a log already.
#[expect(clippy::disallowed_methods, reason = "the log is there before the settings are read")]
pub fn init_log(layer: impl Layer<Registry> + Send + Sync, usual: LevelFilter) {
    let asked = env::var_os(VARIABLE).unwrap_or_default();
    let asked = asked.to_string_lossy().replace(char::is_whitespace, "");
    let usual = Targets::new().with_default(usual);
    let (levels, refused) = match asked.as_str() {
        "" => (usual, None),
        levels => levels.parse().map_or_else(|error| (usual, Some(error)), |levels| (levels, None)),
    };
    tracing_subscriber::registry().with(layer).with(levels).init();
    if let Some(error) = refused {
        tracing::warn!("{VARIABLE} is ignored: {error}; it is a list of levels, as info or bus=debug,warn");
    }
}
