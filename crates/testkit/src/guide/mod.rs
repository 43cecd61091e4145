//! Guides whose commands a test runs, and whose output it compares: what the tests of all guides share.
//!
//! A block that is fenced as `console` begins with `# TERMINAL`, the name of the terminal that all its other lines belong
//! to. `$ ` begins a command, and other lines are what is typed or printed, as the test of the guide says. Blocks before the
//! first `## ` are not run.

mod blocks;
mod shown;
mod terminal;

pub use blocks::{Block, Line, blocks};
pub use shown::is_shown;
pub use terminal::Terminal;
