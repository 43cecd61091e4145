//! Typed settings that reload as a transaction.
//!
//! A program names its [`Section`]s; [`Settings::load`] reads them in layers, each of which overrides the one before:
//! the defaults, a TOML file, the environment (`NUMBERS__RATE_PER_MINUTE=600`), and flags
//! (`numbers.rate_per_minute=600`). A service reads its section through [`Scope::settings`](crate::Scope::settings),
//! which follows every reload.

mod generation;
mod help;
mod layers;
mod live;
mod load;
mod refused;
mod reload;
mod required;
mod secret;
mod section;
mod sections;

pub use self::help::Described;
pub use self::layers::{Origin, Sources};
pub use self::live::{Every, Live};
pub use self::load::{NoSuchSection, Settings};
pub use self::refused::{Refusal, Refused};
pub use self::reload::Reloaded;
pub use self::required::{parsed, required, text};
pub use self::secret::Secret;
pub use self::section::{Problem, Section};
pub use self::sections::{PROGRAM, Sections};
