"""Rules: each container is asked the right questions, on the right port, and is given the time to start."""

from checks.application import ANSWERING, DATABASES, ON_THE_BUS
from checks.expected import differences
from checks.overlay import app, containers, name

TIMES = {"periodSeconds": range(1, 61), "timeoutSeconds": range(1, 31), "failureThreshold": range(1, 86401)}
MONGOSH = ["mongosh", "--quiet", "--norc", "--file", "/initiate/initiate.js"]


def probes_ask_the_right_questions(docs):
    for workload, container in containers(docs):
        for probe, question in questions(app(workload)).items():
            times = {key: TIMES[key] for key in container[probe] if key in TIMES}
            yield from differences(container[probe], question | times, f"{name(workload)} {probe}")


def questions(app):
    if app == "nats":
        # Only a start waits for the streams: a server that then falls behind is still there for the others.
        paths = ["/healthz", "/healthz?js-server-only=true", "/healthz?js-enabled-only=true"]
        asked = [{"httpGet": {"path": path, "port": "monitoring"}} for path in paths]
    elif app in DATABASES:
        asked = [{"exec": {"command": MONGOSH}}] + 2 * [{"tcpSocket": {"port": "mongo"}}]
    else:
        # What answers requests does so also while the broker is away.
        ready = "/readyz?exclude=nats" if app in ANSWERING and app in ON_THE_BUS else "/readyz"
        asked = [{"httpGet": {"path": path, "port": "admin"}} for path in ["/livez", ready, "/livez"]]
    return dict(zip(["startupProbe", "readinessProbe", "livenessProbe"], asked))


def starting_may_take_its_time(docs):
    for workload, container in containers(docs):
        least = 120 if workload["kind"] == "StatefulSet" else 30
        if seconds_to_start(container) < least:
            yield f"{name(workload)}: it is killed when its start takes longer than {seconds_to_start(container)} s"
        # mongosh itself takes some; then it looks for the other members, and for the primary.
        if app(workload) in DATABASES and container["startupProbe"].get("timeoutSeconds", 1) < 15:
            yield f"{name(workload)}: its startupProbe can't end in time"


def seconds_to_start(container):
    probe = container["startupProbe"]
    return probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
