//! The one trait of this crate.

use crate::error::Error;
use crate::scope::Scope;

/// A component of a program: the only primitive.
pub trait Service: Sized + Send + 'static {
    /// What others may hold once the service is ready: an API, a bound address, or `()`.
    type Handle: Clone + Send + Sync + 'static;

    /// The whole life of the service, from its start to its end.
    ///
    /// # Errors
    ///
    /// Whatever keeps the service from starting or from going on; it is passed on to the parent. An error of
    /// [`Scope::start`] is returned with `?`, which stops the children that were started before.
    fn run(self, scope: Scope<Self::Handle>) -> impl Future<Output = Result<(), Error>> + Send;
}
