//! The guide of the hub: every command of its chapters, and what it prints.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Instant;

use nix::sys::signal::Signal;
use testkit::guide::{self, Line, blocks};
use testkit::{Broker, LIMIT, Process, free_port, programs, until};

const GUIDE: &str = include_str!("../../../hub/README.md");

/// What stands for text that differs each time.
const ANY: &str = "…";

/// What stands for any lines before the next one that is shown.
const LATER: &str = "⋮";

/// Replaces the ports of the guide with free ones, and the commands of cargo with what it has built.
struct Machine {
    ports: Vec<(&'static str, String)>,
    folder: tempfile::TempDir,
    terminals: HashMap<&'static str, Process>,
}

impl Machine {
    fn command(&self, line: &str) -> Command {
        let mut line = line.to_owned();
        for (port, free) in &self.ports {
            line = line.replace(port, free);
        }
        let line = line.replace("/tmp/", &format!("{}/", self.folder.path().display()));
        let (variables, line) = line.split_at(line.find("cargo run ").unwrap_or(0));
        let Some(rest) = line.strip_prefix("cargo run -q --bin ") else {
            assert!(line.starts_with("curl "), "{line}");
            let mut command = Command::new("sh");
            command.args(["-c", &format!("exec {line}")]);
            return command;
        };
        let (program, arguments) = rest.split_once(" -- ").unwrap_or((rest, ""));
        let mut command = Command::new(programs().join(program));
        for (name, value) in variables.split_whitespace().map(|variable| variable.split_once('=').unwrap()) {
            let nodes = value.split(',').map(|node| format!("{node}:{}", self.ports[4].1));
            let value = if name == "HUB__BUS" { value.to_owned() } else { nodes.collect::<Vec<_>>().join(",") };
            command.env(name, value);
        }
        // One for all, as on a reader's machine.
        command.env("XDG_DATA_HOME", self.folder.path()).env("XDG_RUNTIME_DIR", self.folder.path());
        for (section, port) in [("hub", "8088"), ("numbers", "7776")] {
            let is_its = if program == "number-server" { section == "numbers" } else { section == "hub" };
            if is_its && !arguments.contains("hub.bind") {
                let (_, free) = self.ports.iter().find(|(fixed, _)| *fixed == port).unwrap();
                command.args(["--set", &format!("{section}.bind=127.0.0.1:{free}")]);
            }
        }
        if program == "number-gateway" {
            command.args(["--set", &format!("source.server=127.0.0.1:{}", self.ports[1].1)]);
        }
        command.args(arguments.split_whitespace());
        command
    }

    /// Starts a command in a terminal; a server is waited for.
    async fn start(&mut self, terminal: &'static str, line: &str) {
        let command = self.command(line);
        let bind = command.get_args().filter_map(|argument| argument.to_str()?.split_once("bind="));
        let mut address: Option<SocketAddr> = bind.last().map(|(_, address)| address.parse().unwrap());
        // A node serves its channels at its own address.
        let identity = command.get_envs().find(|(name, _)| *name == "IDENTITY").and_then(|(_, value)| value?.to_str());
        if let (Some(address), Some(identity)) = (&mut address, identity) {
            address.set_ip(identity.parse::<SocketAddr>().unwrap().ip());
        }
        self.terminals.insert(terminal, Process::start(command));
        if let Some(address) = address {
            until("it listens", || async { tokio::net::TcpStream::connect(address).await.is_ok() }).await;
        }
    }
}

/// Whether a line is what the guide shows; a number for `…` alone, so that an empty line is none.
fn is_shown(shown: &str, line: &str) -> bool {
    if shown == ANY { line.parse::<u8>().is_ok() } else { guide::is_shown(shown, line) }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_guide_prints_what_the_guide_shows() {
    let broker = Broker::start().await;
    let nats = broker.url().rsplit_once(':').unwrap().1.to_owned();
    let free = || free_port().to_string();
    let ports = vec![("8088", free()), ("7776", free()), ("8089", free()), ("4222", nats), ("4440", free())];
    let folder = tempfile::tempdir().unwrap();
    let mut machine = Machine { ports, folder, terminals: HashMap::new() };
    for block in blocks(GUIDE) {
        let (terminal, mut is_later) = (block.terminal, false);
        for Line { number, text: shown } in block.lines {
            if let Some(line) = shown.strip_prefix("$ ") {
                if let Some(before) = machine.terminals.remove(terminal) {
                    assert_eq!(before.wait().code, Some(0), "{terminal} before {line}");
                }
                machine.start(terminal, line).await;
                continue;
            }
            if shown == "^C" {
                let mut program = machine.terminals.remove(terminal).unwrap();
                program.signal(Signal::SIGINT);
                assert_eq!(program.ended().await.code(), Some(0), "{}", program.stderr());
                continue;
            }
            if shown == "^\\" {
                let mut program = machine.terminals.remove(terminal).unwrap();
                program.signal(Signal::SIGQUIT);
                assert_eq!(program.ended().await.signal(), Some(Signal::SIGQUIT as i32));
                continue;
            }
            if shown == LATER {
                is_later = true;
                continue;
            }
            let shown = machine.ports.iter().fold(shown.to_owned(), |shown, (port, free)| shown.replace(port, free));
            let (shown, give_up) = (shown.as_str(), Instant::now() + LIMIT);
            let process = machine.terminals.get_mut(terminal).unwrap();
            // Keep-alives are shown where they matter.
            let line = loop {
                let line = process.line();
                let comes_later = is_later && !is_shown(shown, &line) && Instant::now() < give_up;
                if (!line.is_empty() || shown.is_empty()) && !comes_later {
                    break line;
                }
            };
            is_later = false;
            let is_number = shown.is_empty() && line.parse::<u8>().is_ok();
            let line = if is_number { until_empty(process) } else { line };
            let place = format!("crates/hub/README.md:{number}: {terminal}");
            assert!(is_shown(shown, &line), "{place} prints {line:?}, and the guide shows {shown:?}");
        }
    }
    drop(machine);
    broker.stop().await;
}

/// The next empty line behind some numbers.
fn until_empty(process: &mut Process) -> String {
    loop {
        let line = process.line();
        if line.is_empty() {
            return line;
        }
    }
}
