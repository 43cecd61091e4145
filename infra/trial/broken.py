"""Values that the schemas accept and that are wrong: the trial must find each. So this says what it says of them."""

import contextlib
import copy
import http.client

from trial import cluster as clusters
from trial.people import Person
from trial.pod import Pod

PATIENCE = 40  # seconds; those that are right take less than ten


def values(cluster):
    """Each wrong value, and how the trial notices it."""
    for wrong in a_port_of_a_service, a_key_of_a_secret, a_volume_that_is_too_small, a_path_of_a_probe:
        try:
            wrong(cluster)
        except (RuntimeError, OSError, http.client.HTTPException) as error:
            said = str(error).splitlines()
            # What the container said last is the second line, if there is one.
            yield wrong.__name__.replace("_", " "), " ... ".join(["found: " + said[0][-200:], *(line[-160:] for line in said[-1:] if said[1:])])
        else:
            raise RuntimeError(f"{wrong.__name__} is not found")


def a_port_of_a_service(cluster):
    [port] = cluster.services.docs["tickets-srv"]["ports"]
    port["targetPort"] = "admin"
    cluster.publish()
    try:
        Person(cluster.ingress.host).sign_up().sell()
    finally:
        port["targetPort"] = "http"
        cluster.publish()


def a_key_of_a_secret(cluster):
    def change(workload):
        [reference] = [one["valueFrom"]["secretKeyRef"] for one in container(workload)["env"] if one["name"] == "JWT_KEY"]
        reference["key"] = "JWTKEY"

    start(cluster, "auth-depl", change)


def a_volume_that_is_too_small(cluster):
    def change(workload):
        [claim] = workload["spec"]["volumeClaimTemplates"]
        claim["spec"]["resources"]["requests"]["storage"] = "16Mi"

    start(cluster, "auth-mongo-depl", change)


def a_path_of_a_probe(cluster):
    start(cluster, "tickets-depl", lambda workload: container(workload)["readinessProbe"]["httpGet"].update(path="/ready"))


def start(cluster, name, change):
    """One more pod, of the changed workload; it is removed when it is not ready in time."""
    workload = copy.deepcopy(cluster.workloads[name])
    change(workload)
    pod = Pod(workload, f"{name}-broken", cluster.configs, cluster.publish)
    pod.labels = {}  # no Service leads to it
    cluster.pods.append(pod)
    patience, clusters.PATIENCE = clusters.PATIENCE, PATIENCE
    try:
        pod.play()
        cluster.until_ready(name, [pod])
    finally:
        clusters.PATIENCE = patience
        pod.ending = True
        cluster.pods.remove(pod)
        with contextlib.suppress(RuntimeError):
            pod.remove()


def container(workload):
    return workload["spec"]["template"]["spec"]["containers"][0]
