#!/usr/bin/env python3
"""Writes what each image is made of: for each program, and for the operator's tool in every image, the crates that it links, with
versions, licences and checksums, as CycloneDX 1.5 in JSON.

cargo-cyclonedx reads that from Cargo.lock. It is installed into a folder of its own, which takes some minutes, once.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from checks import tools

VERSION = "0.5.9"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="where the files go, NAME.cdx.json for each program")
    folder = parser.parse_args().folder.absolute()
    try:
        tools.installed()
        # Not before: it needs what was installed.
        from checks.images import skaffold

        images = [artifact["docker"]["buildArgs"]["CRATE"] for artifact in skaffold()["build"]["artifacts"]]
        written = list(write([*images, "operator"], installed(), folder))
    except subprocess.CalledProcessError as error:
        return f"error: {' '.join(map(str, error.cmd))} failed: {(error.stderr or 'it said why above').strip()}"
    print("\n".join(written))
    return 0


def installed():
    place = tools.CACHE / f"cargo-cyclonedx-{VERSION}"
    program = place / "bin" / "cargo-cyclonedx"
    if not program.exists():
        tools.progress(f"installing cargo-cyclonedx {VERSION}")
        command = ["cargo", "install", "--quiet", "--locked", "--root", place, f"cargo-cyclonedx@{VERSION}"]
        subprocess.run(command, check=True)
    return program


def write(crates, program, folder):
    """Yields a line for each file. The tool writes beside each Cargo.toml, so it works in a copy."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as copy:
        listed = subprocess.run(["git", "ls-files"], cwd=tools.ROOT, check=True, capture_output=True, text=True).stdout
        for file in map(pathlib.Path, listed.splitlines()):
            if file.suffix in (".rs", ".toml", ".lock") and (tools.ROOT / file).exists():
                (pathlib.Path(copy) / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(tools.ROOT / file, pathlib.Path(copy) / file)
        command = [program, "cyclonedx", "--format=json", "--spec-version=1.5", "--describe=crate", "--quiet"]
        subprocess.run(command, cwd=copy, check=True, capture_output=True, text=True)
        for crate in crates:
            made = pathlib.Path(copy) / "crates" / crate / f"{crate}.cdx.json"
            found = only(json.loads(made.read_text()), linked(crate, copy))
            (folder / made.name).write_text(json.dumps(found, indent=2) + "\n")
            yield f"{folder / made.name}: {len(found['components'])} crates"


def linked(crate, copy):
    """What cargo links into this program when it is built alone, as an image builds it."""
    command = ["cargo", "tree", "--locked", "--package", crate, "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}"]
    listed = subprocess.run(command, cwd=copy, check=True, capture_output=True, text=True).stdout
    return {tuple(line.split()[:2]) for line in listed.splitlines() if line}


def only(bom, wanted):
    """The same without the rest: the tool takes the features that the whole workspace has together."""
    kept = [one for one in bom["components"] if (one["name"], f"v{one['version']}") in wanted]
    known = {one["bom-ref"] for one in [*kept, bom["metadata"]["component"]]}
    among = [one for one in bom["dependencies"] if one["ref"] in known]
    among = [{**one, "dependsOn": [ref for ref in one.get("dependsOn", []) if ref in known]} for one in among]
    return {**bom, "components": kept, "dependencies": among}


if __name__ == "__main__":
    sys.exit(main())
