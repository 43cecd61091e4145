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


def base_images(docs):
    """The name of each image that is not ours, with what makes its stand-in."""
    used = {container["image"] for _, container in containers(docs) if not is_ours(container)}
    makers = {"mongo": bases.mongo, "nats": bases.nats}
    made = {image(name): makers[name.split(":")[0]] for name in sorted(used)}
    return {last_stage().splitlines()[0].split()[1]: bases.distroless} | made


def make_bases(docs):
    """Yields a line for each stand-in."""
    with ThreadPoolExecutor() as at_once:
        making = {name: at_once.submit(maker, name) for name, maker in base_images(docs).items()}
        for name, what in making.items():
            yield f"{name}: stand-in of {what.result()}"


def last_stage():
    """The part of the Dockerfile that makes the image, out of what the others have built."""
    text = DOCKERFILE.read_text()
    return text[text.rindex("\nFROM ") + 1 :]


def crates(docs):
    return sorted(container["image"].split("/")[1] for _, container in containers(docs) if is_ours(container))


def of_built_programs(docs):
    """By the last stage alone, out of the programs in target/debug, without their symbols."""
    folder = sandbox.folder() / "programs"
    stage = folder / "Dockerfile"
    strip(BINARIES / "operator", folder / "operator" / "operator")
    stage.write_text(last_stage())
    for crate in crates(docs):
        began = time.monotonic()
        strip(BINARIES / crate, folder / crate / "program")
        contexts = {"operator": folder / "operator", "program": folder / crate}
        context = [f"--build-context={name}={place}" for name, place in contexts.items()]
        build(crate, stage, *context, folder / crate)
        yield crate, time.monotonic() - began


def strip(program, into):
    into.parent.mkdir(parents=True)
    subprocess.run(["strip", "-o", into, program], check=True)


def build(crate, dockerfile, *arguments):
    progress(f"the image of {crate}")
    which = ["--layers", f"--build-arg=CRATE={crate}", f"--tag={image(f'ticketing/{crate}')}", f"--file={dockerfile}"]
    return buildah("build", "--quiet", "--isolation=chroot", "--pull=never", *which, *arguments)
