//! The guide to the course: what it says is so.

mod commands;
mod excerpts;
mod lessons;
mod servers;

use std::fs;

use crate::style::workspace;

/// The guide itself.
const GUIDE: &str = "crates/COURSE.md";

/// The table of the course's lessons.
const LESSONS: &str = "crates/LESSONS.md";

/// The course's constructs beside ours.
const FROM_TYPESCRIPT: &str = "crates/FROM-TYPESCRIPT.md";

fn text_of(document: &str) -> String {
    fs::read_to_string(workspace().join(document)).unwrap()
}
