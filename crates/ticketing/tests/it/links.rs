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
    /// The folder of the document, from which the target is written.
    folder: PathBuf,
    /// Empty if it began in the line before.
    text: String,
    target: String,
}

fn links() -> Vec<Link> {
    let link = Regex::new(r"(?:\[([^\]]+))?\]\(([^)#\s]+)[^)]*\)").unwrap();
    let mut links = Vec::new();
    for document in files().into_iter().filter(|file| file.ends_with(".md")) {
        let folder = workspace().join(Path::new(&document).parent().unwrap());
        let text = fs::read_to_string(workspace().join(&document)).unwrap();
        for (line, number) in text.lines().zip(1..) {
            let here = link.captures_iter(line).filter(|found| !found[2].contains("://"));
            links.extend(here.map(|found| Link {
                place: format!("{document}:{number}"),
                folder: folder.clone(),
                text: found.get(1).map_or_else(String::new, |text| text.as_str().to_owned()),
                target: found[2].to_owned(),
            }));
        }
    }
    links
}

#[test]
fn every_link_of_a_document_to_a_file_leads_to_one() {
    let broken = links().into_iter().filter(|link| !link.folder.join(&link.target).exists());
    let broken: Vec<_> = broken.map(|link| format!("{}: {}", link.place, link.target)).collect();
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
}

/// A link whose text is code, and a name, is about the item of that name in the file.
#[test]
fn every_item_that_a_document_links_to_is_in_its_file() {
    let name = Regex::new(r"^`([A-Za-z_]\w*(?:::[A-Za-z_]\w*)?)`$").unwrap();
    let mut known: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let mut missing = Vec::new();
    for Link { place, folder, text, target } in links() {
        let Some(item) = name.captures(&text).map(|found| found[1].to_owned()) else { continue };
        let file = folder.join(&target);
        if file.is_file() && !known.entry(file.clone()).or_insert_with(|| items(&file)).contains(&item) {
            missing.push(format!("{place}: there is no {item} in {target}"));
        }
    }
    assert!(missing.is_empty(), "documents name items that are not there:\n{}", missing.join("\n"));
}
