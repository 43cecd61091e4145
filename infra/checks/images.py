"""Rules: what is deployed is what skaffold builds, out of what is there, and skaffold forwards to what is deployed."""

import functools
import pathlib
import re
import shutil
import subprocess
import tempfile

from checks.application import BANK, PROGRAMS, has_bank, program
from checks.expected import differences
from checks.overlay import app, containers, is_ours, name, named
from checks.tools import INFRA, ROOT


@functools.cache
def skaffold():
    import yaml

    return yaml.safe_load((ROOT / "skaffold.yaml").read_text())


def images_agree(docs):
    built = {one["image"]: one["docker"] for one in skaffold()["build"]["artifacts"]}
    used = {container["image"] for _, container in containers(docs) if is_ours(container)}
    if not has_bank(docs):
        used.add(f"ticketing/{BANK}")  # built for a local cluster
    yield from (f"{image} is built, and not used" for image in sorted(set(built) - used))
    yield from (f"{image} is used, and not built" for image in sorted(used - set(built)))
    for image, docker in built.items():
        if docker["buildArgs"]["CRATE"] != image.removeprefix("ticketing/"):
            yield f"{image} is built from another crate"


def production_builds_no_bank(_):
    """Of what is built for a local cluster, exactly the bank is left out."""
    artifacts = [one["image"] for one in skaffold()["build"]["artifacts"]]
    wanted = {"op": "remove", "path": f"/build/artifacts/{artifacts.index(f'ticketing/{BANK}')}"}
    [prod] = [profile for profile in skaffold()["profiles"] if profile["name"] == "prod"]
    found = [patch for patch in prod["patches"] if patch["path"].startswith("/build")]
    yield from differences(found, [wanted], "skaffold.yaml prod patches")


def images_have_a_version(docs):
    """Ours get theirs from skaffold; of the others it is known what is started."""
    for workload, container in containers(docs):
        runs = program(app(workload))
        wanted = f"ticketing/{runs}" if runs in PROGRAMS else re.compile(rf"{runs}:\d[\w.-]*")
        yield from differences(container["image"], wanted, f"{name(workload)} image")


def forwarded_ports_exist(docs):
    services = named(docs, "Service")
    local = [one["localPort"] for one in skaffold()["portForward"]]
    if len(set(local)) < len(local):
        yield "skaffold.yaml forwards two ports to one"
    for one in skaffold()["portForward"]:
        service = services.get(one["resourceName"], {"spec": {}})
        if one["port"] not in [port["port"] for port in service["spec"].get("ports", [])]:
            yield f"skaffold.yaml forwards {one['resourceName']}:{one['port']}, which is not there"


def overlays_exist(_):
    for config in [skaffold(), *skaffold()["profiles"]]:
        for path in config.get("manifests", {}).get("kustomize", {}).get("paths", []):
            if not (ROOT / path / "kustomization.yaml").exists():
                yield f"skaffold.yaml deploys {path}, which is not there"


def copies_exist(_):
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for source in copied():
        if not (ROOT / source).exists():
            yield f"the Dockerfile copies {source}, which is not there"
        if f"!{source}" not in ignored:
            yield f"the Dockerfile copies {source}, which .dockerignore leaves out"


def cargo_can_read_what_is_copied(_):
    yield from unreadable()


def copied():
    lines = [line.split() for line in (INFRA / "docker" / "Dockerfile").read_text().splitlines()]
    return [source for line in lines if line[:1] == ["COPY"] and "--from" not in line[1] for source in line[1:-1]]


@functools.cache
def unreadable():
    """What cargo says of it: it wants the files of every target that a Cargo.toml names, also of those it does not build."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    left_out = shutil.ignore_patterns(*[line.removeprefix("**/") for line in ignored if line.startswith("**/")])
    with tempfile.TemporaryDirectory() as folder:
        for source in map(pathlib.Path, copied()):
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, folder / source, ignore=left_out)
            else:
                shutil.copy(ROOT / source, folder / source)
        command = ["cargo", "fetch", "--locked", "--offline", "--target=host-tuple"]
        read = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return [] if read.returncode == 0 else [read.stderr.strip()]
