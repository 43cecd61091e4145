//! A number server of a test's own.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use testkit::LIMIT;

/// A settings file, a run folder and a port, and whatever runs with them; that is stopped when the test is over.
pub(crate) struct NumberServer {
    folder: TempDir,
    pub(crate) address: String,
}

impl NumberServer {
    pub(crate) fn new(rate_per_minute: u32) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = Self { folder: tempfile::tempdir().unwrap(), address: free.to_string() };
        server.set(&format!("rate_per_minute = {rate_per_minute}"));
        server
    }

    pub(crate) fn started(rate_per_minute: u32) -> Self {
        let server = Self::new(rate_per_minute);
        server.succeeds("start");
        server
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the section's lines, behind the address.
    pub(crate) fn set(&self, lines: &str) {
        self.write(&format!("[numbers]\nbind = \"{}\"\n{lines}\n", self.address));
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(self.folder().join("numbers.toml"), text).unwrap();
    }

    /// The command, with the settings file if it reads settings and is not to read others.
    pub(crate) fn command(&self, command: &str) -> Command {
        let reads_settings =
            ["run", "start", "config check", "config show"].iter().any(|name| command.starts_with(name));
        let config: &[_] =
            if reads_settings && !command.contains("--config") { &["--config", "numbers.toml"] } else { &[] };
        let mut process = Command::new(env!("CARGO_BIN_EXE_number-server"));
        process.current_dir(self.folder()).args(["--rundir", "."]).args(config).args(command.split(' '));
        process
    }

    /// Runs a command to its end: exit code, stdout, stderr.
    pub(crate) fn run(&self, command: &str) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(command).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    pub(crate) fn succeeds(&self, command: &str) -> String {
        let (code, stdout, stderr) = self.run(command);
        assert_eq!(code, 0, "{command}: {stdout}{stderr}");
        stdout
    }

    /// The process that runs in the background, if one does.
    pub(crate) fn pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.folder().join("number-server.pid")).ok()?;
        Some(Pid::from_raw(text.trim().parse().ok()?))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid().unwrap(), signal).unwrap();
    }

    pub(crate) fn connect(&self) -> Numbers {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Numbers(BufReader::new(stream))
    }
}

impl Drop for NumberServer {
    fn drop(&mut self) {
        self.run("stop --within 5s");
    }
}

/// A connection to the server.
pub(crate) struct Numbers(BufReader<TcpStream>);

impl Numbers {
    /// The next line, which must be a number and nothing else.
    pub(crate) fn next(&mut self) -> u8 {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        number(line.strip_suffix('\n').unwrap())
    }

    /// Whether nothing comes for a while.
    pub(crate) fn is_silent_for(&mut self, time: Duration) -> bool {
        self.0.get_ref().set_read_timeout(Some(time)).unwrap();
        let read = self.0.read(&mut [0; 64]);
        self.0.get_ref().set_read_timeout(Some(LIMIT)).unwrap();
        read.is_err()
    }
}

pub(crate) fn number(line: &str) -> u8 {
    let number: u8 = line.parse().unwrap_or_else(|_| panic!("no number: {line:?}"));
    assert!(number <= 10 && number.to_string().len() == line.len(), "{line:?}");
    number
}

pub(crate) fn until<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < give_up, "not in time: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
