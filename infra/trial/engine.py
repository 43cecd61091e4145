"""Podman and buildah, with storage, settings and a network of their own."""

import functools
import json
import os
import resource
import subprocess
import tempfile

from trial import sandbox

NETWORK, SUBNET = "pods", "10.244.0.0/16"


def podman(*arguments, given=None):
    """What it answers."""
    return run(["podman", *storage(), *arguments], given)


def buildah(*arguments):
    return run(["buildah", *storage(), *arguments])


def run(command, given=None):
    done = subprocess.run(list(map(str, command)), env=settings(), capture_output=True, text=True, input=given)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "CNI config" not in line]
        short = [word for word in map(str, command) if word not in storage()]
        raise RuntimeError(f"{' '.join(short)} failed: {' / '.join(lines[-5:])}")
    return done.stdout


def output_of(*arguments):
    """What it says on both of its outputs, whether it succeeds or not."""
    command = ["podman", *storage(), *arguments]
    return subprocess.run(command, env=settings(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def inspect(kind, name):
    found = json.loads(podman(kind, "inspect", name))
    return found[0] if isinstance(found, list) else found


@functools.cache
def storage():
    root = sandbox.folder() / "storage"
    return (f"--root={root}", "--runroot=/run/trial", f"--storage-driver={driver()}")


@functools.cache
def driver():
    """With overlay, a layer is on the disk once; where the system has none, vfs copies it for each image and container."""
    with tempfile.TemporaryDirectory(dir=sandbox.folder()) as place:
        for name in "lower", "upper", "work", "all":
            os.mkdir(f"{place}/{name}")
        layers = f"lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work"
        tried = subprocess.run(["mount", "-t", "overlay", "-o", layers, "overlay", f"{place}/all"], capture_output=True)
        if tried.returncode != 0:
            return "vfs"
        subprocess.run(["umount", f"{place}/all"], check=True)
    return "overlay"


@functools.cache
def settings():
    """The environment of both programs: theirs, with settings of our own."""
    folder = sandbox.folder()
    (folder / "networks").mkdir(exist_ok=True)
    # Podman raises these limits unless told, which not every machine allows.
    limits = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[0] for name in ("nofile", "nproc")}
    limits = {name: limit if 0 < limit < 65536 else 65536 for name, limit in limits.items()}
    ulimits = ", ".join(f'"{name}={limit}:{limit}"' for name, limit in limits.items())
    (folder / "containers.conf").write_text(
        f'[containers]\ndefault_ulimits = [{ulimits}]\n[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\n'
        f'events_logger = "file"\n[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{folder}/networks"\n'
    )
    # A name without a registry is one of Docker's, as on a cluster.
    (folder / "registries.conf").write_text('unqualified-search-registries = ["docker.io"]\n')
    conf = {"CONTAINERS_CONF": folder / "containers.conf", "CONTAINERS_REGISTRIES_CONF": folder / "registries.conf"}
    return {**os.environ, **{name: str(file) for name, file in conf.items()}, "TMPDIR": str(folder)}


def make_network():
    podman("network", "create", "--disable-dns", f"--subnet={SUBNET}", NETWORK)
