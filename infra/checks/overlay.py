"""What is in a rendered overlay: its documents, and how to find one's way in them."""

import subprocess

from checks.tools import INFRA, KUBECTL


def render(overlay):
    import yaml

    command = [KUBECTL, "kustomize", INFRA / overlay]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return list(yaml.safe_load_all(rendered))


def name(doc):
    return f"{doc['kind']}/{doc['metadata']['name']}"


def of_kind(docs, *kinds):
    return [doc for doc in docs if doc["kind"] in kinds]


def named(docs, kind):
    return {doc["metadata"]["name"]: doc for doc in of_kind(docs, kind)}


def specs(docs, kind):
    return {doc["metadata"]["name"]: doc["spec"] for doc in of_kind(docs, kind)}


def workloads(docs):
    return of_kind(docs, "Deployment", "StatefulSet")


def app(workload):
    """Which of the application's workloads it is: by its name, that of its pods has to be the same."""
    return workload["metadata"]["name"].removesuffix("-depl")


def replicas(workload):
    return workload["spec"].get("replicas", 1)


def members(workload):
    """The names by which the pods of a StatefulSet find each other."""
    service = workload["spec"].get("serviceName")
    return [f"{workload['metadata']['name']}-{number}.{service}" for number in range(replicas(workload))]


def pod(workload):
    return workload["spec"]["template"]["spec"]


def containers(docs):
    for workload in workloads(docs):
        for container in pod(workload)["containers"]:
            yield workload, container


def running(docs, image):
    """The workloads with a container of this image."""
    return [(workload, one) for workload, one in containers(docs) if one.get("image", "").split(":")[0] == image]


# Secrets that do not have just any form.
SECRETS = {
    "STRIPE_KEY": "sk_test_secret",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_secret",
    "STRIPE_WEBHOOK_SECRET": "whsec_secret",
}


def environment(container, pod_name="pod-1"):
    """What a pod would get; a variable may name those before it, as $(NAME)."""
    values = {}
    for variable in container.get("env", []):
        value = variable.get("value", "")
        if "valueFrom" in variable:
            secret = SECRETS.get(variable["name"], "secret")
            value = secret if "secretKeyRef" in variable["valueFrom"] else pod_name
        for earlier, found in values.items():
            value = value.replace(f"$({earlier})", found)
        values[variable["name"]] = value
    return values


def is_ours(container):
    return container.get("image", "").startswith("ticketing/")
