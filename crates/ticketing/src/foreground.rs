//! The application in the foreground: what it prints, and what it leaves behind.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::anyhow;
use common::Program;
use devstack::{Folder, FolderInUse};
use operator::console::{remark, say};
use operator::typed;
use service::{Error, Scope, Service};

use crate::application::Application;
use crate::guide::Guide;
use crate::kept::Kept;
use crate::options::Run;

/// Runs the application until Ctrl-C, and prints where everything is.
pub(crate) struct Foreground {
    pub(crate) run: Run,
    pub(crate) programs: &'static [Program],
    pub(crate) environment: BTreeMap<String, String>,
}

impl Service for Foreground {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let began = Instant::now();
        let Self { run, programs, environment } = self;
        let folder = run.folder()?;
        let claim = Folder::claim(&folder).await.map_err(with_remedy)?;
        scope.start("data", Kept(claim)).await?;
        let application = Application { programs, run, environment, folder: folder.clone(), settings: None };
        // Fetching the servers the first time may take any time.
        let addresses = scope.child("application").wait_until_ready().start(application).await?;
        say(Guide { addresses, folder, took: began.elapsed(), run: rand::random_range(1000..10_000) })?;
        scope.ready(());
        scope.stopping().await;
        remark("Stopping…");
        Ok(())
    }
}

/// Adds what to type when the application runs already, or the data cannot be where it would be.
fn with_remedy(error: Error) -> Error {
    match error.downcast::<FolderInUse>() {
        Ok(FolderInUse { folder, holder }) => anyhow!(
            "the application runs already: {holder} uses the data folder {folder}; stop that one, or start another \
             beside it: {} --free-ports --data-dir OTHER",
            typed()
        ),
        Err(error) => error.context("no place for the data; name another folder with --data-dir"),
    }
}
