//! Every command of the guide is run, on one application, and prints what the guide shows.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use testkit::guide::{Block, Line, Terminal, blocks};
use testkit::{Process, without_settings};
use ticketing::PROGRAMS;

use super::servers::Servers;
use super::{GUIDE, text_of};

/// The terminal of the application.
const APPLICATION: &str = "application";

/// The terminal whose command needs what not every machine has. What it prints is in [`TABLE`] too, and `infra/check.py`
/// compares that.
const INFRA: &str = "infra";

/// The document with the table that the command prints.
const TABLE: &str = "infra/README.md";

/// The folder of the application's data in the guide.
const DATA: &str = "/tmp/course";

/// A line that stands for any other lines.
const OTHERS: &str = "…";

/// Longer than the orders' time to pay in the guide.
const LIMIT: Duration = Duration::from_secs(60);

/// What the application calls its addresses, and which they are in the guide.
const ADDRESSES: [(&str, &str); 4] = [
    ("  pages       http://", "127.0.0.1:3000"),
    ("  NATS        nats://", "127.0.0.1:4222"),
    ("  monitoring  http://", "127.0.0.1:8222"),
    ("  MongoDB     mongodb://", "127.0.0.1:27017"),
];

/// In place of cargo: runs the program that it has built; the application on free ports.
const CARGO: &str = r#"#!/bin/sh
shift 3 # run -q --
case "$1" in --*) set -- --free-ports --listen 127.0.0.1:0 "$@" ;; esac
exec "$TICKETING" "$@"
"#;

/// A terminal, and the line of the guide that was done last in it.
#[derive(Default)]
struct Place {
    terminal: Terminal,
    line: usize,
}

impl Place {
    /// Waits until the last command has ended, which prints no more than the guide shows.
    fn finish(&mut self) -> Result<(), String> {
        self.terminal.finish().map_err(|error| format!("{GUIDE}:{}: after this line: {error}", self.line))
    }
}

/// Somebody who follows the guide.
struct Reader {
    /// The folder of the terminals.
    folder: TempDir,
    _data: TempDir,
    places: HashMap<String, Place>,
    /// The texts of this machine, and what the guide has for them.
    texts: Vec<(String, String)>,
    /// The functions that were defined in the shell.
    functions: String,
}

impl Reader {
    fn new() -> Self {
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let cargo = folder.path().join("bin/cargo");
        fs::create_dir(cargo.parent().unwrap()).unwrap();
        fs::write(&cargo, CARGO).unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        let texts = vec![(data.path().to_str().unwrap().to_owned(), DATA.to_owned())];
        Self { folder, _data: data, places: HashMap::new(), texts, functions: String::new() }
    }

    /// Does what a line says, or sees what it shows.
    async fn step(&mut self, terminal: &str, line: Line<'_>, after_others: bool) -> Result<(), String> {
        let Line { number, text } = line;
        let here = self.places.entry(terminal.to_owned()).or_default();
        if let Some(command) = text.strip_prefix("$ ") {
            here.finish()?;
            here.line = number;
            self.start(terminal, command).await;
            return Ok(());
        }
        here.line = number;
        let (here, texts) = (&mut here.terminal, &mut self.texts);
        let mut as_shown = |line: String| as_in_guide(line, texts);
        let seen = if text == "^C" {
            here.running().map(|process| process.signal(Signal::SIGINT))
        } else if after_others {
            here.see_later(text, LIMIT, &mut as_shown)
        } else {
            here.see(text, LIMIT, &mut as_shown)
        };
        seen.map_err(|error| format!("{GUIDE}:{number}: {error}"))
    }

    /// Starts a command, after everything that the ones before have caused has happened.
    async fn start(&mut self, terminal: &str, command: &str) {
        if command.split_once("() {").is_some_and(|(name, _)| !name.contains(' ')) {
            self.functions.push_str(&format!("{command}\n"));
            return;
        }
        let mut shell = Command::new("sh");
        without_settings(&mut shell, &PROGRAMS);
        shell.current_dir(self.folder.path()).env("TICKETING", env!("CARGO_BIN_EXE_ticketing")).env_remove("RUST_LOG");
        let mut command = command.to_owned();
        if terminal == APPLICATION {
            command = format!("exec env {command}"); // so that Ctrl-C reaches it
            self.texts.truncate(1); // its addresses are others now
        } else {
            let servers = self.servers();
            servers.settled().await;
            shell.env("NATS_URL", &servers.nats).env("MONGO_URI", &servers.mongo);
        }
        let mut command = format!("PATH=\"$PWD/bin:$PATH\"\n{}{command}", self.functions);
        for (ours, guides) in &self.texts {
            command = command.replace(guides, ours);
        }
        shell.arg("-c").arg(command);
        self.places.get_mut(terminal).unwrap().terminal.run(Process::start(shell));
    }

    fn servers(&self) -> Servers {
        let ours = |guides: &str| &self.texts.iter().find(|(_, text)| text == guides).unwrap().0;
        Servers {
            nats: format!("nats://{}", ours("127.0.0.1:4222")),
            mongo: format!("mongodb://{}/?replicaSet=rs0", ours("127.0.0.1:27017")),
        }
    }
}

/// The line as the guide's reader would see it.
fn as_in_guide(line: String, texts: &mut Vec<(String, String)>) -> String {
    for (begin, guides) in ADDRESSES {
        if let Some(ours) = line.strip_prefix(begin) {
            texts.push((ours.split('/').next().unwrap().to_owned(), guides.to_owned()));
        }
    }
    texts.iter().fold(line, |line, (ours, guides)| line.replace(ours, guides))
}

/// Does everything that the guide says, and sees everything that it shows, and no more.
async fn follow(blocks: &[Block<'_>]) -> Result<(), String> {
    let mut reader = Reader::new();
    for Block { terminal, lines, .. } in blocks.iter().filter(|block| block.terminal != INFRA) {
        let mut after_others = false;
        for line in lines {
            let is_others = line.text == OTHERS;
            if !is_others {
                reader.step(terminal, *line, after_others).await?;
            }
            after_others = is_others;
        }
        // A command ends with its block, but the application with Ctrl-C.
        if *terminal != APPLICATION {
            reader.places.get_mut(*terminal).unwrap().finish()?;
        }
    }
    reader.places.values_mut().try_for_each(Place::finish)
}

#[test]
fn the_table_of_what_is_deployed_is_shown_as_it_is() {
    let (guide, table) = (text_of(GUIDE), text_of(TABLE));
    let blocks = blocks(&guide);
    let lines = blocks.iter().filter(|block| block.terminal == INFRA).flat_map(|block| &block.lines);
    let shown: Vec<_> = lines.filter(|line| line.text != OTHERS && !line.text.starts_with("$ ")).collect();
    assert!(!shown.is_empty());
    for line in shown {
        assert!(table.lines().any(|row| row == line.text), "{GUIDE}:{}: {TABLE} has no such line", line.number);
    }
}

#[tokio::test]
async fn every_command_of_the_guide_prints_what_the_guide_shows() {
    let guide = text_of(GUIDE);
    let blocks = blocks(&guide);
    assert!(blocks.len() >= 10, "{GUIDE} has only {} blocks of commands", blocks.len());
    if let Err(error) = follow(&blocks).await {
        panic!("{error}");
    }
}
