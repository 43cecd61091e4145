"""The volumes of pods: a claim gets a file system of the size that it asks for, and keeps it when its pod goes."""

import subprocess

from checks.expected import amount
from trial import sandbox

LEFT = 8 * 2**20  # bytes


def places(workload, pod):
    """The folder of each volume of a pod, by name; those of claims are the same for each pod of this name."""
    group = workload["spec"]["template"]["spec"]["securityContext"]["fsGroup"]
    found = {}
    for volume in workload["spec"]["template"]["spec"]["volumes"]:
        if "emptyDir" in volume:
            found[volume["name"]] = memory(pod, volume["name"], amount(volume["emptyDir"]["sizeLimit"]), group)
    for claim in workload["spec"].get("volumeClaimTemplates", []):
        name = claim["metadata"]["name"]
        found[name] = disk(f"{name}-{pod}", amount(claim["spec"]["resources"]["requests"]["storage"]), group)
    return found


def memory(pod, name, size, group):
    """Empty at each start of a pod."""
    place = sandbox.folder() / "memory" / pod / name
    forget(place)
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=2770,gid={group}", "tmpfs", place], check=True)
    return place


def disk(name, size, group):
    place = sandbox.folder() / "volumes" / name
    if not place.is_mount():
        place.mkdir(parents=True)
        file = place.with_suffix(".ext4")
        with file.open("wb") as empty:
            empty.truncate(size)
        made = subprocess.run(["mkfs.ext4", "-q", "-m", "0", file], capture_output=True, text=True)
        if made.returncode != 0:
            raise RuntimeError(f"the volume {name} of {size} bytes can't be made: {made.stderr.strip()}")
        subprocess.run(["mount", "-o", "loop", file, place], check=True)
        subprocess.run(["chown", f"0:{group}", place], check=True)
        place.chmod(0o2775)
    return place


FILLER = "filler"


def fill(name):
    """Leaves no room in a volume, in two steps: so the last bytes go while it is written to."""
    filler = sandbox.folder() / "volumes" / name / FILLER
    left = subprocess.run(["df", "--output=avail", "-B1", filler.parent], check=True, capture_output=True, text=True).stdout.split()[1]
    subprocess.run(["fallocate", "-l", str(max(int(left) - LEFT, 1)), filler], check=True)
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k", "oflag=append", "conv=notrunc"], capture_output=True)


def grow(name):
    """What its pod notices when the volume is made larger. A file system that is mounted may not grow on every machine."""
    (sandbox.folder() / "volumes" / name / FILLER).unlink()


def forget(place):
    if place.is_mount():
        subprocess.run(["umount", place], check=True)
        place.rmdir()
