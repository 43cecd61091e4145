"""Full volumes: what can't be stored is refused, what was answered stays, and room is all that is needed."""

import subprocess
import time

from trial import sandbox
from trial.load import Load

LEFT = 8 * 2**20  # bytes: what the server finds when it tries
WAIT = 20  # seconds


def volumes(cluster):
    for name in "orders-mongo-depl", "nats-depl":
        [pod] = cluster.of(name)
        place = sandbox.folder() / "volumes" / f"data-{pod.name}"
        with Load(cluster) as load:
            load.until_more()
            fill(place)
            time.sleep(WAIT)
            paid = len(load.paid)
            began = time.monotonic()
            (place / "filler").unlink()
            cluster.until_ready()
            load.until_more()
            seconds = time.monotonic() - began
        how = f"{pod.restarts} restarts, {paid} purchases until then"
        yield f"the volume of {name} is full for {WAIT} s ({how}); all is well {seconds:.1f} s after there is room", load.summary()


def fill(place):
    """Leaves nothing, in two steps: so the last bytes go while it is written to."""
    free = subprocess.run(["df", "--output=avail", "-B1", place], check=True, capture_output=True, text=True).stdout.split()[1]
    subprocess.run(["fallocate", "-l", str(max(int(free) - LEFT, 1)), place / "filler"], check=True)
    subprocess.run(["dd", "if=/dev/zero", f"of={place / 'filler'}", "bs=64k", "oflag=append", "conv=notrunc"], capture_output=True)
