//! A number server of a test's own.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Many times what anything here should take.
pub(crate) const LIMIT: Duration = Duration::from_secs(25);

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

    pub(crate) fn command(&self, command: &str) -> Command {
        let mut process = Command::new(env!("CARGO_BIN_EXE_number-server"));
        process.current_dir(self.folder()).args(["--rundir", ".", "--config", "numbers.toml"]).args(command.split(' '));
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
        number(&line)
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
    let number: u8 = line.strip_suffix('\n').unwrap().parse().unwrap_or_else(|_| panic!("no number: {line:?}"));
    assert!(number <= 10 && number.to_string().len() + 1 == line.len(), "{line:?}");
    number
}

/// A process in the foreground whose stdout is read line by line.
pub(crate) struct Foreground {
    pub(crate) child: Child,
    lines: Receiver<String>,
}

impl Foreground {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|read| read > 0) {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line, with its end.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(LIMIT).expect("no line in time")
    }

    pub(crate) fn so_far(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// The CPU time it has used, in clock ticks.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
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
