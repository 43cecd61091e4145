"""What is in our images: how much, whose, and nothing that nobody needs."""

import json
import pathlib

from checks.tools import progress
from trial.engine import buildah, inspect
from trial.images import crates
from trial.report import Table
from trial.translate import image

# What an image must not have, since nobody there may use it: shells, package managers, and what fetches or compiles.
UNWANTED = {"sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "apk", "rpm", "pip", "python3", "perl", "curl", "wget"}
UNWANTED |= {"cargo", "rustc", "gcc", "cc", "su", "sudo", "mount"}
USER = "65532:65532"
PROGRAMS = {"/program", "/operator"}


class Contents:
    """The files of an image."""

    def __init__(self, crate):
        name = image(f"ticketing/{crate}")
        container = buildah("from", "--pull-never", name).strip()
        try:
            root = pathlib.Path(buildah("mount", container).strip())
            found = [place for place in root.rglob("*") if not place.is_dir() and not place.is_symlink()]
            self.files = {f"/{place.relative_to(root)}": place.stat() for place in found}
        finally:
            buildah("rm", container)
        described = inspect("image", name)
        self.size, self.user = described["Size"], described["Config"]["User"]
        self.layers, self.labels = len(described["RootFS"]["Layers"]), described["Config"]["Labels"] or {}
        self.shared = described["RootFS"]["Layers"][:-1]


def table(docs, seconds):
    progress("looking into the images")
    rows = Table("image", "seconds to build", "MB", "of it alone", "layers", "files", "user")
    for crate in crates(docs):
        found = Contents(crate)
        alone = found.files["/program"].st_size
        sizes = [f"{size / 1e6:.1f}" for size in (found.size, alone)]
        rows.add(f"ticketing/{crate}", f"{seconds[crate]:.1f}", *sizes, str(found.layers), str(len(found.files)), found.user)
    return str(rows)


def problems(docs):
    shared = set()
    for crate in crates(docs):
        found = Contents(crate)
        shared.add(json.dumps(found.shared))
        where = f"ticketing/{crate}"
        if found.user != USER:
            yield f"{where}: its user is {found.user!r}"
        for file, about in found.files.items():
            name = file.rsplit("/", 1)[1]
            if name in UNWANTED:
                yield f"{where}: it has {file}"
            if about.st_mode & 0o111 and "/lib" not in file and file not in PROGRAMS:
                yield f"{where}: {file} can be run"
            if about.st_mode & 0o6000:
                yield f"{where}: {file} gives whoever runs it another user"
        wanted = {"org.opencontainers.image.title": where, "org.opencontainers.image.licenses": "MIT"}
        for label, value in wanted.items():
            if found.labels.get(label) != value:
                yield f"{where}: its label {label} is {found.labels.get(label)!r}"
    if len(shared) > 1:
        yield "the images differ in more than their last layer"
