"""Stand-ins for the images that can't be pulled here, under their names: out of Debian's packages, and of what is installed."""

import contextlib
import pathlib
import re
import shutil
import subprocess

from checks.tools import CACHE, INFRA, MONGOSH, ROOT, TOOLS, progress, server
from trial.engine import buildah

DEBS, VENDOR = CACHE / "trial-debs", CACHE / "trial-crates"
STANDINS = INFRA / "trial" / "standins"
# What Google's image of this name is made of, without what no program of ours opens.
DISTROLESS = ["base-files", "ca-certificates", "libc6", "libgcc-s1", "libssl3", "libstdc++6", "netbase", "tzdata"]
USELESS = ["ca-certificates", "doc", "lintian", "man"]
USERS = "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
NONROOT = "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"


def distroless(name):
    """The base of our images."""
    with image(name, ["--user=65532:65532"]) as root:
        for package in debs(DISTROLESS):
            subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
        for useless in "etc/update-motd.d", "usr/sbin", *(f"usr/share/{one}" for one in USELESS):
            shutil.rmtree(root / useless, ignore_errors=True)
        (root / "etc" / "passwd").write_text(USERS + NONROOT)
        (root / "etc" / "group").write_text("root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n")
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", root / "etc/ssl/certs/")
        (root / "home" / "nonroot").mkdir(parents=True)
    return f"Debian's packages {', '.join(DISTROLESS)}"


def nats(name):
    program = server("nats-server")
    with image(name, ['--entrypoint=["/nats-server"]']) as root:
        shutil.copy(program, root / "nats-server")
    return f"nats-server {version(program)} alone"


def mongo(name):
    """With MongoDB's shell, and with stand-ins for its two programs that back up and restore."""
    mongod = server("mongod")
    with image(name, ['--entrypoint=["mongod"]', "--env=PATH=/usr/bin"]) as root:
        binaries = root / "usr" / "bin"
        binaries.mkdir(parents=True)
        for program in mongod, shutil.which("node"), "/usr/bin/env":
            shutil.copy(program, binaries)
            copy_libraries(program, root)
        useless = shutil.ignore_patterns("*.map", "*.ts", "*.md")
        shutil.copytree(TOOLS / "node_modules", root / "opt" / "node_modules", symlinks=True, ignore=useless)
        (binaries / "mongosh").symlink_to(pathlib.Path("/opt") / MONGOSH.resolve().relative_to(TOOLS))
        for tool in "mongodump", "mongorestore":
            shutil.copy(STANDINS / f"{tool}.js", binaries / tool)
            (binaries / tool).chmod(0o755)
        (root / "etc").mkdir()
        (root / "etc" / "passwd").write_text(f"{USERS}mongodb:x:999:999::/data/db:/sbin/nologin\n")
    found = version(mongod)
    other = "" if name.split(":")[1].startswith(found.rsplit(".", 1)[0]) else ": another series than its name says"
    return f"mongod {found}, mongosh, stand-ins for mongodump and mongorestore{other}"


def rust(name):
    """Where the stages before the last one run: this machine's compiler and libraries, which are mounted (TOOLCHAIN)."""
    with image(name, ["--env=PATH=/toolchain/bin:/usr/bin", "--env=CARGO_HOME=/usr/local/cargo"]) as root:
        for place in "bin", "lib", "lib64":
            (root / place).symlink_to(f"usr/{place}")
        for place in ["tmp", "usr/local/cargo", *(to.strip("/") for to in toolchain().values())]:
            (root / place).mkdir(parents=True)
        # There is no network: the crates were fetched before.
        settings = '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "/vendor"\n'
        (root / "usr" / "local" / "cargo" / "config.toml").write_text(settings)
    return "this machine's toolchain, and of the crates that Cargo.lock names"


def toolchain():
    """What is mounted into its containers, and where."""
    said = subprocess.run(["rustc", "--print", "sysroot"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    system = {place: place for place in ("/usr/bin", "/usr/lib", "/usr/lib64", "/usr/include", "/usr/libexec", "/etc/alternatives")}
    return system | {said.strip(): "/toolchain", str(VENDOR): "/vendor"}


def fetch_crates():
    """The sources of all dependencies, for builds without a network."""
    progress("fetching the sources of the dependencies")
    command = ["cargo", "vendor", "--locked", "--versioned-dirs", VENDOR]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"cargo vendor failed: {done.stderr[-500:]}")


@contextlib.contextmanager
def image(name, config):
    """Its root folder, to be filled; then it becomes an image."""
    container = buildah("from", "scratch").strip()
    root = pathlib.Path(buildah("mount", container).strip())
    root.chmod(0o755)
    yield root
    buildah("config", *config, container)
    buildah("commit", "--quiet", "--rm", container, name)


def fetch():
    """The packages' files, once: into the folder that debs() looks in."""
    DEBS.mkdir(parents=True, exist_ok=True)
    missing = [name for name in DISTROLESS if not debs([name])]
    if missing:
        progress(f"fetching from Debian: {', '.join(missing)}")
        # As root, apt-get would fetch as a user of its own, who may not write here.
        command = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", *missing]
        for commands in [command], [["apt-get", "update", "-qq"], command]:  # an old list names files that are gone
            done = [subprocess.run(one, cwd=DEBS, capture_output=True, text=True) for one in commands][-1]
            if done.returncode == 0:
                return
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()}")


def debs(names):
    return [found for name in names for found in DEBS.glob(f"{name}_*.deb")]


def copy_libraries(program, root):
    """Those that it is linked with, where it looks for them."""
    said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for library in map(pathlib.Path, re.findall(r"(/\S+) \(0x", said)):
        there = root / library.relative_to("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        if not there.exists():
            shutil.copy(library, there)


def version(program):
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    return re.search(r"\d+\.\d+\.\d+", said).group()
