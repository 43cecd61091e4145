//! The guide is what happens: every command in it is run, and every line it shows is seen, in order, and no other.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use testkit::Process;

use crate::harness::{LIMIT, Server, get, start};

/// The terminal of the broker. It runs from lesson to lesson, and is empty at the start of one that begins with
/// [`FRESH`]; here, each lesson has an empty one of its own.
const SERVER: &str = "server";

/// The option of the broker that deletes the events of the lessons before.
const FRESH: &str = "--fresh";

/// How long people take between the end of a command and the next one in the same terminal.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a terminal is watched for what should not come.
const QUIET: Duration = Duration::from_millis(2500);

/// A step of a lesson: what is typed into, and seen in, one terminal.
struct Block<'a> {
    terminal: &'a str,
    lines: Vec<&'a str>,
}

impl Block<'_> {
    /// Whether it replaces the broker of the lessons before by an empty one.
    fn is_fresh_start(&self) -> bool {
        let is_fresh = |line: &&str| line.ends_with(&format!("--bin server -- {FRESH}"));
        self.terminal == SERVER && self.lines.len() == 2 && self.lines[0] == "^C" && is_fresh(&self.lines[1])
    }
}

/// The lessons, by heading.
fn lessons(guide: &str) -> Vec<(&str, Vec<Block<'_>>)> {
    let mut lessons = Vec::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            lessons.push((heading, Vec::new()));
        } else if line == "```console" {
            let mut block = lines.by_ref().take_while(|line| *line != "```");
            let terminal = block.next().unwrap();
            let lines = block.collect();
            // A block before the first lesson is not run.
            if let Some((heading, blocks)) = lessons.last_mut() {
                let terminal = terminal.strip_prefix("# ");
                let terminal =
                    terminal.unwrap_or_else(|| panic!("{heading}: a block does not begin with `# TERMINAL`"));
                blocks.push(Block { terminal, lines });
            }
        }
    }
    lessons
}

/// A terminal, with the last process that was started in it.
#[derive(Default)]
struct Terminal {
    process: Option<Process>,
    /// The next line of stdout, and of stderr, that came and was not yet expected.
    next: [Option<String>; 2],
    /// Where this test's server and monitor are, and where the guide's are.
    addresses: Vec<(String, String)>,
    data: Option<TempDir>,
}

/// The next line of stdout (0) or stderr (1), if there is one.
fn try_line(process: &mut Process, stream: usize) -> Option<String> {
    if stream == 0 { process.try_line() } else { process.try_stderr_line() }
}

impl Terminal {
    fn start(&mut self, command: &str, server: &Server) -> Result<(), String> {
        if self.process.is_some() {
            self.finish()?;
            thread::sleep(PAUSE);
        }
        let (binary, options) = command.split_once(" -- ").unwrap_or((command, ""));
        let binary = binary.strip_prefix("cargo run -q -p nats-test --bin ").ok_or("no command of ours")?;
        let mut arguments: Vec<&str> = options.split_whitespace().collect();
        arguments.retain(|option| *option != FRESH); // its folder is a new one
        let data = tempfile::tempdir().unwrap();
        match binary {
            "server" => {
                arguments.extend(["--port", "0", "--monitoring-port", "0", "--data", data.path().to_str().unwrap()]);
            }
            "monitor" => arguments.extend(["--url", &server.url, "--bind", "127.0.0.1:0"]),
            _ if arguments.contains(&"--url") => {}
            _ => arguments.extend(["--url", &server.url]),
        }
        self.process = Some(start(binary, &arguments));
        self.data = Some(data);
        Ok(())
    }

    /// The last process must be over, with nothing said that was not expected.
    fn finish(&mut self) -> Result<(), String> {
        let Some(process) = self.process.take() else { return Ok(()) };
        let ended = process.wait();
        let rest: Vec<_> =
            self.next.iter_mut().filter_map(Option::take).chain(ended.stdout).chain(ended.stderr).collect();
        self.addresses.clear();
        if rest.is_empty() { Ok(()) } else { Err(format!("not in the guide: {rest:?}")) }
    }

    fn running(&mut self) -> Result<&mut Process, String> {
        self.process.as_mut().ok_or_else(|| "nothing runs in this terminal".to_owned())
    }

    /// The line as the guide's reader would see it.
    fn as_in_guide(&mut self, line: String) -> String {
        for (start, address) in [
            ("  clients     nats://", "127.0.0.1:4222"),
            ("  monitoring  http://", "127.0.0.1:8222"),
            ("The monitor is at http://", "127.0.0.1:8223"),
        ] {
            if let Some(rest) = line.strip_prefix(start) {
                let ours = rest.split(',').next().unwrap().to_owned();
                self.addresses.push((ours, address.to_owned()));
            }
        }
        let line = self.addresses.iter().fold(line, |line, (ours, guides)| line.replace(ours, guides));
        line.replace(" -- --url nats://127.0.0.1:4222", "") // said only where the port is not the usual one
    }

