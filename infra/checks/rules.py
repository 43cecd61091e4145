"""Which rules hold for which overlay. Each rule tells what is wrong, one line for each thing."""

from checks import containers, environment, images, network, production, schemas, servers

EVERYWHERE = [
    containers.selectors_take_their_own_pods,
    containers.probes_and_resources,
    containers.nobody_is_root,
    containers.folders_are_there,
    containers.stops_in_time,
    environment.environment_is_what_the_program_reads,
    network.services_reach_their_pods,
    network.routes_reach_their_services,
    network.policies_open_the_arrows_and_nothing_else,
    servers.members_find_each_other,
    servers.the_broker_is_configured,
    servers.databases_know_their_members,
    images.images_agree,
    images.forwarded_ports_exist,
    images.overlays_exist,
    images.copies_exist,
    images.cargo_can_read_what_is_copied,
    schemas.fits_the_schemas,
    schemas.skaffold_fits_its_schema,
]

RULES = {
    "k8s-dev": [*EVERYWHERE, environment.secrets_are_made_by_the_readme],
    "k8s-prod": [
        *EVERYWHERE,
        environment.secrets_come_from_the_store,
        network.listeners_are_encrypted_or_redirect,
        production.each_has_a_budget,
        production.none_is_alone,
        production.pods_are_on_different_machines,
    ],
}


def problems(overlay, docs):
    for rule in RULES[overlay]:
        try:
            yield from (f"{rule.__name__}: {problem}" for problem in rule(docs))
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            yield f"{rule.__name__}: something is missing: {error!r}"
