//! A child whose members are asked to stop at the same moment.

use std::sync::Arc;

use crate::child::Child;
use crate::error::Error;
use crate::node::{Node, StopOrder};
use crate::scope::Scope;
use crate::service::Service;

impl<H> Scope<H> {
    /// Starts members in order as one child. They are asked to stop at the same moment, under the deadline of that
    /// child, where other children are stopped one after the other.
    ///
    /// For members that do not need each other, such as the listeners of a service. The child is ready when all
    /// members are; a member that fails ends all of them, and is the failure of the child.
    ///
    /// ```
    /// # use service::{Error, Scope, Service};
    /// # struct Listener;
    /// # impl Service for Listener {
    /// #     type Handle = ();
    /// #     async fn run(self, scope: Scope<()>) -> Result<(), Error> {
    /// #         scope.ready(());
    /// #         scope.stopping().await;
    /// #         Ok(())
    /// #     }
    /// # }
    /// # async fn run(scope: Scope<()>) -> Result<(), Error> {
    /// scope
    ///     .together("listeners", async |members| {
    ///         members.start("ticket-created", Listener).await?;
    ///         members.child("order-created").wait_until_ready().start(Listener).await?;
    ///         Ok(())
    ///     })
    ///     .await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of a member, once all members are stopped; [`Stopped`](crate::Stopped) if this service was asked
    /// to stop in the meantime.
    pub async fn together<T, R>(
        &self,
        name: &str,
        members: impl FnOnce(Members) -> R + Send + 'static,
    ) -> Result<T, Error>
    where
        R: Future<Output = Result<T, Error>> + Send + 'static,
        T: Clone + Send + Sync + 'static,
    {
        self.child(name).wait_until_ready().together(members).await
    }
}

impl Child<'_> {
    /// Starts members in order as this child; see [`Scope::together`].
    ///
    /// # Errors
    ///
    /// The same as those of [`Scope::together`], and that the members were not ready in time.
    pub async fn together<T, R>(self, members: impl FnOnce(Members) -> R + Send + 'static) -> Result<T, Error>
    where
        R: Future<Output = Result<T, Error>> + Send + 'static,
        T: Clone + Send + Sync + 'static,
    {
        self.start_with(StopOrder::Together, Group(members)).await
    }
}

/// The members of a group: what [`Scope::together`] hands to the closure that starts them.
#[derive(Clone)]
pub struct Members {
    node: Arc<Node>,
}

impl std::fmt::Debug for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Members").field(&self.node.path).finish()
    }
}

impl Members {
    /// Starts a member and hands out its handle, once the member is ready.
    ///
    /// # Errors
    ///
    /// The same as those of [`Scope::start`].
    pub async fn start<S: Service>(&self, name: &str, service: S) -> Result<S::Handle, Error> {
        self.child(name).start(service).await
    }

    /// Describes a member before it is started.
    pub fn child<'a>(&'a self, name: &'a str) -> Child<'a> {
        Child::new(&self.node, name)
    }
}

/// The child that starts the members; its children are the members.
struct Group<F>(F);

impl<F, R, T> Service for Group<F>
where
    F: FnOnce(Members) -> R + Send + 'static,
    R: Future<Output = Result<T, Error>> + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    type Handle = T;

    async fn run(self, scope: Scope<T>) -> Result<(), Error> {
        let handle = (self.0)(Members { node: Arc::clone(&scope.node) }).await?;
        scope.ready(handle);
        scope.stopping().await;
        Ok(())
    }
}
