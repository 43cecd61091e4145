//! A page of steps: files to write, changes to make, and commands to run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A fenced block of the page.
pub(super) struct Block {
    /// The number of the step that it is in; 0 outside of all steps.
    pub(super) step: u32,
    /// The file that it belongs to.
    pub(super) file: Option<String>,
    language: String,
    text: String,
}

/// A command with what the page says that it prints.
pub(super) struct Shown {
    pub(super) command: String,
    pub(super) output: String,
}

/// The blocks of a page. A step begins with a heading such as `## 1. Title`, and the line before a block may name its file.
pub(super) fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut step, mut file) = (Vec::new(), 0, None);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: String =
                lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
            blocks.push(Block { step, file: file.take(), language: language.to_owned(), text });
        } else if line.starts_with("##") {
            let heading = line.trim_start_matches('#').trim_start();
            step = heading.split_once('.').and_then(|(number, _)| number.parse().ok()).unwrap_or_default();
        } else if let Some(named) = line.strip_prefix('`').and_then(|line| line.strip_suffix("`:")) {
            file = Some(named.to_owned());
        }
    }
    blocks
}

impl Block {
    /// The commands of a console block.
    pub(super) fn commands(&self) -> Vec<Shown> {
        let mut commands: Vec<Shown> = Vec::new();
        for line in self.text.lines().filter(|_| self.language == "console") {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push(Shown { command: command.to_owned(), output: String::new() }),
                (None, Some(shown)) => shown.output += &format!("{line}\n"),
                (None, None) => panic!("no command before {line}"),
            }
        }
        commands
    }

    /// What its file is after this block, given what it was before.
    fn changed(&self, before: Option<String>) -> String {
        if self.language != "diff" {
            return self.text.clone();
        }
        let file = self.file.as_deref().unwrap_or_default();
        let mut contents = before.unwrap_or_else(|| panic!("there is no {file} to change"));
        for hunk in self.text.split("@@\n") {
            let side = |mark: char| {
                let lines = hunk.lines().filter(|line| line.starts_with([' ', mark]) || line.is_empty());
                lines.map(|line| format!("{}\n", line.get(1..).unwrap_or_default())).collect::<String>()
            };
            let (old, new) = (side('-'), side('+'));
            let found = contents.matches(&old).count();
            assert_eq!(found, 1, "what the page changes is in {file} {found} times:\n{old}");
            contents = contents.replacen(&old, &new, 1);
        }
        contents
    }
}

/// Files that differ from those in a folder.
pub(super) struct Changes<'a> {
    root: &'a Path,
    pub(super) files: BTreeMap<String, String>,
}

impl<'a> Changes<'a> {
    pub(super) fn of(root: &'a Path) -> Self {
        Self { root, files: BTreeMap::new() }
    }

    /// Makes the change of a block, if it is one.
    pub(super) fn make(&mut self, block: &Block) {
        if let Some(file) = &block.file {
            let before = self.files.get(file).cloned().or_else(|| fs::read_to_string(self.root.join(file)).ok());
            self.files.insert(file.clone(), block.changed(before));
        }
    }

    /// Writes all of them into a copy of the folder, as far as they differ there.
    pub(super) fn write(&self, copy: &Path) {
        for (file, contents) in &self.files {
            let path = copy.join(file);
            if fs::read_to_string(&path).is_ok_and(|is| is == *contents) {
                continue;
            }
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        }
    }
}

impl Shown {
    /// Checks what the command has printed. A line `…` stands for any lines.
    #[track_caller]
    pub(super) fn check(&self, printed: &str) {
        let mut rest = printed;
        for part in self.output.split("…\n").filter(|part| !part.is_empty()) {
            let Some(position) = rest.find(part) else {
                panic!("`{}` does not print\n{part}but\n{printed}", self.command);
            };
            rest = &rest[position + part.len()..];
        }
    }
}
