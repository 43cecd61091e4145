//! The guide of the hub: every command of its chapters, and what it prints.

use std::collections::HashMap;
use std::process::Command;

use nix::sys::signal::Signal;
use testkit::guide::{Line, blocks};
use testkit::{Broker, Process, free_port, programs, until};

const GUIDE: &str = include_str!("../../../hub/README.md");

/// What stands for text that differs each time.
const ANY: char = '…';

/// Replaces the ports of the guide with free ones, and the commands of cargo with what it has built.
struct Machine {
    ports: Vec<(&'static str, String)>,
    folder: tempfile::TempDir,
    terminals: HashMap<&'static str, Process>,
    started: usize,
}

impl Machine {
    fn command(&mut self, line: &str) -> Command {
        let mut line = line.to_owned();
        for (port, free) in &self.ports {
            line = line.replace(port, free);
        }
        let Some(rest) = line.strip_prefix("cargo run -q -p ") else {
            assert!(line.starts_with("curl "), "{line}");
            let mut command = Command::new("sh");
            command.args(["-c", &format!("exec {line}")]);
            return command;
        };
        let (_, rest) = rest.split_once(" --bin ").unwrap();
        let (program, arguments) = rest.split_once(" -- ").unwrap_or((rest, ""));
        let mut command = Command::new(programs().join(program));
        self.started += 1;
        command.arg("--rundir").arg(self.folder.path().join(self.started.to_string()));
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
        let address: Option<std::net::SocketAddr> = bind.last().map(|(_, address)| address.parse().unwrap());
        self.terminals.insert(terminal, Process::start(command));
        if let Some(address) = address {
            until("it listens", || async { tokio::net::TcpStream::connect(address).await.is_ok() }).await;
        }
    }
}

/// Whether a line is what the guide shows; a number for `…` alone, so that an empty line is none.
fn is_shown(shown: &str, line: &str) -> bool {
    if shown == ANY.to_string() {
        return line.parse::<u8>().is_ok();
    }
    match shown.split_once(ANY) {
        Some((begin, end)) => line.starts_with(begin) && line.ends_with(end) && line.len() > begin.len() + end.len(),
        None => shown == line,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_guide_prints_what_the_guide_shows() {
    let broker = Broker::start().await;
    let nats = broker.url().rsplit_once(':').unwrap().1.to_owned();
    let free = || free_port().to_string();
    let ports = vec![("8088", free()), ("7776", free()), ("8089", free()), ("4222", nats)];
    let folder = tempfile::tempdir().unwrap();
    let mut machine = Machine { ports, folder, terminals: HashMap::new(), started: 0 };
    for block in blocks(GUIDE) {
        let terminal = block.terminal;
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
            let process = machine.terminals.get_mut(terminal).unwrap();
            // Keep-alives are shown where they matter.
            let line = loop {
                let line = process.line();
                if !line.is_empty() || shown.is_empty() {
                    break line;
                }
            };
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
