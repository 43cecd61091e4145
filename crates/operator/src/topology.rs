//! Who publishes and who listens.

use bus::Subscribed;
use common::Declaration;
use events::Subject;

/// The services of the application.
pub const DECLARATIONS: [Declaration; 4] =
    [auth::DECLARATION, tickets::DECLARATION, orders::DECLARATION, expiration::DECLARATION];

/// What one service publishes and listens to.
#[derive(Clone, Debug)]
pub(crate) struct Wiring {
    pub(crate) service: &'static str,
    pub(crate) publishes: Vec<Subject>,
    pub(crate) listens: Vec<Subscribed>,
}

/// Those of the services that use the bus.
pub(crate) fn services(declarations: &[Declaration]) -> Vec<Wiring> {
    let all = declarations.iter().map(|declaration| {
        let topology = (declaration.topology)();
        Wiring { service: declaration.name, publishes: topology.publishes, listens: topology.subscribes }
    });
    all.filter(|service| !service.publishes.is_empty() || !service.listens.is_empty()).collect()
}

/// The services that publish it.
pub(crate) fn publishers(services: &[Wiring], subject: Subject) -> impl Iterator<Item = &'static str> {
    services.iter().filter(move |service| service.publishes.contains(&subject)).map(|service| service.service)
}

/// The services that listen to it, each with its queue group.
pub(crate) fn listeners(services: &[Wiring], subject: Subject) -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = services.iter().flat_map(|service| service.listens.iter().map(|ear| (service.service, *ear)));
    all.filter(move |(_, ear)| ear.subject == subject).map(|(service, ear)| (service, ear.queue_group))
}

/// Who is named where there is none.
pub(crate) const NOBODY: &str = "nobody";

pub(crate) fn or_nobody(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let names: Vec<_> = names.collect();
    if names.is_empty() { vec![NOBODY] } else { names }
}
