//! The lines that a process prints.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

/// The lines of a pipe, collected by a thread, so that the process never waits for its reader.
#[derive(Clone, Debug)]
pub(crate) struct Lines(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    all: Vec<String>,
    /// The index of the next line to read.
    next: usize,
    is_closed: bool,
}

/// No line came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoLine {
    /// The deadline has passed.
    InTime,
    /// The pipe is closed, and all its lines were read.
    Left,
}

impl Lines {
    pub(crate) fn of(pipe: impl Read + Send + 'static) -> Self {
        let lines = Self(Arc::default());
        let collected = lines.clone();
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|size| size > 0) {
                let text = String::from_utf8_lossy(&line);
                let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
                collected.change(|state| state.all.push(text));
                line.clear();
            }
            collected.change(|state| state.is_closed = true);
        });
        lines
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.1.notify_all();
    }

    /// The next line, if there is one already.
    pub(crate) fn try_next(&self) -> Option<String> {
        self.state().next()
    }

    /// Whether the pipe is closed, and all its lines were read.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.state();
        state.is_closed && state.next == state.all.len()
    }

    /// Waits for the next line.
    pub(crate) fn next(&self, deadline: Instant) -> Result<String, NoLine> {
        let mut state = self.state();
        loop {
            if let Some(line) = state.next() {
                return Ok(line);
            }
            if state.is_closed {
                return Err(NoLine::Left);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NoLine::InTime);
            }
            state = self.0.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The lines that are there and were not read.
    pub(crate) fn unread(&self) -> Vec<String> {
        std::iter::from_fn(|| self.try_next()).collect()
    }

    /// All lines so far, read or not.
    pub(crate) fn text(&self) -> String {
        self.state().all.iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// The unread lines up to the end of the pipe, which closes with its last process.
    pub(crate) fn rest(&self, deadline: Instant) -> Vec<String> {
        std::iter::from_fn(|| self.next(deadline).ok()).collect()
    }
}

impl State {
    fn next(&mut self) -> Option<String> {
        let line = self.all.get(self.next)?.clone();
        self.next += 1;
        Some(line)
    }
}
