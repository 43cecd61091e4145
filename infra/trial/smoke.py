"""The smoke test: one sells a ticket and another buys it, through the front door, and every part has seen it."""

import http.client
import socket
import threading

from trial.engine import podman
from trial.ingress import INSIDE
from trial.people import Person, Refused


def smoke(cluster):
    """Yields what has been seen, a line each."""
    host = cluster.ingress.host
    events = Live(host)
    seller, buyer = Person(host).sign_up(), Person(host).sign_up()
    yield "two people have signed up"
    ticket = seller.sell()
    order = buyer.reserve(ticket)
    status, said = buyer.ask("POST", "/api/orders", {"ticketId": ticket})
    if status != 400 or "already reserved" not in said:
        raise Refused(f"a ticket could be reserved twice: {status} {said}")
    yield "one sells a ticket, the other reserves it, and can't reserve it twice"
    buyer.wants(204, "DELETE", f"/api/orders/{order}")
    order = buyer.reserve(ticket)
    buyer.pay(order)
    buyer.until_complete(order)
    paid = buyer.wants(200, "GET", f"/api/payments/{order}")
    if paid["status"] != "paid":
        raise Refused(f"the payment is {paid}")
    yield "cancels, reserves it again, and pays: the order is complete"
    if "The ticket is yours." not in buyer.wants(200, "GET", f"/orders/{order}"):
        raise Refused("the page of the order does not say that it is paid")
    yield "the pages show it"
    buyer.until("the live gateway shows the ticket", lambda _: ticket in events.received)
    events.stop()
    yield "the live gateway has shown it"
    for service in "orders", "tickets", "payments":
        said = operator(cluster, service, "bus", "audit")
        yield f"the stream has what the outbox of {service} has: {said.strip().splitlines()[-1]}"


def operator(cluster, service, *arguments):
    """What the operator's tool says in a pod of a service."""
    pod = next(pod for pod in cluster.of(f"{service}-depl") if pod.ready)
    return podman("exec", pod.container_name, "/operator", *arguments)


class Live:
    """Somebody who listens to the live tickets."""

    def __init__(self, host):
        self.received = ""
        self.asked = http.client.HTTPConnection(*INSIDE, timeout=60)
        self.asked.request("GET", "/api/live?tickets=all", headers={"host": host, "accept": "text/event-stream"})
        self.connection = self.asked.sock
        answer = self.asked.getresponse()
        if answer.status != 200:
            raise Refused(f"/api/live was answered with {answer.status}: {answer.read(300)}")
        threading.Thread(target=self.listen, args=[answer], daemon=True).start()

    def listen(self, answer):
        try:
            while part := answer.read1(65536):
                self.received += part.decode()
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # it was stopped

    def stop(self):
        self.connection.shutdown(socket.SHUT_RDWR)  # to close it would wait for what the thread reads
