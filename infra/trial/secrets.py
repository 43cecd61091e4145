"""The Secrets, made by the commands of infra/README.md: kubectl prints what it would create, and podman gets it."""

import json
import os
import re
import subprocess

from checks.overlay import containers
from checks.tools import INFRA, KUBECTL
from trial.engine import podman


def make(docs):
    for name in sorted(set(needed(docs))):
        command = f"{command_for(name)} --dry-run=client --output=json"
        path = f"{KUBECTL.parent}:{os.environ['PATH']}"
        said = subprocess.run(["bash", "-euc", command], env={**os.environ, "PATH": path}, capture_output=True, text=True)
        if said.returncode != 0:
            raise RuntimeError(f"the command of infra/README.md for {name} failed: {said.stderr.strip()}")
        # Podman wants the data alone, and reads it from its input.
        podman("secret", "create", name, "-", given=json.dumps(json.loads(said.stdout)["data"]))


def needed(docs):
    for _, container in containers(docs):
        for variable in container["env"]:
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference and not reference.get("optional"):
                yield reference["name"]


def command_for(name):
    readme = (INFRA / "README.md").read_text().replace("\\\n", "")
    found = re.search(rf"^\$ (kubectl create secret generic {name} .*)$", readme, re.MULTILINE)
    if not found:
        raise RuntimeError(f"infra/README.md has no command that creates the Secret {name}")
    return found[1]
