//! The services of the application: which of them publish an event, and which listen to it.

use common::Declaration;
use events::Subject;

/// The services of the application.
pub const DECLARATIONS: [Declaration; 7] = [
    auth::DECLARATION,
    tickets::DECLARATION,
    orders::DECLARATION,
    payments::DECLARATION,
    expiration::DECLARATION,
    gateway::DECLARATION,
    client::DECLARATION,
];

/// Shown instead of a name where there is no service.
pub(crate) const NOBODY: &str = "nobody";

/// A subscription of a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listening {
    pub(crate) service: &'static str,
    pub(crate) queue_group: &'static str,
    pub(crate) subject: Subject,
}

/// The names of the services that publish the subject.
pub(crate) fn publishers(services: &[Declaration], subject: Subject) -> Vec<&'static str> {
    let publishing = services.iter().filter(|service| (service.topology)().publishes.contains(&subject));
    publishing.map(|service| service.name).collect()
}

/// All subscriptions of the services.
pub(crate) fn subscriptions(services: &[Declaration]) -> impl Iterator<Item = Listening> {
    services.iter().flat_map(|service| {
        let subscribes = (service.topology)().subscribes.into_iter();
        subscribes.map(|one| Listening { service: service.name, queue_group: one.queue_group, subject: one.subject })
    })
}

/// The subscriptions to the subject.
pub(crate) fn listeners(services: &[Declaration], subject: Subject) -> impl Iterator<Item = Listening> {
    subscriptions(services).filter(move |listening| listening.subject == subject)
}

/// The names, or [`NOBODY`].
pub(crate) fn or_nobody(names: Vec<&'static str>) -> Vec<&'static str> {
    if names.is_empty() { vec![NOBODY] } else { names }
}
