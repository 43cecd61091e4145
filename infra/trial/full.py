"""Full volumes: what can't be stored is refused, what was answered stays, and room is what is needed."""

import subprocess
import tempfile
import time

from trial import sandbox
from trial.kubectl import Kubectl
from trial.load import Load
from trial.runbook import Shell, commands

LEFT = 8 * 2**20  # bytes: what the server finds when it tries
WAIT = 20  # seconds


def volumes(cluster):
    """The volume of a database and that of the broker are filled, and then enlarged as infra/README.md says."""
    [[enlarge, restart]] = commands("A volume is full")
    with Kubectl(cluster) as kubectl, tempfile.TemporaryDirectory() as folder:
        shell = Shell(kubectl, folder)
        # A database needs no second command.
        for name, steps in {"orders-mongo-depl": [enlarge], "nats-depl": [enlarge, restart]}.items():
            [pod] = cluster.of(name)
            with Load(cluster) as load:
                load.until_more()
                fill(sandbox.folder() / "volumes" / f"data-{pod.name}")
                time.sleep(WAIT)
                began = time.monotonic()
                for command in steps:
                    shell.run(command.replace("nats-depl", name))
                cluster.until_ready()
                load.until_more()
                seconds = time.monotonic() - began
            how = f"its container was restarted {pod.restarts} times"
            yield f"the volume of {name} is full for {WAIT} s ({how}); purchases {seconds:.1f} s after the first step", load.summary()


def fill(place):
    """Leaves nothing, in two steps: so the last bytes go while it is written to."""
    free = subprocess.run(["df", "--output=avail", "-B1", place], check=True, capture_output=True, text=True).stdout.split()[1]
    subprocess.run(["fallocate", "-l", str(max(int(free) - LEFT, 1)), place / "filler"], check=True)
    subprocess.run(["dd", "if=/dev/zero", f"of={place / 'filler'}", "bs=64k", "oflag=append", "conv=notrunc"], capture_output=True)
