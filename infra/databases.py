"""Runs a database as its pods would: mongod with their arguments, and their startup probe until it passes.

What differs here: addresses, folders, and that the probe is repeated immediately.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from checks.overlay import environment, members, of_kind, running
from checks.tools import MONGOSH, interruptible, server
from pods import free_address, until


class Member:
    """A pod of a database: it has an address, and a volume that lasts."""

    def __init__(self, folder):
        self.address = free_address()
        self.port = self.address.split(":")[1]
        self.folder = folder / self.port
        self.folder.mkdir()
        self.process = None

    def start(self, container):
        here = {"--bind_ip_all": "--bind_ip=127.0.0.1"}
        arguments = [here.get(argument, argument) for argument in container["args"]]
        arguments += [f"--port={self.port}", f"--dbpath={self.folder}", "--nounixsocket"]
        command = [server("mongod"), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens(self):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", int(self.port))) == 0

    def runs(self):
        return self.process and self.process.poll() is None

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def lose_the_volume(self):
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def ask(self, command):
        import pymongo

        with pymongo.MongoClient(self.address, directConnection=True) as client:
            try:
                return client.admin.command(command)
            except pymongo.errors.AutoReconnect:  # it has just become something else
                return client.admin.command(command)


class Database:
    """The first database of an overlay, made of as many members as it has there."""

    def __init__(self, folder, docs, found):
        self.workload, self.container = running(docs, "mongo")[0]
        pods = members(self.workload)
        self.members = found[: len(pods)]
        self.addresses = {f"{pod}:27017": member.address for pod, member in zip(pods, found)}
        [config] = [one for one in of_kind(docs, "ConfigMap") if "initiate.js" in one["data"]]
        self.script = folder / "initiate.js"
        self.script.write_text(config["data"]["initiate.js"])

    def probe(self, member):
        """Whether the startup probe of a member passes."""
        probe = self.container["startupProbe"]
        here = {"mongosh": MONGOSH, "/initiate/initiate.js": self.script}
        command = [here.get(word, word) for word in probe["exec"]["command"]] + [f"--port={member.port}"]
        given = environment(self.container, f"{self.workload['metadata']['name']}-{self.members.index(member)}")
        for address, local in self.addresses.items():
            given = {variable: value.replace(address, local) for variable, value in given.items()}
        given |= {"HOME": str(self.script.parent), "PATH": os.environ["PATH"]}
        try:
            asked = subprocess.run(command, env=given, capture_output=True, timeout=probe["timeoutSeconds"])
        except subprocess.TimeoutExpired:
            return False  # as on a cluster, where it is repeated
        return asked.returncode == 0

    def start(self):
        """Starts those that do not run, each until its startup probe passes."""
        self.join(self.run(self.members))

    def run(self, some):
        stopped = [member for member in some if not member.runs()]
        for member in stopped:
            member.start(self.container)
        until("mongod listens", lambda: all(member.listens() for member in stopped))
        return stopped

    def join(self, some):
        waiting = some

        def joined():
            nonlocal waiting
            waiting = self.failing(waiting)
            return not waiting

        until("the startup probes pass", joined)

    def failing(self, some):
        """Probes some at the same time; those whose probe fails."""
        with ThreadPoolExecutor() as at_once:
            return [member for member, passed in zip(some, at_once.map(self.probe, some)) if not passed]

    def whole(self):
        """Waits until one leads, the others follow, and all vote; the answer is which set that is, and in which version."""
        wanted = ["PRIMARY"] + ["SECONDARY"] * (len(self.members) - 1)
        one = self.members[0]

        def is_whole():
            status = one.ask("replSetGetStatus")
            states = [member["stateStr"] for member in status["members"]]
            return sorted(states) == wanted and status["votingMembersCount"] == len(wanted)

        until(f"the members are {wanted}", is_whole)
        config = one.ask("replSetGetConfig")["config"]
        return config["settings"]["replicaSetId"], config["version"]

    def stays_the_same(self):
        before = self.whole()
        if self.failing(self.members):
            raise RuntimeError("a startup probe fails where it has passed")
        if self.whole() != before:
            raise RuntimeError("a startup probe changes what is as it should be")

    def primary(self, seen_by):
        address = seen_by.ask("hello").get("primary")
        return next((member for member in self.members if member.address == address), None)


def started(processes, dev, prod):
    """The trials of a database of an overlay with one member, and of one with three: each begins in a process of its own."""
    return {trial: processes.submit(interruptible, tried, trial, dev, prod) for trial in TRIALS}


def problems(trials):
    """What is wrong, once these trials are over."""
    for trial, problem in trials.items():
        if problem.result():
            yield f"a database, {trial.__name__}: {problem.result()}"


def tried(trial, dev, prod):
    """What is wrong, if something is."""
    import pymongo

    with tempfile.TemporaryDirectory() as folder:
        found = [Member(pathlib.Path(folder)) for _ in range(3)]
        try:
            trial(pathlib.Path(folder), dev, prod, found)
        except (RuntimeError, subprocess.TimeoutExpired, pymongo.errors.PyMongoError) as error:
            return repr(error)
        finally:
            for member in found:
                member.kill()


def lose_and_regain(folder, _dev, prod, found):
    """Three from nothing; the primary is killed; then all are, and the first comes back first, without its volume."""
    database = Database(folder, prod, found)
    database.start()
    database.stays_the_same()
    primary = database.primary(found[0])
    primary.ask({"insert": "kept", "documents": [{"_id": 1}], "writeConcern": {"w": "majority"}})

    primary.kill()
    survivor = next(member for member in found if member is not primary)
    until("another is the primary", lambda: database.primary(survivor) not in (None, primary))
    database.start()
    before = database.whole()

    for member in found:
        member.kill()
    found[0].lose_the_volume()
    database.run(found[:1])
    if not database.failing(found[:1]) or "setName" in found[0].ask("hello"):
        raise RuntimeError("a member that lost its volume makes a set of its own")
    database.run(found)
    database.join(found)
    if database.whole() != before:
        raise RuntimeError("a member that lost its volume has changed the set")
    if found[0].ask({"count": "kept", "$readPreference": {"mode": "secondaryPreferred"}})["n"] != 1:
        raise RuntimeError("a member that lost its volume does not have the data again")


def grow(folder, dev, prod, found):
    """One member, as on a local cluster; two more join it at the same time; one of them comes back without its volume."""
    one, three = Database(folder, dev, found), Database(folder, prod, found)
    one.start()
    one.stays_the_same()
    identity, _ = one.whole()
    three.start()
    before = three.whole()
    if before[0] != identity:
        raise RuntimeError("those who joined have made another set")

    found[2].kill()
    found[2].lose_the_volume()
    three.start()
    if three.whole() != before:
        raise RuntimeError("a member that lost its volume has changed the set")


def miss_themselves(folder, _dev, prod, found):
    """Three come back while no name can be looked up: here, on ports that are not theirs. Then it can be."""
    database = Database(folder, prod, found)
    database.start()
    before = database.whole()
    for member in found:
        member.kill()
        member.port = free_address().split(":")[1]
    database.run(found)

    def have_ended():
        database.failing([member for member in found if member.runs()])
        return not any(member.runs() for member in found)

    until("each ends, to be started again", have_ended)
    if any(member.process.returncode != 0 for member in found):
        raise RuntimeError("a member that misses itself was not asked to end")
    for member in found:
        member.port = member.address.split(":")[1]
    database.start()
    if database.whole() != before:
        raise RuntimeError("members that missed themselves have changed the set")


TRIALS = [lose_and_regain, grow, miss_themselves]


if __name__ == "__main__":
    sys.exit("error: databases.py is a part of the checks: python3 infra/check.py")
