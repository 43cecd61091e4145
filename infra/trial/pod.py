"""One pod: played by podman, and watched as a kubelet watches it."""

import threading
import time
from pathlib import Path

import yaml

from checks.tools import progress
from trial import names, sandbox, translate, volumes
from trial.engine import NETWORK, inspect, output_of, podman
from trial.probes import passes

PLAYING = threading.Lock()  # podman gives the same address twice if two pods are played at the same moment


class Pod:
    def __init__(self, workload, name, configs, changed):
        """`changed` is called when it is ready, or is not any more."""
        self.workload, self.name, self.configs, self.changed = workload, name, configs, changed
        template = workload["spec"]["template"]
        self.labels, [self.container] = template["metadata"]["labels"], template["spec"]["containers"]
        self.container_name = f"{name}-{self.container['name']}"
        self.grace = template["spec"]["terminationGracePeriodSeconds"]
        self.address = self.process = None
        self.started = self.ready = self.ending = False
        self.restarts, self.began = 0, time.monotonic()
        self.woken = threading.Event()
        self.keeper = threading.Thread(target=self.keep, name=name, daemon=True)

    def serves_under(self, service):
        return self.workload["spec"].get("serviceName") == service

    def play(self):
        places = volumes.places(self.workload, self.name)
        document = translate.pod(self.workload, self.name, places, names.OF_A_POD)
        file = sandbox.folder() / "played" / f"{self.name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump_all([*self.configs, document]))
        with PLAYING:
            podman("play", "kube", f"--network={NETWORK}", file)
            infra = inspect("pod", self.name)["InfraContainerID"]
            self.address = inspect("container", infra)["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]
        self.began = time.monotonic()
        self.keeper.start()

    def keep(self):
        """Asks the probes until the pod ends, each in its own times."""
        due = {}
        while not self.ending:
            if not self.runs():
                due = {}
            for kind in ["readinessProbe", "livenessProbe"] if self.started else ["startupProbe"]:
                probe = self.container[kind]
                at, failures = due.get(kind, (0, 0))
                if time.monotonic() >= at and not self.ending:
                    failures = 0 if passes(self, probe) else failures + 1
                    self.conclude(kind, failures, failures >= probe.get("failureThreshold", 3))
                    due[kind] = (time.monotonic() + probe.get("periodSeconds", 10), failures)
            self.woken.wait(0.2)

    def runs(self):
        """Whether the process is the same as when this was last asked; if not, its start begins again."""
        if self.process and Path(f"/proc/{self.process}").exists():
            return True
        try:
            pid = inspect("container", self.container_name)["State"]["Pid"]
        except RuntimeError:
            pid = 0
        if self.process and not self.ending:
            self.restarts += 1  # podman does so at once; a kubelet waits more each time
            if self.restarts == 1:
                progress(f"{self.name}: its container has ended, and is started again")
        self.process = pid or None
        self.started = False
        self.become(False)
        return False

    def conclude(self, kind, failures, too_many):
        if kind == "startupProbe" and failures == 0:
            self.started = True
        elif kind == "readinessProbe" and (failures == 0 or too_many):
            self.become(failures == 0)
        elif kind in ("startupProbe", "livenessProbe") and too_many:
            progress(f"{self.name}: its {kind} has failed {failures} times: it is started again")
            podman("restart", f"--time={self.grace}", self.container_name)

    def become(self, ready):
        if self.ready != ready:
            self.ready = ready
            self.changed()

    def pause(self):
        """For requests that may still come until the Services have forgotten it."""
        return self.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)

    def stop(self, pause):
        """As a cluster deletes a pod: no new requests, a pause, SIGTERM, the end; how long that took, and its exit code."""
        self.leave()
        began = time.monotonic()
        time.sleep(pause)
        podman("stop", f"--time={max(self.grace - pause, 2)}", self.container_name)
        code = inspect("container", self.container_name)["State"]["ExitCode"]
        seconds = time.monotonic() - began - pause
        self.remove()
        return seconds, code

    def kill(self):
        """As when its machine is lost."""
        self.ending = True
        podman("kill", "--signal=KILL", self.container_name)
        self.leave()
        self.remove()

    def leave(self):
        self.ending = True
        self.woken.set()
        self.become(False)

    def remove(self):
        podman("pod", "rm", "--force", self.name)
        self.address = None
        self.changed()

    def log(self):
        return output_of("logs", self.container_name)
