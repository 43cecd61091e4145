//! Running a program, with its admin routes, until a signal or the program itself ends it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::UnixListener;
use tokio::time::timeout;

use super::admin::{self, Program};
use super::options::Options;
use super::place::Place;
use super::{background, log};
use crate::error::Error;
use crate::exit::Exit;
use crate::http::{Http, serve};
use crate::root::launch;
use crate::run::{HangUp, Signals, in_runtime, until_over};
use crate::scope::Scope;
use crate::service::Service;
use crate::settings::Settings;

/// How long the admin routes may take to stop, once everything else has stopped.
const ADMIN_STOPS_WITHIN: Duration = Duration::from_secs(1);

/// Runs the program until it ends.
pub(super) fn run<S: Service>(
    place: &Place,
    settings: Settings,
    options: &Options,
    detached: bool,
    service: S,
) -> Result<Exit, Error> {
    if detached {
        nix::unistd::setsid().context("failed to leave the terminal")?;
    }
    let Some(_held) = place.hold()? else {
        return Ok(background::already_running(place, place.holder()?.unwrap_or_default()));
    };
    log::init();
    let metrics = PrometheusBuilder::new().install_recorder().context("failed to set up the metrics")?;
    in_runtime(async {
        let signals = Signals::listen(HangUp::Reloads)?;
        let root = launch(place.name, service).settings(settings.clone());
        let log = detached.then(|| place.log());
        let program = Program { tree: root.tree().clone(), settings, metrics, log };
        let options = options.clone().anywhere()?;
        let admin = Admin { socket: place.socket(), options, program: program.clone() };
        let mut admin = launch("admin", admin).stop_within(ADMIN_STOPS_WITHIN).start();
        admin.ready().await?;
        let exit = until_over(root.start(), signals, Some(|| drop(admin::reload(&program)))).await;
        if ![Exit::Interrupted, Exit::Terminated].contains(&exit) {
            // How it ends does not matter: the program itself has ended.
            let _outcome = timeout(ADMIN_STOPS_WITHIN * 2, admin.stop()).await;
        }
        Ok(exit)
    })
}

/// The admin routes, on the control socket and, if one is given, on an address.
struct Admin {
    socket: PathBuf,
    options: Options,
    program: Program,
}

impl Service for Admin {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let router = admin::router(self.program);
        if let Some(bind) = self.options.admin {
            scope.start("http", Http { bind, router: router.clone(), drain_delay: Duration::ZERO }).await?;
        }
        let router = router.merge(admin::options_route(self.options));
        fs::remove_file(&self.socket).ok(); // left by a process that was killed; the locked pid file shows that no other process uses it
        let listener = UnixListener::bind(&self.socket)
            .with_context(|| format!("failed to listen on {}; a shorter --rundir may help", self.socket.display()))?;
        fs::set_permissions(&self.socket, Permissions::from_mode(0o600))?;
        scope.ready(());
        serve(listener, router, Duration::ZERO, &scope).await;
        fs::remove_file(&self.socket).ok();
        Ok(())
    }
}
