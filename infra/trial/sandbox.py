"""Namespaces of its own: processes, mounts, addresses and firewall rules, which end with the trial, however it ends."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

from checks.tools import progress
from trial import needs

# Set for the program inside: its folder, and the number of the file that listens outside.
FOLDER, LISTENER = "TICKETING_TRIAL_FOLDER", "TICKETING_TRIAL_LISTENER"
CGROUPS = pathlib.Path("/sys/fs/cgroup")
GROUP = "libpod_parent"  # where podman puts its pods


def inside(before, trial):
    """Runs this program again inside, where `trial` gets the listener of the front door; the exit code.

    There is no network inside, so `before` fetches what is needed.
    """
    if is_inside():
        prepare()
        return trial(socket.socket(fileno=int(os.environ[LISTENER])))
    before()
    # On a disk, since tmpfs can't hold the files of an image.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ticketing-trial-", dir="/var/tmp"))
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            given = {**os.environ, FOLDER: str(folder), LISTENER: str(listener.fileno()), "PYTHONUNBUFFERED": "1"}
            command = ["unshare", *needs.NAMESPACES, sys.executable, *sys.argv]
            process = subprocess.Popen(command, env=given, pass_fds=[listener.fileno()])
            # All that runs inside ends with it.
            signal.signal(signal.SIGTERM, lambda *_: process.kill())
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    continue  # inside, the signal arrives too, and ends the trial in order
    finally:
        subprocess.run(["rm", "-rf", folder])  # twenty thousand files: in a tenth of Python's time
        left = [str(place) for place in (folder, *forget_groups()) if place.exists()]
        progress(f"left behind: {', '.join(left) or 'nothing'}")


def is_inside():
    return FOLDER in os.environ


def prepare():
    """Hides what the engine would share with one outside: its notes in /run, and its locks in /dev/shm."""
    for place in "/run", "/dev/shm":
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def forget_groups():
    """Removes what has no namespace: control groups, of pods that were killed. Yields those that are left.

    One in which a process runs is another engine's, and then so may be all others.
    """
    groups = sorted(CGROUPS.glob(f"*/{GROUP}/**/"), key=lambda group: -len(group.parts))
    if any((group / "cgroup.procs").read_text() for group in groups):
        return
    for group in groups:
        try:
            group.rmdir()
        except OSError:
            yield group


def folder():
    """Where everything of this trial is; it is removed at the end."""
    return pathlib.Path(os.environ[FOLDER])
