"""A pod as podman can play it: what it does not know of Kubernetes is taken out or replaced, and done by the trial itself."""

import copy
import re

from checks.overlay import environment

# Each translation: what of a pod it may change, and what is done instead.
TRANSLATIONS = {
    "names": ([r"metadata\.name$"], "a pod of a Deployment or StatefulSet is played as a Pod with the name it would get"),
    "images": (
        [r"containers\.0\.(image|imagePullPolicy)$"],
        "our images get a tag, as skaffold would give them; none is pulled, since none can be",
    ),
    "ports": ([r"containers\.0\.ports$"], "not published on the machine; their names are looked up by Services and probes"),
    "probes": ([r"containers\.0\.\w+Probe$"], "asked by the trial, from outside and in their own times, as a kubelet does"),
    "lifecycle": ([r"containers\.0\.lifecycle$"], "the pause before SIGTERM is made by the trial"),
    "variables": ([], "$(NAME) is replaced by the value of that variable"),
    "volumes": (
        [r"volumes(\.\d+(\.(emptyDir|hostPath).*)?)?$"],
        "a claim is a file system of the size that it asks for, which outlives its pods; a volume in memory is one of its size; "
        "both belong to the pod's fsGroup",
    ),
    "dns": ([r"dnsConfig.*$"], "the cluster's DNS is dnsmasq, which knows Services and the pods of StatefulSets"),
}
# Whole documents that are not given to podman at all.
OTHERS = {
    "Service": "an address of its own, from which iptables leads to the pods that are ready, as kube-proxy does; or, without "
    "one, a name for the addresses of its pods",
    "Ingress": "haproxy, with a rule for each path",
    "NetworkPolicy": "not in force: infra/check.py looks at what the policies allow",
}


def pod(workload, name, places, dns):
    """The Pod document of one instance; `places` has the folder of each volume that is not a ConfigMap."""
    template = copy.deepcopy(workload["spec"]["template"])
    spec = template["spec"]
    [container] = spec["containers"]
    template["metadata"]["name"] = name
    container["image"] = image(container["image"])
    container["imagePullPolicy"] = "Never"
    for key in "ports", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle":
        container.pop(key, None)
    values = environment(container, name)
    for variable in container["env"]:
        if "$(" in variable.get("value", ""):
            variable["value"] = values[variable["name"]]
    for volume in spec["volumes"]:
        if "emptyDir" in volume:
            del volume["emptyDir"]
            volume["hostPath"] = {"path": str(places[volume["name"]])}
    for claim in workload["spec"].get("volumeClaimTemplates", []):
        claimed = claim["metadata"]["name"]
        spec["volumes"].append({"name": claimed, "hostPath": {"path": str(places[claimed])}})
    spec["dnsConfig"] = dns
    check(workload["spec"]["template"], template)
    return {"apiVersion": "v1", "kind": "Pod", **template}


def image(name):
    return f"localhost/{name}:trial" if name.startswith("ticketing/") else f"docker.io/library/{name}"


def check(template, played):
    """Raises a RuntimeError if the pod differs from the manifest in more than the translations may change."""
    for path in differing(template, played):
        if not may_differ(template, path):
            raise RuntimeError(f"{played['metadata'].get('name')}: {path} is not as in the manifest, and no translation says so")


def may_differ(template, path):
    """Whether a translation changes what is at this path of a pod's template; of variables, only those that name others."""
    variable = re.fullmatch(r"spec\.containers\.0\.env\.(\d+)\.value", path)
    if variable:
        return "$(" in template["spec"]["containers"][0]["env"][int(variable[1])].get("value", "")
    patterns = [pattern for patterns, _ in TRANSLATIONS.values() for pattern in patterns]
    return any(re.fullmatch(rf"(spec\.)?{pattern}", path) for pattern in patterns)


def differing(one, other, at=""):
    """The paths of what only one of them has, or both have differently."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            yield from differing(one.get(key), other.get(key), f"{at}.{key}".removeprefix("."))
    elif isinstance(one, list) and isinstance(other, list):
        for place in range(max(len(one), len(other))):
            pair = [items[place] if place < len(items) else None for items in (one, other)]
            yield from differing(*pair, f"{at}.{place}")
    elif one != other:
        yield at
