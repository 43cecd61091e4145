//! The words of the project are the field's: crates/STYLE.md lists those that stay out, and what to write instead.

use std::fs;
use std::path::{Path, PathBuf};

use regex::{Regex, RegexBuilder};

/// The files whose text is checked.
const EXTENSIONS: [&str; 5] = ["rs", "md", "py", "toml", "yaml"];

/// Folders that hold what others wrote.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// What may begin a line in the middle of a sentence.
const COMMENT_MARKS: [&str; 5] = ["///", "//!", "//", "#", ">"];

/// A line of one of the lists in STYLE.md.
struct Rule {
    pattern: Regex,
    /// The word to use instead, or the reason of an exception.
    because: String,
}

/// The folder of the whole repository.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The rules in the fenced block of this title.
fn rules(title: &str) -> Vec<Rule> {
    let page = fs::read_to_string(workspace().join("crates/STYLE.md")).unwrap();
    let block = page.split("```text").find_map(|block| block.strip_prefix(&format!(" {title}\n")));
    let block = block.unwrap_or_else(|| panic!("crates/STYLE.md has no block ```text {title}"));
    let lines = block.split("```").next().unwrap().lines();
    lines.map(rule).collect()
}

fn rule(line: &str) -> Rule {
    let (pattern, because) = line.split_once(" => ").unwrap_or_else(|| panic!("no \" => \" in STYLE.md: {line}"));
    let (pattern, because) = (pattern.trim(), because.trim().to_owned());
    let compiled = RegexBuilder::new(pattern).case_insensitive(true).build();
    Rule { pattern: compiled.unwrap_or_else(|error| panic!("STYLE.md: {error}")), because }
}

/// All files to check, by their paths in the repository.
pub(crate) fn files() -> Vec<String> {
    let root = workspace();
    let mut files: Vec<_> =
        below(&root).into_iter().map(|file| file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()).collect();
    files.sort();
    files
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let found = entries.map(|entry| {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        let is_folder = entry.file_type().unwrap().is_dir();
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if is_folder && (name.starts_with('.') || SKIPPED.contains(&name.as_str())) => Vec::new(),
            _ if is_folder => below(&path),
            Some(extension) if EXTENSIONS.contains(&extension) => vec![path],
            _ => Vec::new(),
        }
    });
    found.flatten().collect()
}

/// A text as one line of words: without line breaks, comment marks, and the underscores of identifiers.
struct Words {
    text: String,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl Words {
    fn of(text: &str) -> Self {
        let (mut words, mut starts) = (String::new(), Vec::new());
        for line in text.lines() {
            starts.push(words.len());
            let line = line.trim();
            let line = COMMENT_MARKS.iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line);
            words.push_str(&line.trim_start().replace('_', " "));
            words.push(' ');
        }
        Self { text: words, starts }
    }

    /// The number of the line that this offset is in.
    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }
}

#[test]
fn no_text_uses_a_word_of_our_own_where_the_field_has_one() {
    let (words, exceptions) = (rules("words"), rules("exceptions"));
    let mut found = Vec::new();
    for file in files().iter().filter(|file| !exceptions.iter().any(|exception| exception.pattern.is_match(file))) {
        let text = Words::of(&fs::read_to_string(workspace().join(file)).unwrap());
        for Rule { pattern, because } in &words {
            for hit in pattern.find_iter(&text.text) {
                let line = text.line(hit.start());
                found.push(format!("{file}:{line}: \"{}\" ({pattern}): write {because}", hit.as_str()));
            }
        }
    }
    assert!(found.is_empty(), "crates/STYLE.md has better words for these {}:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_exception_is_needed() {
    let words = rules("words");
    for Rule { pattern, because } in rules("exceptions") {
        let is_needed = |file: &String| {
            let text = Words::of(&fs::read_to_string(workspace().join(file)).unwrap());
            words.iter().any(|rule| rule.pattern.is_match(&text.text))
        };
        let mut matching = files().into_iter().filter(|file| pattern.is_match(file));
        assert!(matching.any(|file| is_needed(&file)), "remove from crates/STYLE.md: {pattern} ({because})");
    }
}
