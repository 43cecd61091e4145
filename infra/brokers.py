"""Runs the three servers of the broker as their pods would, and our programs on them.

What is another here: addresses, and folders.
"""

import contextlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

import pods
from checks.overlay import environment, members, of_kind, running
from checks.tools import server
from pods import answers, free_address, until


class Broker:
    """One of the servers: it has addresses, and a volume that lasts."""

    def __init__(self, folder, pod):
        self.pod = pod
        self.client, self.cluster, self.monitoring = free_address(), free_address(), free_address()
        self.folder = folder / pod
        self.folder.mkdir()
        self.process = None

    def start(self, container, text, others):
        here = {"http_port: 8222": f"http: {self.monitoring}", "port: 6222": f"listen: {self.cluster}"}
        here |= {"store_dir: /data": f"store_dir: {self.folder}"}
        here |= {f"{other.pod}:6222": other.cluster for other in others}
        for there, local in here.items():
            text = text.replace(there, local)
        config = self.folder.with_suffix(".conf")
        config.write_text(text)
        host, port = self.client.split(":")
        arguments = [argument.replace("/etc/nats/nats.conf", str(config)) for argument in container["args"]]
        command = [server("nats-server"), *arguments, f"--addr={host}", f"--port={port}"]
        given = environment(container, self.pod.split(".")[0])
        self.process = subprocess.Popen(command, env=given, stderr=self.folder.with_suffix(".log").open("a"))

    def passes(self, container, *probes):
        return all(answers(self.monitoring, container[probe]["httpGet"]["path"]) for probe in probes)

    def streams(self):
        with urllib.request.urlopen(f"http://{self.monitoring}/jsz?streams=true&config=true") as answer:
            accounts = json.load(answer)["account_details"]
        return {one["name"]: one["config"]["num_replicas"] for account in accounts for one in account["stream_detail"]}

    def kill(self):
        self.process.kill()
        self.process.wait()


def problems(docs, at):
    """What is wrong with the broker of an overlay with three servers, and with our programs on it."""
    [(workload, container)] = running(docs, "nats")
    [text] = [one["data"]["nats.conf"] for one in of_kind(docs, "ConfigMap") if "nats.conf" in one["data"]]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stop:
        servers = [Broker(pathlib.Path(folder), pod) for pod in members(workload)]
        for one in servers:
            one.start(container, text, servers)
            stop.callback(one.kill)

        def all_pass():
            return all(one.passes(container, "startupProbe", "readinessProbe", "livenessProbe") for one in servers)

        try:
            until("the probes of the broker's servers pass", all_pass)
            yield from pods.problems(docs, at._replace(nats=f"nats://{servers[0].client}"))
            lost = servers[2]
            streams = servers[0].streams()
            if set(streams.values()) != {len(servers)}:
                yield f"the streams are not on every server of the broker: {streams}"
            lost.kill()
            shutil.rmtree(lost.folder)
            if not all(one.passes(container, "readinessProbe", "livenessProbe") for one in servers[:2]):
                yield "a server of the broker that is lost takes another with it"
            lost.start(container, text, servers)
            until("the probes of a server that lost its volume pass", all_pass)
            if lost.streams() != streams:
                yield f"a server that lost its volume does not have all streams again: {lost.streams()}"
        except RuntimeError as error:
            yield f"the broker: {error}"


if __name__ == "__main__":
    sys.exit("error: brokers.py is a part of the checks: python3 infra/check.py")
