//! A child that runs at one node of the cluster only: the leader.

use service::{Error, Scope, Service};

use crate::cluster::Cluster;
use crate::term::Term;

/// Runs a child at the node that leads, for as long as its term.
///
/// `make` makes one for each term of this node, and it is asked to stop when the term ends. Returns at once, whoever leads; a failure of the child is a failure of `scope`, and the program is
/// ready without it.
///
/// Two nodes may run it at the same moment nevertheless: one that was frozen does not know yet that its term has ended. What the
/// child publishes with [`Cluster::publish`] is in order all the same, since readers get nothing of an earlier term after a later
/// one. For what it does elsewhere, it asks [`Term::is_valid`] just before.
///
/// # Errors
///
/// [`Stopped`](service::Stopped) if this service was asked to stop; a sibling of the same name.
pub async fn singleton<H, S: Service>(
    scope: &Scope<H>,
    name: &str,
    cluster: &Cluster,
    make: impl FnMut(Term) -> S + Send + 'static,
) -> Result<(), Error> {
    scope.start(name, Singleton { cluster: cluster.clone(), make }).await
}

struct Singleton<F> {
    cluster: Cluster,
    make: F,
}

impl<S: Service, F: FnMut(Term) -> S + Send + 'static> Service for Singleton<F> {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { cluster, mut make } = self;
        scope.ready(());
        let stopping = scope.stopping();
        while let Some(term) = stopping.or_stop(cluster.promoted()).await? {
            tracing::info!("leads in the term {}", term.epoch());
            let child = make(term.clone());
            scope.child("term").wait_until_ready().optional().run_until(child, term.ended()).await?;
        }
        stopping.await; // the node has stopped
        Ok(())
    }
}
