//! Code in the documents is the code: each excerpt stands under a marker that names the file and how its item begins, as
//! `<!-- from tickets/src/app.rs: fn app -->`, with the path from the document's folder.
//!
//! `UPDATE_GUIDE=1 cargo test --workspace --test it -- excerpts` rewrites those that differ.

use std::fs;
use std::path::Path;

use super::{FROM_TYPESCRIPT, GUIDE, LESSONS, text_of};
use crate::style::workspace;

const FENCE: &str = "```";

/// The item whose first line begins so, apart from its visibility, without its documentation and attributes.
fn item(source: &str, begin: &str) -> Result<String, String> {
    let begins = |line: &&str| {
        let line = line.trim_start();
        let line = line.strip_prefix("pub").map_or(line, |rest| match rest.split_once(") ") {
            Some((visibility, rest)) if visibility.starts_with('(') => rest,
            _ => rest.trim_start(),
        });
        let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix(begin);
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
    };
    let mut found = source.lines().enumerate().filter(|(_, line)| begins(line));
    let (first, line) = found.next().ok_or_else(|| format!("nothing begins with {begin:?}"))?;
    if found.next().is_some() {
        return Err(format!("more than one item begins with {begin:?}"));
    }
    let indent = line.len() - line.trim_start().len();
    let is_last = |line: &&str| line.len() - line.trim_start().len() == indent && line.ends_with(['}', ';']);
    let lines: Vec<_> = source.lines().skip(first).collect();
    let length = lines.iter().position(is_last).ok_or_else(|| format!("{begin:?} has no end"))? + 1;
    Ok(lines[..length].iter().map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect())
}

/// The document with each excerpt as its source has it, and what is wrong with the document as it is.
fn checked(document: &str) -> (String, Vec<String>) {
    let (text, folder) = (text_of(document), workspace().join(Path::new(document).parent().unwrap()));
    let (mut right, mut wrong) = (String::new(), Vec::new());
    let mut lines = text.lines().zip(1..).peekable();
    let mut marker = None;
    while let Some((line, number)) = lines.next() {
        right.push_str(line);
        right.push('\n');
        let mark = line.strip_prefix("<!-- from ").and_then(|line| line.strip_suffix(" -->"));
        if line != "```rust" {
            marker = mark;
            continue;
        }
        let mut shown = String::new();
        while let Some((line, _)) = lines.next_if(|(line, _)| *line != FENCE) {
            shown.push_str(line);
            shown.push('\n');
        }
        let source =
            marker.ok_or("code without a line <!-- from FILE: ITEM --> above it".to_owned()).and_then(|marker| {
                let (file, begin) = marker.split_once(": ").ok_or("the marker names no item")?;
                let source = fs::read_to_string(folder.join(file)).map_err(|error| format!("{file}: {error}"))?;
                item(&source, begin).map_err(|error| format!("{file}: {error}"))
            });
        match source {
            Ok(source) if source == shown => right.push_str(&shown),
            Ok(source) => {
                wrong.push(format!("{document}:{number}: {} is now:\n{source}", marker.unwrap_or_default()));
                right.push_str(&source);
            }
            Err(error) => {
                wrong.push(format!("{document}:{number}: {error}"));
                right.push_str(&shown);
            }
        }
    }
    (right, wrong)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a variable asks a test to write, as there is no option for that")]
fn excerpts_in_the_documents_are_what_the_sources_say() {
    let is_update = std::env::var_os("UPDATE_GUIDE").is_some();
    let mut all = Vec::new();
    for document in [GUIDE, LESSONS, FROM_TYPESCRIPT] {
        let (right, mut wrong) = checked(document);
        if is_update {
            fs::write(workspace().join(document), right).unwrap();
            wrong = checked(document).1;
        }
        all.extend(wrong);
    }
    let update = "to rewrite them: UPDATE_GUIDE=1 cargo test --workspace --test it -- excerpts";
    assert!(all.is_empty(), "{}\n{update}", all.join("\n"));
}
