"""What the machine must have for the trial: root, namespaces, and Debian's packages, which are installed if they are missing."""

import os
import shutil
import subprocess

from checks.tools import progress

# Each program, and the package it comes from.
PROGRAMS = {
    "/usr/bin/buildah": "buildah",
    "/usr/bin/podman": "podman",
    "/usr/sbin/runc": "runc",
    "/usr/bin/catatonit": "catatonit",
    "/usr/lib/podman/netavark": "netavark",
    "/usr/lib/podman/aardvark-dns": "aardvark-dns",
    "/usr/sbin/iptables": "iptables",
    "/usr/sbin/dnsmasq": "dnsmasq-base",
    "/usr/sbin/haproxy": "haproxy",
    "/usr/bin/strip": "binutils",
}
NAMESPACES = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def are_met():
    """Raises a RuntimeError that says what to install, or what else is missing."""
    if os.geteuid() != 0:
        raise RuntimeError("the trial makes mounts and networks of its own: run it as root (sudo), or .ci/run --no-engine")
    missing = [package for program, package in PROGRAMS.items() if not os.path.exists(program)]
    if missing:
        install(missing)
    tried = subprocess.run(["unshare", *NAMESPACES, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True)
    if tried.returncode != 0:
        said = tried.stderr.strip()
        how = "run it on the machine itself, not in a container, or .ci/run --no-engine"
        raise RuntimeError(f"this machine gives no namespaces ({said}): {how}")


def install(missing):
    if not shutil.which("apt-get"):
        raise RuntimeError(f"install these packages of Debian, or the same of your system: {' '.join(missing)}")
    progress(f"installing {', '.join(missing)}")
    # A package must not start its service.
    given = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in [["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *missing]]:
        done = subprocess.run(["apt-get", *command], env=given, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"apt-get {' '.join(command)} failed: {done.stderr.strip()}")
