//! The links of the documents.

use std::fs;
use std::path::Path;

use regex::Regex;

use crate::style::{files, workspace};

#[test]
fn every_link_of_a_document_to_a_file_leads_to_one() {
    let link = Regex::new(r"\]\(([^)#\s]+)[^)]*\)").unwrap();
    let mut broken = Vec::new();
    for file in files().iter().filter(|file| file.ends_with(".md")) {
        let folder = workspace().join(Path::new(file).parent().unwrap());
        let text = fs::read_to_string(workspace().join(file)).unwrap();
        let targets = link.captures_iter(&text).map(|found| found[1].to_owned());
        let missing = targets.filter(|target| !target.contains("://") && !folder.join(target).exists());
        broken.extend(missing.map(|target| format!("{file}: {target}")));
    }
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
}
