//! A terminal of a guide.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::shown::is_shown;
use crate::Process;

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(5);

/// A terminal, with the last process that was started in it. What it says wrong is an error in words.
#[derive(Debug, Default)]
pub struct Terminal {
    process: Option<Process>,
    /// The next line of stdout, and of stderr, that came and was not yet expected.
    next: [Option<String>; 2],
}

impl Terminal {
    /// Runs a process, after the last one has [finished](Self::finish).
    pub fn run(&mut self, process: Process) {
        self.process = Some(process);
    }

    /// Whether a process was started that has not finished.
    pub fn is_in_use(&self) -> bool {
        self.process.is_some()
    }

    /// The process that runs.
    ///
    /// # Errors
    ///
    /// If none does.
    pub fn running(&mut self) -> Result<&mut Process, String> {
        self.process.as_mut().ok_or_else(|| "nothing runs in this terminal".to_owned())
    }

    /// Waits until the process ends.
    ///
    /// # Errors
    ///
    /// If it says more than was expected.
    pub fn finish(&mut self) -> Result<(), String> {
        let Some(process) = self.process.take() else { return Ok(()) };
        let ended = process.wait();
        let expected = self.next.iter_mut().filter_map(Option::take);
        let rest: Vec<_> = expected.chain(ended.stdout).chain(ended.stderr).collect();
        if rest.is_empty() { Ok(()) } else { Err(format!("not in the guide: {rest:?}")) }
    }

    /// Presses a key, if nothing more than was expected is said within this time.
    ///
    /// # Errors
    ///
    /// If more is said, or nothing runs.
    pub fn press_after(&mut self, quiet: Duration, signal: Signal) -> Result<(), String> {
        let end = Instant::now() + quiet;
        while Instant::now() < end {
            for stream in 0..2 {
                if let Some(line) = self.peek(stream, &mut |line| line)?.take() {
                    return Err(format!("not in the guide: {line:?}"));
                }
            }
            thread::sleep(PAUSE);
        }
        self.running()?.signal(signal);
        Ok(())
    }

    /// Expects this line next, on stdout or stderr; `as_shown` makes of a line what the guide's reader would see.
    ///
    /// # Errors
    ///
    /// If it does not come within the limit; what came instead.
    pub fn see(
        &mut self,
        expected: &str,
        limit: Duration,
        as_shown: &mut dyn FnMut(String) -> String,
    ) -> Result<(), String> {
        let give_up = Instant::now() + limit;
        while Instant::now() < give_up {
            let is_over = self.running()?.is_over();
            for stream in 0..2 {
                let next = self.peek(stream, as_shown)?;
                if next.as_ref().is_some_and(|line| is_shown(expected, line)) {
                    *next = None;
                    return Ok(());
                }
            }
            if is_over {
                break;
            }
            thread::sleep(PAUSE);
        }
        Err(format!("expected {expected:?}, and next are {:?}", self.next))
    }

    /// As [`see`](Self::see), after any other lines of stdout.
    ///
    /// # Errors
    ///
    /// If it does not come within the limit.
    pub fn see_later(
        &mut self,
        expected: &str,
        limit: Duration,
        as_shown: &mut dyn FnMut(String) -> String,
    ) -> Result<(), String> {
        let give_up = Instant::now() + limit;
        while Instant::now() < give_up {
            let is_over = self.running()?.is_over();
            match self.peek(0, as_shown)?.take() {
                Some(line) if is_shown(expected, &line) => return Ok(()),
                Some(_) => {}
                None if is_over => break,
                None => thread::sleep(PAUSE),
            }
        }
        Err(format!("expected {expected:?} after some other lines"))
    }

    /// The next line of stdout (0) or stderr (1), if there is one already.
    fn peek(
        &mut self,
        stream: usize,
        as_shown: &mut dyn FnMut(String) -> String,
    ) -> Result<&mut Option<String>, String> {
        if self.next[stream].is_none() {
            let process = self.running()?;
            let line = if stream == 0 { process.try_line() } else { process.try_stderr_line() };
            self.next[stream] = line.map(as_shown);
        }
        Ok(&mut self.next[stream])
    }
}