    /// Presses a key, when nothing more is said that the guide does not show: longer than the ack waits in it.
    fn type_when_quiet(&mut self, signal: Signal) -> Result<(), String> {
        let quiet_until = Instant::now() + QUIET;
        while Instant::now() < quiet_until {
            for stream in 0..2 {
                let line = self.next[stream].take().or_else(|| try_line(self.process.as_mut()?, stream));
                if let Some(line) = line {
                    return Err(format!("not in the guide: {line:?}"));
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.running()?.signal(signal);
        Ok(())
    }

    /// Sees this line next, on stdout or stderr.
    fn see(&mut self, expected: &str, limit: Duration) -> Result<(), String> {
        let give_up = Instant::now() + limit;
        while Instant::now() < give_up {
            for stream in 0..2 {
                if self.next[stream].is_none() {
                    let line = try_line(self.running()?, stream);
                    self.next[stream] = line.map(|line| self.as_in_guide(line));
                }
                if self.next[stream].as_ref().is_some_and(|line| matches(expected, line)) {
                    self.next[stream] = None;
                    return Ok(());
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(format!("expected {expected:?}, and next are {:?}", self.next))
    }
}

/// Whether the line is the expected one, in which `…` stands for anything.
fn matches(expected: &str, line: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Does everything that a lesson says, and sees everything that it shows.
fn follow(blocks: &[Block<'_>], limit: Duration) -> Result<(), String> {
    let server = Server::start();
    let mut terminals: HashMap<&str, Terminal> = HashMap::new();
    for block in blocks.iter().filter(|block| !block.is_fresh_start()) {
        let mut page = None; // what the last curl is expected to show
        for line in &block.lines {
            if page.is_some() && line.starts_with('$') {
                return Err("the guide does not show a page".to_owned());
            }
            let here = terminals.entry(block.terminal).or_default();
            match (*line, line.strip_prefix("$ ")) {
                (_, Some("fg")) => here.running()?.signal(Signal::SIGCONT),
                (_, Some(command)) => match command.strip_prefix("curl -s 'localhost:8223") {
                    Some(path) => page = Some(path.trim_end_matches('\'').to_owned()),
                    None => here.start(command, &server)?,
                },
                ("^C", _) => here.type_when_quiet(Signal::SIGINT)?,
                ("^\\", _) => here.type_when_quiet(Signal::SIGKILL)?, // as SIGQUIT, and leaves no core file
                ("^Z", _) => here.type_when_quiet(Signal::SIGSTOP)?,
                ("rs", _) => here.running()?.type_line("rs"),
                (expected, _) => match &page {
                    None => here.see(expected, limit)?,
                    Some(path) => {
                        see_page(&terminals, path, expected, limit)?;
                        page = None;
                    }
                },
            }
        }
        if page.is_some() {
            return Err("the guide does not show a page".to_owned());
        }
    }
    if let Some(terminal) = terminals.get_mut(SERVER) {
        terminal.type_when_quiet(Signal::SIGINT)?;
    }
    for terminal in terminals.values_mut() {
        terminal.finish()?;
    }
    server.stop();
    Ok(())
}

/// Fetches a page of the monitor, until it is as expected.
fn see_page(terminals: &HashMap<&str, Terminal>, path: &str, expected: &str, limit: Duration) -> Result<(), String> {
    let mut addresses = terminals.values().flat_map(|terminal| &terminal.addresses);
    let (monitor, _) = addresses.find(|(_, guides)| guides == "127.0.0.1:8223").ok_or("no monitor runs")?;
    let give_up = Instant::now() + limit;
    loop {
        let (_, body) = get(&format!("http://{monitor}"), path);
        if body.strip_suffix('\n').is_some_and(|line| matches(expected, line)) {
            return Ok(());
        }
        if Instant::now() >= give_up {
            return Err(format!("expected {expected:?}, and the page is {body:?}"));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn guide() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

#[test]
fn every_lesson_of_the_guide_happens_as_it_is_written() {
    let guide = guide();
    let lessons = lessons(&guide);
    assert!(lessons.len() >= 15, "{}", lessons.len());
    let failed: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> =
            lessons.iter().map(|(name, blocks)| (name, scope.spawn(|| follow(blocks, LIMIT)))).collect();
        let ended = running.into_iter().map(|(name, lesson)| (name, lesson.join().unwrap()));
        ended.filter_map(|(name, result)| Some(format!("{name}: {}", result.err()?))).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn a_lesson_with_events_begins_with_an_empty_broker() {
    let guide = guide();
    let uses = |line: &&str| line.starts_with("$ ") && (line.contains("listen") || line.contains("publish"));
    let elsewhere = |line: &&str| line.contains("--url ");
    let has_events =
        |blocks: &[Block<'_>]| blocks.iter().flat_map(|block| &block.lines).any(|line| uses(line) && !elsewhere(line));
    // The first of all has the broker that was started before it.
    let with_events = lessons(&guide).into_iter().filter(|(_, blocks)| has_events(blocks)).skip(1);
    let others: Vec<_> = with_events.filter(|(_, blocks)| !blocks[0].is_fresh_start()).map(|(name, _)| name).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// What following a lesson is worth: with any line of a lesson changed or left out, the lesson fails.
#[test]
fn a_lesson_of_which_a_line_is_changed_or_missing_fails() {
    let guide = guide();
    let all = lessons(&guide);
    let (_, lesson) = all.iter().find(|(name, _)| *name == "Publishing events").unwrap();
    let shown: Vec<_> = (0..lesson[0].lines.len()).filter(|at| lesson[0].lines[*at].starts_with(['P', 'E'])).collect();
    assert_eq!(shown.len(), 3);
    thread::scope(|scope| {
        for at in shown {
            let mut missing = lesson[0].lines.clone();
            missing.remove(at);
            let line = format!("{}!", lesson[0].lines[at]);
            scope.spawn(move || {
                let terminal = "1";
                follow(&[Block { terminal, lines: missing }], QUIET).unwrap_err();
                let mut changed = lesson[0].lines.clone();
                changed[at] = &line;
                follow(&[Block { terminal, lines: changed }], QUIET).unwrap_err();
            });
        }
    });
}
