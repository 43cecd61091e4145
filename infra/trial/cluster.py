"""The cluster: which pods there should be, which there are, and what their names and Services lead to."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from checks.overlay import of_kind, replicas, workloads
from checks.tools import progress
from trial import engine, secrets, translate
from trial.ingress import Ingress
from trial.names import Names
from trial.pod import Pod
from trial.services import Services

PATIENCE = 180  # seconds; several times what any of it takes
LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # those of Kubernetes, for the ends of names


class Cluster:
    def __init__(self, docs, listener):
        self.workloads = {one["metadata"]["name"]: one for one in workloads(docs)}
        self.configs = of_kind(docs, "ConfigMap")
        self.earlier = {}  # the workload before its last update
        self.pods = []
        self.lock = threading.RLock()
        engine.make_network()
        secrets.make(docs)
        self.names, self.services = Names(), Services(of_kind(docs, "Service"))
        [ingress] = of_kind(docs, "Ingress")
        self.ingress = Ingress(ingress, self.services, listener)

    def publish(self):
        """Tells everybody which pods there are now."""
        with self.lock:
            self.names.tell(self.services.names(self.pods))
            self.services.lead(self.pods)

    def deploy(self):
        with ThreadPoolExecutor(4) as at_once:
            list(at_once.map(lambda name: self.scale(name, replicas(self.workloads[name])), self.workloads))

    def of(self, name):
        return [pod for pod in self.pods if pod.workload["metadata"]["name"] == name and not pod.ending]

    def scale(self, name, number):
        """Starts or stops pods until there are so many; those that start need not be ready yet."""
        there = self.of(name)
        for _ in range(number - len(there)):
            self.start(name)
        with ThreadPoolExecutor(8) as at_once:
            return list(at_once.map(self.stop, there[number:]))

    def start(self, name):
        workload = self.workloads[name]
        if workload["kind"] == "StatefulSet":
            taken = {pod.name for pod in self.of(name)}
            called = next(one for one in (f"{name}-{ordinal}" for ordinal in range(100)) if one not in taken)
        else:
            called = f"{name}-{''.join(random.choices(LETTERS, k=5))}"
        pod = Pod(workload, called, self.configs, self.publish)
        with self.lock:
            self.pods.append(pod)
        pod.play()
        self.publish()
        return pod

    def stop(self, pod):
        """Deletes a pod in order."""
        seconds, code = pod.stop(pod.pause())
        self.pods.remove(pod)
        if code != 0:
            raise RuntimeError(f"{pod.name} ended with {code}: {pod.log()[-500:]}")
        return seconds

    def lose(self, pod):
        """Its machine is gone: another pod starts elsewhere, with a new address and the same volumes."""
        pod.kill()
        self.pods.remove(pod)
        return self.start(pod.workload["metadata"]["name"])

    def roll(self, name, workload):
        """A rolling update, as a Deployment does it: one pod more, until that is ready; then one of the old ones less."""
        self.earlier[name], self.workloads[name] = self.workloads[name], workload
        for old in self.of(name):
            new = self.start(name)
            self.until_ready(name, [new])
            self.stop(old)

    def undo(self, name):
        self.roll(name, self.earlier[name])

    def until_ready(self, what="all pods", pods=None):
        began = time.monotonic()
        while waiting := [pod for pod in pods or self.pods if not pod.ready and not pod.ending]:
            if time.monotonic() - began > PATIENCE:
                logs = [f"{pod.name} says: {pod.log()[-700:].strip()}" for pod in waiting[:3]]
                raise RuntimeError("\n".join([f"{what}: not ready: {', '.join(pod.name for pod in waiting)}", *logs]))
            time.sleep(0.1)
        return time.monotonic() - began

    def stop_all(self):
        """Every pod is asked to stop, all at once; then podman has nothing left. Yields those that did not stop in order."""
        progress("stopping everything")
        pods = [pod for pod in self.pods if not pod.ending]
        with ThreadPoolExecutor(len(pods) or 1) as at_once:
            for pod, (_, code) in zip(pods, at_once.map(lambda pod: pod.stop(pause=0), pods)):
                if code != 0:
                    yield f"{pod.name} ended with {code}"
        self.ingress.stop()
        self.names.stop()


def translated():
    """Yields a line for each translation."""
    for what, (_, how) in translate.TRANSLATIONS.items():
        yield f"{what}: {how}"
    for kind, how in translate.OTHERS.items():
        yield f"{kind}: {how}"
