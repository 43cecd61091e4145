//! The links of the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::items::items;
use crate::style::{files, workspace};

/// A link of a document to a file or folder.
struct Link {
    /// The document and the line.
    place: String,
    text: String,
    target: PathBuf,
}

fn links() -> Vec<Link> {
    let link = Regex::new(r"\[([^\]]+)\]\(([^)#\s]+)[^)]*\)").unwrap();
    let mut links = Vec::new();
    for document in files().into_iter().filter(|file| file.ends_with(".md")) {
        let folder = workspace().join(Path::new(&document).parent().unwrap());
        let text = fs::read_to_string(workspace().join(&document)).unwrap();
        for (line, number) in text.lines().zip(1..) {
            let here = link.captures_iter(line).filter(|found| !found[2].contains("://"));
            links.extend(here.map(|found| Link {
                place: format!("{document}:{number}"),
                text: found[1].to_owned(),
                target: folder.join(&found[2]),
            }));
        }
    }
    links
}

#[test]
fn every_link_of_a_document_to_a_file_leads_to_one() {
    let broken = links().into_iter().filter(|link| !link.target.exists());
    let broken: Vec<_> = broken.map(|link| format!("{}: {}", link.place, link.target.display())).collect();
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
}

/// A link whose text is code, and a name, is about the item of that name in the file.
#[test]
fn every_item_that_a_document_links_to_is_in_its_file() {
    let name = Regex::new(r"^`([A-Za-z_]\w*(?:::[A-Za-z_]\w*)?)`$").unwrap();
    let mut known: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let mut missing = Vec::new();
    for Link { place, text, target } in links().into_iter().filter(|link| link.target.is_file()) {
        let Some(item) = name.captures(&text).map(|found| found[1].to_owned()) else { continue };
        if !known.entry(target.clone()).or_insert_with(|| items(&target)).contains(&item) {
            let file = target.canonicalize().unwrap();
            missing
                .push(format!("{place}: there is no {item} in {}", file.strip_prefix(workspace()).unwrap().display()));
        }
    }
    assert!(missing.is_empty(), "documents name items that are not there:\n{}", missing.join("\n"));
}
