"""kubectl, as far as the runbook of infra/README.md uses it: a program of this name asks the trial, which does it to its pods."""

import json
import os
import re
import shlex
import socketserver
import sys
import threading
import time

from checks.expected import amount
from trial import sandbox, volumes
from trial.cluster import PATIENCE
from trial.engine import settings, storage

# The program: it passes its words on, and becomes podman where it must be connected to a container.
PROGRAM = """\
#!{python}
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as trial:
    trial.connect({socket!r})
    trial.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
    answer = json.loads(trial.makefile().read())
if answer.get("run"):
    os.execvpe(answer["run"][0], answer["run"], answer["given"])
print(answer["said"])
sys.exit(answer["code"])
"""


class Kubectl:
    """While it is entered, `path` is a folder with the program."""

    def __init__(self, cluster):
        self.cluster, self.wanted = cluster, {}  # how many pods of each there are to be, once it was asked
        self.path = sandbox.folder() / "bin"
        self.path.mkdir(exist_ok=True)
        socket = str(sandbox.folder() / "kubectl.sock")
        program = self.path / "kubectl"
        program.write_text(PROGRAM.format(python=sys.executable, socket=socket))
        program.chmod(0o755)

        class Answers(socketserver.StreamRequestHandler):
            def handle(request):
                words = json.loads(request.rfile.readline())
                request.wfile.write(json.dumps(self.answer(words)).encode())

        self.server = socketserver.ThreadingUnixStreamServer(socket, Answers)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.server.server_address)

    def answer(self, words):
        try:
            verb = {"scale": self.scale, "rollout": self.rollout, "wait": self.wait, "exec": self.execute}
            verb |= {"patch": self.patch, "delete": self.delete}
            said = verb[words[0]](*words[1:])
            return said if isinstance(said, dict) else {"said": said, "code": 0}
        except Exception as error:  # it answers, whatever goes wrong
            return {"said": f"error: kubectl {shlex.join(words)}: {error}", "code": 1}

    def scale(self, _, *words):
        number = int(next(word for word in words if word.startswith("--replicas=")).split("=")[1])
        names = [word for word in words if not word.startswith("--")]
        self.wanted |= dict.fromkeys(names, number)
        threads = [threading.Thread(target=self.cluster.scale, args=[name, number]) for name in names]
        for thread in threads:  # it does not wait for the pods to end
            thread.start()
        return "\n".join(f"{name} scaled" for name in names)

    def rollout(self, what, _, *words):
        name = words[0]
        if what == "undo":
            self.cluster.undo(name)
        number = self.wanted.get(name, 1)
        self.until(f"{name} is rolled out", lambda: [pod.ready for pod in self.cluster.of(name)] == [True] * number)
        return f"{name} successfully rolled out"

    def wait(self, *words):
        """Until the pods of some apps are gone."""
        [apps] = [re.fullmatch(r"app in \(([\w,]+)\)", word)[1].split(",") for word in words if word.startswith("app in")]
        self.until(f"the pods of {apps} are gone", lambda: not any(pod.labels["app"] in apps for pod in self.cluster.pods))
        return "condition met"

    def until(self, what, question):
        deadline = time.monotonic() + PATIENCE
        while not question():
            if time.monotonic() > deadline:
                raise RuntimeError(f"not in time: {what}")
            time.sleep(0.2)

    def execute(self, *words):
        """The program becomes this command of podman."""
        options, command = words[: words.index("--")], words[words.index("--") + 1 :]
        [target] = [word for word in options if not word.startswith("-")]
        if target.startswith("deploy/"):
            pod = next(pod for pod in self.cluster.of(target.removeprefix("deploy/")) if pod.ready)
        else:
            pod = next(pod for pod in self.cluster.pods if pod.name == target)
        stdin = ["--interactive"] if "-i" in options else []
        return {"run": ["podman", *storage(), "exec", *stdin, pod.container_name, *command], "given": settings()}

    def patch(self, _, claim, option, patch):
        """A claim asks for more."""
        amount(json.loads(patch)["spec"]["resources"]["requests"]["storage"])
        volumes.grow(claim)
        return f"{claim} patched"

    def delete(self, _, name):
        """A pod, which its StatefulSet starts again."""
        [pod] = [pod for pod in self.cluster.pods if pod.name == name]
        self.cluster.stop(pod)
        self.cluster.start(pod.workload["metadata"]["name"])
        return f"{name} deleted"
