"""People with a browser, who sell and buy through the front door."""

import http.client
import json
import time
import uuid

from trial.ingress import INSIDE

PATIENCE = 30  # seconds


class Refused(RuntimeError):
    """An answer that is not the one that was expected."""


class Person:
    def __init__(self, host):
        self.host, self.cookie = host, ""
        self.id = None

    def ask(self, method, path, body=None, timeout=PATIENCE):
        """The status, and what came with it."""
        asked = http.client.HTTPConnection(*INSIDE, timeout=timeout)
        try:
            headers = {"host": self.host, "cookie": self.cookie}
            if body is not None:
                headers["content-type"] = "application/json"
            asked.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = asked.getresponse()
            said = answer.read().decode()
            if cookie := answer.getheader("set-cookie"):
                self.cookie = cookie.split(";")[0]
            return answer.status, said
        finally:
            asked.close()

    def wants(self, status, method, path, body=None):
        """What came with the answer, which must have this status."""
        found, said = self.ask(method, path, body)
        if found != status:
            raise Refused(f"{method} {path} was answered with {found}, and not {status}: {said[:200]}")
        return json.loads(said) if said[:1] in ("{", "[") else said

    def create(self, path, body):
        """Creates something of a record that may not have reached the service yet."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status, said = self.ask("POST", path, body)
            early = status == 404 or "already reserved" in said
            if not early or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        if status != 201:
            raise Refused(f"POST {path} {body} was answered with {status}: {said[:200]}")
        return json.loads(said)

    def sign_up(self):
        body = {"email": f"{uuid.uuid4()}@example.com", "password": "password"}
        self.id = self.wants(201, "POST", "/api/users/signup", body)["id"]
        return self

    def sell(self, title="concert"):
        return self.wants(201, "POST", "/api/tickets", {"title": title, "price": 20})["id"]

    def reserve(self, ticket):
        return self.create("/api/orders", {"ticketId": ticket})["id"]

    def pay(self, order):
        return self.create("/api/payments", {"token": "tok_visa", "orderId": order})["id"]

    def until(self, what, question):
        deadline = time.monotonic() + PATIENCE
        while not question(self):
            if time.monotonic() > deadline:
                raise Refused(f"not within {PATIENCE} seconds: {what}")
            time.sleep(0.1)

    def until_complete(self, order):
        self.until("the order is complete", lambda me: me.wants(200, "GET", f"/api/orders/{order}")["status"] == "complete")
