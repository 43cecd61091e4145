"""Load: people sell, reserve and pay all the time; what was answered is written down, and must be there afterwards."""

import http.client
import threading
import time

from trial.people import PATIENCE, Person, Refused
from trial.smoke import operator

PEOPLE = 3
PATIENCE_TO_BUY = 240  # seconds; a broker that has stopped storing is killed after three failed probes, of 30 s each
WITH_OUTBOX = ("orders", "tickets", "payments")


class Load:
    """Runs while it is entered; `failed` has the requests that were not answered as they should be."""

    def __init__(self, cluster):
        self.cluster, self.stopping = cluster, threading.Event()
        self.tickets, self.orders, self.paid, self.failed = [], [], [], []
        self.people = [(self.signed_up(), self.signed_up()) for _ in range(PEOPLE)]
        self.threads = [threading.Thread(target=self.trade, args=pair, daemon=True) for pair in self.people]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def signed_up(self):
        """A person, who tries again: a service may notice only now that its database is back elsewhere."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return Person(self.cluster.ingress.host).sign_up()
            except Refused as error:
                if time.monotonic() > deadline:
                    raise
                self.failed.append(f"Refused: {error}")
            time.sleep(0.1)

    def trade(self, seller, buyer):
        while not self.stopping.is_set():
            try:
                ticket = seller.sell()
                self.tickets.append(ticket)
                order = buyer.reserve(ticket)
                self.orders.append((buyer, order))
                buyer.pay(order)
                self.paid.append((buyer, order))
            except (Refused, OSError, http.client.HTTPException) as error:
                self.failed.append(f"{type(error).__name__}: {error}")
            self.stopping.wait(0.1)

    def until_more(self, number=3):
        """Waits for some more purchases from the beginning to the end."""
        wanted, deadline = len(self.paid) + number, time.monotonic() + PATIENCE_TO_BUY
        while len(self.paid) < wanted:
            if time.monotonic() > deadline:
                raise RuntimeError(f"nobody can buy any more: {self.failed[-3:]}")
            time.sleep(0.05)

    def lost(self, audited):
        """Yields what was answered with success and is not there, and what stream and outboxes do not agree on."""
        somebody = self.people[0][0]
        for ticket in self.tickets:
            status, _ = somebody.ask("GET", f"/api/tickets/{ticket}")
            if status != 200:
                yield f"the ticket {ticket}"
        for buyer, order in self.orders:
            status, _ = buyer.ask("GET", f"/api/orders/{order}")
            if status != 200:
                yield f"the order {order}"
        for buyer, order in self.paid:
            try:
                buyer.until_complete(order)
            except Refused as error:
                yield f"the payment of the order {order}: {error}"
        for service in audited:
            said = until_audited(self.cluster, service)
            if "no discrepancies" not in said:
                yield f"events of {service}: {said}"

    def summary(self, audited=WITH_OUTBOX):
        """What was answered, and what was not; a RuntimeError if anything is lost."""
        lost = list(self.lost(audited))
        if lost:
            raise RuntimeError(f"lost: {'; '.join(lost[:5])}")
        done = f"{len(self.tickets)} tickets, {len(self.orders)} orders, {len(self.paid)} payments"
        return f"of {done} nothing is lost; {len(self.failed)} requests failed"


def until_audited(cluster, service):
    """The last word of the audit, which counts what is still on its way to the stream."""
    deadline = time.monotonic() + 30
    while True:
        try:
            said = operator(cluster, service, "bus", "audit").strip().splitlines()[-1]
        except RuntimeError as error:  # it exits with 1 if there are any
            said = str(error)
        if "no discrepancies" in said or time.monotonic() > deadline:
            return said
        time.sleep(0.5)
