//! The guide is what happens: every command in it is run, and every line it shows is seen, in order, and no other.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use testkit::guide::{Block, Terminal, blocks, is_shown};

use crate::harness::{Server, get, start};

/// The terminal of the broker. It runs from lesson to lesson, and is empty at the start of one that begins with
/// [`FRESH`]; here, each lesson has an empty one of its own.
const SERVER: &str = "server";

/// The option of the broker that deletes the events of the lessons before.
const FRESH: &str = "--fresh";

/// How long people take between the end of a command and the next one in the same terminal.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a terminal is watched for what should not come.
const QUIET: Duration = Duration::from_millis(2500);

/// How long a line may take to come: four times what the longest program says that it takes, half a minute.
const LONGEST: Duration = Duration::from_secs(120);

/// Whether the block replaces the broker of the lessons before by an empty one.
fn is_fresh_start(block: &Block<'_>) -> bool {
    let is_fresh = |line: &str| line.ends_with(&format!("--bin server -- {FRESH}"));
    block.terminal == SERVER && block.lines.len() == 2 && block.lines[0].text == "^C" && is_fresh(block.lines[1].text)
}

/// The lessons, by heading.
fn lessons(guide: &str) -> Vec<(&str, Vec<Block<'_>>)> {
    let mut lessons: Vec<(&str, Vec<Block<'_>>)> = Vec::new();
    for block in blocks(guide) {
        match lessons.last_mut() {
            Some((heading, blocks)) if *heading == block.section => blocks.push(block),
            _ => lessons.push((block.section, vec![block])),
        }
    }
    lessons
}

/// A terminal, and what this test's servers are there.
#[derive(Default)]
struct Place {
    terminal: Terminal,
    /// Where this test's server and monitor are, and where the guide's are.
    addresses: Vec<(String, String)>,
    data: Option<TempDir>,
}

impl Place {
    fn start(&mut self, command: &str, server: &Server) -> Result<(), String> {
        if self.terminal.is_in_use() {
            self.finish()?;
            thread::sleep(PAUSE);
        }
        let (binary, options) = command.split_once(" -- ").unwrap_or((command, ""));
        let binary = binary.strip_prefix("cargo run -q --bin ").ok_or("no command of ours")?;
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
        self.terminal.run(start(binary, &arguments));
        self.data = Some(data);
        Ok(())
    }

    /// The last process must be over, with nothing said that was not expected.
    fn finish(&mut self) -> Result<(), String> {
        self.addresses.clear();
        self.terminal.finish()
    }

    /// Presses a key, when nothing more is said that the guide does not show: longer than the ack waits in it.
    fn type_when_quiet(&mut self, signal: Signal) -> Result<(), String> {
        self.terminal.press_after(QUIET, signal)
    }

    /// Sees this line next, on stdout or stderr.
    fn see(&mut self, expected: &str, limit: Duration) -> Result<(), String> {
        let Self { terminal, addresses, .. } = self;
        terminal.see(expected, limit, &mut |line| as_in_guide(line, addresses))
    }
}

/// The line as the guide's reader would see it.
fn as_in_guide(line: String, addresses: &mut Vec<(String, String)>) -> String {
    for (start, address) in [
        ("  clients     nats://", "127.0.0.1:4222"),
        ("  monitoring  http://", "127.0.0.1:8222"),
        ("The monitor is at http://", "127.0.0.1:8223"),
    ] {
        if let Some(rest) = line.strip_prefix(start) {
            let ours = rest.split(',').next().unwrap().to_owned();
            addresses.push((ours, address.to_owned()));
        }
    }
    let line = addresses.iter().fold(line, |line, (ours, guides)| line.replace(ours, guides));
    line.replace(" -- --url nats://127.0.0.1:4222", "") // said only where the port is not the usual one
}

/// Does everything that a lesson says, and sees everything that it shows.
fn follow(blocks: &[Block<'_>], limit: Duration) -> Result<(), String> {
    let server = Server::start();
    let mut places: HashMap<&str, Place> = HashMap::new();
    for block in blocks.iter().filter(|block| !is_fresh_start(block)) {
        let mut page = None; // what the last curl is expected to show
        for line in &block.lines {
            step(block.terminal, line.text, &mut places, &mut page, &server, limit)
                .map_err(|error| format!("README.md:{}: {error}", line.number))?;
        }
        if page.is_some() {
            return Err("the guide does not show a page".to_owned());
        }
    }
    if let Some(place) = places.get_mut(SERVER) {
        place.type_when_quiet(Signal::SIGINT)?;
    }
    for place in places.values_mut() {
        place.finish()?;
    }
    server.stop();
    Ok(())
}

/// Does what one line says, or sees what it shows.
fn step<'a>(
    terminal: &'a str,
    line: &str,
    places: &mut HashMap<&'a str, Place>,
    page: &mut Option<String>,
    server: &Server,
    limit: Duration,
) -> Result<(), String> {
    if page.is_some() && line.starts_with('$') {
        return Err("the guide does not show a page".to_owned());
    }
    let here = places.entry(terminal).or_default();
    match (line, line.strip_prefix("$ ")) {
        (_, Some("fg")) => here.terminal.running()?.signal(Signal::SIGCONT),
        (_, Some(command)) => match command.strip_prefix("curl -s 'localhost:8223") {
            Some(path) => *page = Some(path.trim_end_matches('\'').to_owned()),
            None => here.start(command, server)?,
        },
        ("^C", _) => here.type_when_quiet(Signal::SIGINT)?,
        ("^\\", _) => here.type_when_quiet(Signal::SIGKILL)?, // as SIGQUIT, and leaves no core file
        ("^Z", _) => here.type_when_quiet(Signal::SIGSTOP)?,
        ("rs", _) => here.terminal.running()?.type_line("rs"),
        (expected, _) => match page.take() {
            None => here.see(expected, limit)?,
            Some(path) => see_page(places, &path, expected, limit)?,
        },
    }
    Ok(())
}

/// Fetches a page of the monitor, until it is as expected.
fn see_page(places: &HashMap<&str, Place>, path: &str, expected: &str, limit: Duration) -> Result<(), String> {
    let mut addresses = places.values().flat_map(|place| &place.addresses);
    let (monitor, _) = addresses.find(|(_, guides)| guides == "127.0.0.1:8223").ok_or("no monitor runs")?;
    let give_up = Instant::now() + limit;
    loop {
        let (_, body) = get(&format!("http://{monitor}"), path);
        if body.strip_suffix('\n').is_some_and(|line| is_shown(expected, line)) {
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
            lessons.iter().map(|(name, blocks)| (name, scope.spawn(|| follow(blocks, LONGEST)))).collect();
        let ended = running.into_iter().map(|(name, lesson)| (name, lesson.join().unwrap()));
        ended.filter_map(|(name, result)| Some(format!("{name}: {}", result.err()?))).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn a_lesson_with_events_begins_with_an_empty_broker() {
    let guide = guide();
    let uses = |line: &str| line.starts_with("$ ") && (line.contains("listen") || line.contains("publish"));
    let has_events = |blocks: &[Block<'_>]| {
        let mut lines = blocks.iter().flat_map(|block| &block.lines);
        lines.any(|line| uses(line.text) && !line.text.contains("--url "))
    };
    // The first of all has the broker that was started before it.
    let with_events = lessons(&guide).into_iter().filter(|(_, blocks)| has_events(blocks)).skip(1);
    let others: Vec<_> = with_events.filter(|(_, blocks)| !is_fresh_start(&blocks[0])).map(|(name, _)| name).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// What following a lesson is worth: with any line of a lesson changed or left out, the lesson fails.
#[test]
fn a_lesson_of_which_a_line_is_changed_or_missing_fails() {
    let guide = guide();
    let all = lessons(&guide);
    let (_, lesson) = all.iter().find(|(name, _)| *name == "Publishing events").unwrap();
    let block = &lesson[0];
    let shown: Vec<_> = (0..block.lines.len()).filter(|at| block.lines[*at].text.starts_with(['P', 'E'])).collect();
    assert_eq!(shown.len(), 3);
    thread::scope(|scope| {
        for at in shown {
            let mut missing = block.clone();
            missing.lines.remove(at);
            let line = format!("{}!", block.lines[at].text);
            scope.spawn(move || {
                follow(&[missing], QUIET).unwrap_err();
                let mut changed = block.clone();
                changed.lines[at].text = &line;
                let error = follow(&[changed], QUIET).unwrap_err();
                assert!(error.starts_with(&format!("README.md:{}: ", block.lines[at].number)), "{error}");
            });
        }
    });
}
