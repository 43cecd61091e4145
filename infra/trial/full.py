"""Full volumes: what can't be stored is refused, what was answered stays, and room is what is needed."""

import tempfile
import time

from trial import volumes
from trial.kubectl import Kubectl
from trial.load import Load
from trial.runbook import Shell, commands

WAIT = 20  # seconds


def both(cluster):
    """The volume of a database and that of the broker are filled, and then enlarged as infra/README.md says."""
    [[enlarge, restart]] = commands("A volume is full")
    with Kubectl(cluster) as kubectl, tempfile.TemporaryDirectory() as folder:
        shell = Shell(kubectl, folder)
        # A database needs no second command.
        for name, steps in {"orders-mongo-depl": [enlarge], "nats-depl": [enlarge, restart]}.items():
            [pod] = cluster.of(name)
            with Load(cluster) as load:
                load.until_more()
                volumes.fill(f"data-{pod.name}")
                time.sleep(WAIT)
                began = time.monotonic()
                for command in steps:
                    shell.run(command.replace("nats-depl", name))
                cluster.until_ready()
                load.until_more()
                seconds = time.monotonic() - began
            how = f"its container was restarted {pod.restarts} times"
            yield f"the volume of {name} is full for {WAIT} s ({how}); purchases {seconds:.1f} s after the first step", load.summary()
