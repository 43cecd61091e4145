"""The volumes of pods: a claim gets a file system of the size that it asks for, and keeps it when its pod goes."""

import subprocess

from checks.expected import amount
from trial import sandbox


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


def grow(name, size):
    """Makes a volume larger while it is used, as storage that allows it does."""
    place = sandbox.folder() / "volumes" / name
    file = place.with_suffix(".ext4")
    with file.open("r+b") as disk_file:
        disk_file.truncate(size)
    device = subprocess.run(["findmnt", "-no", "SOURCE", place], check=True, capture_output=True, text=True).stdout.strip()
    for command in ["losetup", "--set-capacity", device], ["resize2fs", device]:
        subprocess.run(command, check=True, capture_output=True)


def forget(place):
    if place.is_mount():
        subprocess.run(["umount", place], check=True)
        place.rmdir()
