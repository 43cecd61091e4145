"""The programs that the checks need: fetched once into a folder of their own, or those that the tests have fetched."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import venv
from concurrent.futures import ProcessPoolExecutor

INFRA = pathlib.Path(__file__).resolve().parent.parent
ROOT = INFRA.parent
BINARIES = ROOT / "target" / "debug"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "ticketing"
TOOLS = CACHE / "infra-tools"
KUBECTL = TOOLS / "bin" / "kubectl"
# The servers, and the variable that names another binary of each.
SERVERS = {"nats-server": "NATS_SERVER_BIN", "mongod": "MONGOD_BIN"}
BEGAN = time.monotonic()
MONGOSH = TOOLS / "node_modules" / ".bin" / "mongosh"


def installed():
    """Runs this program again in an environment that has what it needs."""
    wanted = (INFRA / "requirements.txt").read_text() + (INFRA / "package.json").read_text()
    note = TOOLS / "installed.txt"
    if not note.exists() or note.read_text() != wanted:
        if not shutil.which("npm"):
            sys.exit("error: npm is not here, and fetches MongoDB's shell: install Node.js 20 or newer")
        progress("installing kustomize and the schemas of Kubernetes")
        venv.create(TOOLS, with_pip=True, clear=True)
        pip = [TOOLS / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", INFRA / "requirements.txt"], check=True)
        progress("installing MongoDB's shell: 400 packages of npm")
        shutil.copy(INFRA / "package.json", TOOLS)
        npm = ["npm", "install", "--loglevel=error", "--ignore-scripts", "--omit=optional", "--no-package-lock"]
        subprocess.run(npm, cwd=TOOLS, check=True)
        note.write_text(wanted)
    python = TOOLS / "bin" / "python"
    if pathlib.Path(sys.prefix) != TOOLS:
        os.execv(python, [str(python), *sys.argv])


def need_programs(names):
    """Ends with what to do if one of our programs is not built."""
    missing = [name for name in names if not (BINARIES / name).exists()]
    if missing:
        sys.exit(f"error: first: cargo build --workspace ({', '.join(missing)} not in {BINARIES})")


def build_application():
    """Builds the application, which lists its services, and lets it fetch its servers, if that was not done before."""
    application = BINARIES / "ticketing"
    if not application.exists():
        if not shutil.which("cargo"):
            raise RuntimeError("cargo is not here: install Rust from https://rustup.rs")
        progress("building the application")
        subprocess.run(["cargo", "build", "--bin", "ticketing"], cwd=ROOT, check=True)
    if not all(map(found, SERVERS)):
        progress("fetching nats-server and mongod")
        subprocess.run([application, "--smoke"], cwd=ROOT, stdout=sys.stderr, check=True)


def outcome(work):
    """What `work` returns, the exit code; or if it fails, the line that says why. Ctrl-C is no failure to explain: 130."""
    try:
        return work()
    except KeyboardInterrupt:
        return 130
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "it may have said why above").strip()
        return f"error: {' '.join(map(str, error.cmd))} failed: {said}"
    except RuntimeError as error:
        return f"error: {error}"


def workers(count):
    """So many processes, for work that is `interruptible`. Without work they ignore Ctrl-C; leaving the `with` ends them."""
    return ProcessPoolExecutor(count, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))


def interruptible(work, *given):
    """What `work` returns, in one of the `workers`. Ctrl-C ends the work at once, which cleans up."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return work(*given)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def progress(text):
    """Says on stderr what is done now, and after how many seconds."""
    print(f"{time.monotonic() - BEGAN:4.0f} s  {text}", file=sys.stderr, flush=True)


def found(name):
    """The nats-server or mongod that the tests use: the named one, that of the PATH, or the fetched one; else nothing."""
    fetched = sorted(CACHE.glob(f"{name}-*/{name}"))
    return os.environ.get(SERVERS[name]) or shutil.which(name) or (fetched and fetched[-1])


def server(name):
    """The nats-server or mongod that the tests use; ends with what to do if there is none."""
    program = found(name)
    if not program:
        sys.exit(f"error: no {name} is here: `cargo test -p devstack` fetches one, or name one by {SERVERS[name]}")
    return program
