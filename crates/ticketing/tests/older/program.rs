//! The program of one service, of today or of an older commit.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testkit::{Api, course_environment, free_port, until};

use crate::world::World;

/// Which programs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Version<'a> {
    /// Those that were built with this test.
    Today,
    /// Those in a folder.
    Older(&'a Path),
}

impl Version<'_> {
    fn program(self, name: &str) -> PathBuf {
        match self {
            Self::Today => Path::new(env!("CARGO_BIN_EXE_ticketing")).with_file_name(name),
            Self::Older(folder) => folder.join(name),
        }
    }

    /// The variable that says where the API listens.
    fn bind(self, name: &str) -> String {
        match self {
            Self::Today => "HTTP__BIND".to_owned(),
            Self::Older(_) => format!("{}__BIND", name.to_uppercase()),
        }
    }
}

/// A program that runs; killed when it is dropped.
pub(crate) struct Program {
    pub(crate) api: Api,
    name: String,
    admin: Api,
    child: Child,
    log: PathBuf,
}

fn free_address() -> Api {
    Api { address: SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())) }
}

impl Program {
    /// Starts one, and waits until it is ready. Orders hold their tickets for `window` seconds.
    pub(crate) async fn start(version: Version<'_>, name: &str, client_id: &str, window: u32, world: &World) -> Self {
        let (api, admin) = (free_address(), free_address());
        let uri = world.database_of(name).map_or("", |database| database.uri());
        let mut environment: Vec<(String, String)> = Vec::new();
        for (variable, value) in course_environment(uri, world.broker.url(), client_id) {
            let is_known = match variable {
                "JWT_KEY" | "MONGO_URI" => name != "expiration",
                _ => name != "auth",
            };
            if is_known {
                environment.push((variable.to_owned(), value.to_owned()));
            }
        }
        if name != "expiration" {
            environment.push((version.bind(name), api.address.to_string()));
        }
        if name == "orders" {
            environment.push(("ORDER_WINDOW_SECONDS".to_owned(), window.to_string()));
        }
        let folder = world.folder.path().join(client_id);
        fs::create_dir_all(&folder).unwrap();
        let log = folder.join("stderr.log");
        let program = version.program(name);
        let mut command = Command::new(&program);
        command.args(["run", "--rundir"]).arg(&folder).args(["--admin", &admin.address.to_string()]);
        command.envs(environment).stderr(File::create(&log).unwrap());
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("{}: {error}: build the programs with `cargo test --workspace --no-run`", program.display())
        });
        let program = Self { api, name: client_id.to_owned(), admin, child, log };
        until(&format!("{client_id} is ready"), || program.is_ready()).await;
        program
    }

    async fn is_ready(&self) -> bool {
        self.admin.try_raw(b"GET /readyz HTTP/1.0\r\n\r\n").await.is_some_and(|answer| answer.status == 200)
    }

    /// SIGTERM; waits until it has ended in order.
    pub(crate) async fn stop(mut self) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let mut ended = None;
        until("it has stopped", || {
            ended = self.child.try_wait().unwrap();
            std::future::ready(ended.is_some())
        })
        .await;
        let log = fs::read_to_string(&self.log).unwrap();
        assert_eq!(ended.unwrap().code(), Some(0), "{}: {log}", self.name);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            println!("the log of {}, its last lines:", self.name);
            let lines: Vec<_> = log.lines().collect();
            lines.iter().skip(lines.len().saturating_sub(15)).for_each(|line| println!("  {line}"));
        }
    }
}
