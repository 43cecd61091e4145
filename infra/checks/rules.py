"""Which rules hold for which overlay. Each rule tells what is wrong, one line for each thing."""

from checks import containers, documents, environment, images, network, probes
from checks import production, provider, routes, schemas, servers, volumes

EVERYWHERE = [
    documents.workloads_are_those_of_the_application,
    documents.pods_are_labelled_with_their_app,
    documents.documents_say_nothing_else,
    containers.pods_have_no_other_parts,
    containers.nobody_is_root,
    containers.programs_are_started_as_they_are_tested,
    containers.ports_are_those_of_the_program,
    containers.resources_are_asked_for_and_bounded,
    containers.stops_in_time,
    probes.probes_ask_the_right_questions,
    probes.starting_may_take_its_time,
    volumes.files_are_there,
    volumes.volumes_are_there,
    volumes.data_outlives_its_pod,
    environment.pods_get_the_settings_they_need,
    environment.members_know_themselves,
    environment.the_broker_collects_before_it_is_killed,
    routes.services_reach_their_pods,
    network.nothing_is_open_but_what_a_policy_opens,
    network.policies_open_the_arrows_and_nothing_else,
    network.policies_are_in_force,
    servers.members_find_each_other,
    images.images_agree,
    images.images_have_a_version,
    images.forwarded_ports_exist,
    images.overlays_exist,
    images.copies_exist,
]

# Those that ask somebody else, last: most of what is wrong is found without them.
ASKING = [
    servers.the_broker_is_configured,
    environment.programs_accept_the_settings_of_their_pods,
    images.cargo_can_read_what_is_copied,
    schemas.skaffold_fits_its_schema,
    schemas.fits_the_schemas,
]

# What the overlays have in common, and the one of them that is for trying things.
BASE, LOCAL = "k8s", "k8s-dev"

RULES = {
    BASE: [
        documents.the_base_gets_nothing_else,
        *EVERYWHERE,
        documents.there_is_one_of_each,
        provider.payments_are_made_at_stripe,
        environment.the_secrets_are_made_by_the_readme,
        *ASKING,
    ],
    LOCAL: [
        documents.a_local_cluster_gets_nothing_else,
        *EVERYWHERE,
        documents.there_is_one_of_each,
        provider.payments_are_made_at_the_bank,
        environment.the_secrets_are_made_by_the_readme,
        routes.the_ingress_leads_to_the_services,
        *ASKING,
    ],
    "k8s-prod": [
        documents.a_real_cluster_gets_nothing_else,
        *EVERYWHERE,
        provider.payments_are_made_at_stripe,
        images.production_builds_no_bank,
        environment.the_secrets_come_from_the_store,
        routes.the_gateway_encrypts_or_redirects,
        routes.the_routes_lead_to_the_services,
        production.one_pod_at_a_time_goes,
        production.answering_services_have_as_many_pods_as_they_need,
        production.none_is_alone,
        production.pods_are_on_different_machines,
        production.a_lost_volume_may_be_copied_for_a_day,
        *ASKING,
    ],
}


def problems(overlay, docs, but=()):
    for rule in RULES[overlay]:
        if rule not in but:
            try:
                yield from (f"{rule.__name__}: {problem}" for problem in rule(docs))
            except (LookupError, TypeError, AttributeError, ValueError) as error:
                yield f"{rule.__name__}: something is missing: {error!r}"
