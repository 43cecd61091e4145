"""What is lost with a pod: nothing. Each is killed, as when its machine is lost, and another starts elsewhere, with the volume."""

import time

from checks.tools import progress
from trial.load import Load

AWAY = 10  # seconds


def each_pod(cluster):
    """Each pod is killed under load; the next one has another address and the same volume."""
    for name in list(cluster.workloads):
        with Load(cluster) as load:
            load.until_more()
            [pod] = cluster.of(name)
            old, began = pod.address, time.monotonic()
            new = cluster.lose(pod)
            cluster.until_ready(name, [new])
            seconds = time.monotonic() - began
            load.until_more()
        if new.address == old:
            raise RuntimeError(f"{name}: the new pod has the address of the old one")
        progress(f"{name} was killed")
        yield f"{name} is killed: ready elsewhere after {seconds:.1f} s", load.summary()


def the_broker(cluster):
    """The broker is away for a while: tickets are sold and reserved all the same, and their events follow."""
    with Load(cluster) as load:
        load.until_more()
        seller, buyer = load.people[0]
        known = [seller.sell() for _ in range(3)]
        buyer.wants(204, "DELETE", f"/api/orders/{buyer.reserve(known[-1])}")  # so orders knows the last of them
        [pod] = cluster.of("nats-depl")
        pod.kill()
        cluster.pods.remove(pod)
        gone = time.monotonic()
        load.tickets += [seller.sell() for _ in range(5)]
        load.orders += [(buyer, buyer.reserve(ticket)) for ticket in known[:2]]
        time.sleep(max(0.0, AWAY - (time.monotonic() - gone)))
        began = time.monotonic()
        cluster.until_ready("nats-depl", [cluster.start("nats-depl")])
        load.until_more()
        seconds = time.monotonic() - began
    what = f"the broker is away for {AWAY} s, in which tickets are sold and reserved"
    yield f"{what}; purchases {seconds:.1f} s later", load.summary()


def a_database(cluster):
    """The database of orders is away: its service is not ready, the others go on, and it recovers by itself."""
    with Load(cluster) as load:
        load.until_more()
        [pod] = cluster.of("orders-mongo-depl")
        pod.kill()
        cluster.pods.remove(pod)
        time.sleep(AWAY)
        status, _ = load.people[0][0].ask("GET", "/api/tickets")
        if status != 200:
            raise RuntimeError(f"without the database of orders, tickets answers {status}")
        began = time.monotonic()
        cluster.until_ready("orders-mongo-depl", [cluster.start("orders-mongo-depl")])
        cluster.until_ready()
        load.until_more()
        seconds = time.monotonic() - began
    yield f"the database of orders is away for {AWAY} s; purchases {seconds:.1f} s later", load.summary()
