"""The images of our programs, by the repository's own Dockerfile, on stand-ins for its bases."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from checks.overlay import containers, is_ours
from checks.tools import BINARIES, INFRA, ROOT, progress
from trial import bases, sandbox
from trial.engine import buildah
from trial.translate import image

DOCKERFILE = INFRA / "docker" / "Dockerfile"


def base_images(docs, chosen):
    """The name of each image that is not ours, with what makes its stand-in."""
    used = {container["image"] for _, container in containers(docs) if not is_ours(container)}
    makers = {"mongo": bases.mongo, "nats": bases.nats}
    made = {image(name): makers[name.split(":")[0]] for name in sorted(used)}
    if chosen:
        made[image(first_base())] = bases.rust
    return {last_stage().splitlines()[0].split()[1]: bases.distroless} | made


def make_bases(docs, chosen):
    """Yields a line for each stand-in; `chosen` are the images that are made from nothing."""
    with ThreadPoolExecutor() as at_once:
        making = {name: at_once.submit(maker, name) for name, maker in base_images(docs, chosen).items()}
        for name, what in making.items():
            yield f"{name}: stand-in of {what.result()}"


def last_stage():
    """The part of the Dockerfile that makes the image, out of what the others have built."""
    text = DOCKERFILE.read_text()
    return text[text.rindex("\nFROM ") + 1 :]


def first_base():
    """The image that the Dockerfile begins with."""
    return next(line.split()[1] for line in DOCKERFILE.read_text().splitlines() if line.startswith("FROM "))


def crates(docs):
    return sorted(container["image"].split("/")[1] for _, container in containers(docs) if is_ours(container))


def make(docs, chosen):
    """Yields each image with the seconds it took: the chosen ones from nothing, the others of the programs in target/debug."""
    folder = sandbox.folder() / "programs"
    if set(crates(docs)) - set(chosen):
        strip(BINARIES / "operator", folder / "operator" / "operator")
        (folder / "Dockerfile").write_text(last_stage())
    for crate in crates(docs):
        yield from_nothing(crate) if crate in chosen else of_built_program(crate, folder)


def of_built_program(crate, folder):
    """By the last stage alone, without the symbols of the program."""
    began = time.monotonic()
    strip(BINARIES / crate, folder / crate / "program")
    contexts = {"operator": folder / "operator", "program": folder / crate}
    context = [f"--build-context={name}={place}" for name, place in contexts.items()]
    build(crate, folder / "Dockerfile", *context, folder / crate)
    return crate, time.monotonic() - began


def from_nothing(crate):
    """By the whole Dockerfile, as skaffold does it, in release: many minutes for the first, and then its own crates."""
    volumes = [f"--volume={place}:{to}:ro" for place, to in bases.toolchain().items()]
    began = time.monotonic()
    build(crate, DOCKERFILE, *volumes, "--ignorefile", ROOT / ".dockerignore", ROOT)
    return crate, time.monotonic() - began


def strip(program, into):
    into.parent.mkdir(parents=True)
    subprocess.run(["strip", "-o", into, program], check=True)


def build(crate, dockerfile, *arguments):
    progress(f"the image of {crate}")
    which = ["--layers", f"--build-arg=CRATE={crate}", f"--tag={image(f'ticketing/{crate}')}", f"--file={dockerfile}"]
    return buildah("build", "--quiet", "--isolation=chroot", "--pull=never", *which, *arguments)
