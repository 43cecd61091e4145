"""Rules: no variable less than a program demands, none that it does not know, and every Secret has its keys."""

import functools
import re
import subprocess

from checks.overlay import containers, environment, is_ours, name, of_kind, program
from checks.tools import BINARIES, INFRA


def environment_is_what_the_program_reads(docs):
    for workload, container in containers(docs):
        if is_ours(container):
            where = f"{name(workload)} {container.get('name')}"
            yield from (f"{where}: {problem}" for problem in problems_of(program(container), environment(container)))


def problems_of(service, given):
    yield from (f"{key} is unknown to it" for key in given if key not in known(service))
    if service != "expiration" and given.get(f"{service.upper()}__BIND") != "0.0.0.0:3000":
        yield "its API can't be reached from outside"
    yield from refusals(service, tuple(sorted(given.items())))


@functools.cache
def known(service):
    described = subprocess.run([BINARIES / service, "config", "help"], check=True, capture_output=True, text=True).stdout
    aliases = set(re.findall(r"also the variable `(\w+)`", described))
    return aliases | {key.replace(".", "__").upper() for key in re.findall(r"^(\S+) \(", described, re.MULTILINE)}


@functools.cache
def refusals(service, given):
    checked = subprocess.run([BINARIES / service, "config", "check"], capture_output=True, text=True, env=dict(given))
    return [] if checked.returncode == 0 else [checked.stderr.strip()]


def secrets_are_made_by_the_readme(docs):
    command = r"kubectl create secret generic (\S+) --from-literal=(\w+)="
    yield from missing(docs, set(re.findall(command, (INFRA / "README.md").read_text())))


def secrets_come_from_the_store(docs):
    made = set()
    for secret in of_kind(docs, "ExternalSecret"):
        spec = secret["spec"]
        if spec.get("secretStoreRef") != {"kind": "ClusterSecretStore", "name": "ticketing"}:
            yield f"{name(secret)}: it comes from a store that infra/README.md does not ask for"
        made |= {(spec["target"]["name"], one["secretKey"]) for one in spec["data"]}
    yield from missing(docs, made)


def missing(docs, made):
    for workload, container in containers(docs):
        for variable in container.get("env", []):
            secret = variable.get("valueFrom", {}).get("secretKeyRef")
            if secret and (secret.get("name"), secret.get("key")) not in made:
                yield f"{name(workload)}: {variable['name']} wants a key of a Secret that nobody makes"
