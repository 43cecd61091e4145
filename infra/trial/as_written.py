"""Whether a container runs as its manifest says: what the kernel and podman report is compared with it."""

import pathlib

from checks.expected import amount, differences
from checks.overlay import environment
from trial.engine import inspect


def problems(pod):
    spec = pod.workload["spec"]["template"]["spec"]
    found = inspect("container", pod.container_name)
    process = pathlib.Path("/proc") / str(found["State"]["Pid"])
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    user = str(spec["securityContext"]["runAsUser"])
    limits = pod.container["resources"]["limits"]
    given = dict(one.split("=", 1) for one in found["Config"]["Env"])
    wanted = environment(pod.container, pod.name)
    secrets = [one["name"] for one in pod.container["env"] if "secretKeyRef" in one.get("valueFrom", {})]
    seen = {
        "user": set(status["Uid"].split()) | set(status["Gid"].split()),
        "capabilities": status["CapBnd"].strip("0"),
        "no new privileges": status["NoNewPrivs"],
        "seccomp": status["Seccomp"],
        "read-only root": found["HostConfig"]["ReadonlyRootfs"],
        "memory": found["HostConfig"]["Memory"],
        "processors": found["HostConfig"]["NanoCpus"] or found["HostConfig"]["CpuQuota"] * 10**4,
        "arguments": found["Args"][-len(pod.container["args"]) :],
        "variables": {name: given.get(name) for name in wanted if name not in secrets},
        "secrets": [name for name in secrets if not given.get(name)],
        "mounts": sorted(one["Destination"] for one in found["Mounts"]),
    }
    expected = {
        "user": {user},
        "capabilities": "",
        "no new privileges": "1",
        "seccomp": "2",
        "read-only root": True,
        "memory": int(amount(limits["memory"])),
        "processors": limits.get("cpu", 0) * 10**9,
        "arguments": pod.container["args"],
        "variables": {name: value for name, value in wanted.items() if name not in secrets},
        "secrets": [],
        "mounts": sorted(one["mountPath"] for one in pod.container["volumeMounts"]),
    }
    yield from differences(seen, expected, pod.name)
