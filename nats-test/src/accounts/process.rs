//! A running instance of the service, as the lesson sees it: a process whose stdout is read.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use bus::Name;
use service::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::place::Place;
use super::report::Report;
use super::scenario::{Mishap, Solution};

/// How long any step of a trial may take, in addition to the ack wait.
pub(super) const STEP_WITHIN: Duration = Duration::from_secs(30);

/// A running instance.
pub(super) struct Process {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// A, B, in the order of their first reports.
    pub(super) name: Option<char>,
    pub(super) is_held: bool,
}

impl Process {
    /// Starts an instance, and waits until it is ready.
    pub(super) async fn start(place: &Place, stream: &Name, solution: Solution, mishap: Mishap) -> Result<Self, Error> {
        let mut process = Self::spawn(place, stream, solution, mishap)?;
        process.ready().await?;
        Ok(process)
    }

    /// Starts as many instances as the solution has, and waits until all are ready.
    pub(super) async fn start_all(
        place: &Place,
        stream: &Name,
        solution: Solution,
        mishap: Mishap,
    ) -> Result<Vec<Self>, Error> {
        let started = (0..solution.instances()).map(|_| Self::spawn(place, stream, solution, mishap));
        let mut processes = started.collect::<Result<Vec<_>, _>>()?;
        for process in &mut processes {
            process.ready().await?;
        }
        Ok(processes)
    }

    fn spawn(place: &Place, stream: &Name, solution: Solution, mishap: Mishap) -> Result<Self, Error> {
        let mut command = Command::new(std::env::current_exe()?);
        // In the environment, since a URL may contain a password.
        command.env("NATS_URL", place.broker.url.as_str());
        command.arg("instance").args(["--cluster-id", place.broker.cluster_id.as_str()]);
        command.args(["--stream", stream.as_str(), "--bucket", &place.bucket(), "--solution", &solution.name()]);
        command.args(["--ack-wait", &format!("{}ms", place.ack_wait.as_millis())]);
        let Mishap { fails, is_held, kills, ack_is_lost } = mishap;
        let numbers = [("--fails", fails), ("--is-held", is_held), ("--kills", kills), ("--ack-is-lost", ack_is_lost)];
        for (option, number) in numbers {
            command.args(number.map(|number| [option.to_owned(), number.to_string()]).into_iter().flatten());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).process_group(0);
        let mut child = command.spawn().context("failed to start an instance")?;
        let stdout = child.stdout.take().context("the instance has no stdout")?;
        let stdin = child.stdin.take().context("the instance has no stdin")?;
        Ok(Self { child, stdin, lines: BufReader::new(stdout).lines(), name: None, is_held: false })
    }

    async fn ready(&mut self) -> Result<(), Error> {
        let line = timeout(STEP_WITHIN, self.lines.next_line()).await.context("an instance did not start")??;
        if line.as_deref() != Some("ready") {
            bail!("an instance ended at its start");
        }
        Ok(())
    }

    /// The next report of the instance.
    pub(super) async fn report(&mut self) -> Result<Report, Error> {
        let line = self.lines.next_line().await?.context("an instance ended")?;
        serde_json::from_str(&line).with_context(|| format!("an instance printed {line:?}"))
    }

    /// Reads the reports until the instance ends: it would block if nobody read them.
    pub(super) async fn skip_reports(&mut self) -> io::Result<()> {
        while self.lines.next_line().await?.is_some() {}
        Ok(())
    }

    /// Lets an instance that is held go on.
    pub(super) async fn release(&mut self) -> Result<(), Error> {
        self.stdin.write_all(b"release\n").await?;
        self.is_held = false;
        Ok(())
    }

    /// Kills the instance with SIGKILL.
    pub(super) async fn kill(mut self) -> Result<(), Error> {
        self.child.kill().await?;
        Ok(())
    }

    /// Closes the instance's stdin, which stops it, and waits for its end.
    pub(super) async fn end(mut self) -> Result<(), Error> {
        drop(self.stdin);
        timeout(STEP_WITHIN, self.child.wait()).await.context("an instance did not stop")??;
        Ok(())
    }
}
