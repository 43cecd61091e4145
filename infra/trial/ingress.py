"""The Ingress: haproxy, with a rule for each of its paths. It listens inside, and on the machine's loopback interface.

Inside, it also forwards the ports that skaffold forwards.
"""

import subprocess

from checks.images import skaffold
from trial import sandbox

INSIDE = ("127.0.0.1", 3000)
SETTINGS = """\
defaults
  mode http
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  option forwardfor
  # What comes is sent on at once: an event of the live gateway does not wait for the next one.
  option http-no-delay
  # A connection that is refused was never begun, so it may be tried again.
  retries 3
  retry-on conn-failure
frontend front-door
  bind {host}:{port}
  bind fd@{listener}
"""
FORWARD = """\
listen forward-{port}
  mode tcp
  bind 127.0.0.1:{port}
  server service {to}
"""


class Ingress:
    def __init__(self, doc, services, listener):
        [rule] = doc["spec"]["rules"]
        self.host = rule["host"]
        found = [(one["path"], one["backend"]["service"]) for one in rule["http"]["paths"] if one["pathType"] == "Prefix"]
        front = [SETTINGS.format(host=INSIDE[0], port=INSIDE[1], listener=listener.fileno())]
        front.append(f"  http-request deny deny_status 404 unless {{ hdr(host) -i {rule['host']} }}\n")
        back = []
        # The longest prefix that fits; a prefix fits whole parts of a path only.
        for path, service in sorted(found, key=lambda one: -len(one[0])):
            stem = path.rstrip("/")
            fits = f"{{ path {path} }} || {{ path_beg {stem}/ }}"
            front.append(f"  use_backend {service['name']} if {fits}\n")
            to = f"{services.addresses[service['name']]}:{port(services, service)}"
            back.append(f"backend {service['name']}\n  server service {to}\n")
        for one in skaffold()["portForward"]:
            to = f"{services.addresses[one['resourceName']]}:{one['port']}"
            back.append(FORWARD.format(port=one["localPort"], to=to))
        file = sandbox.folder() / "haproxy.cfg"
        file.write_text("".join([*front, *back]))
        log = (sandbox.folder() / "haproxy.log").open("w")
        self.process = subprocess.Popen(["haproxy", "-db", "-f", file], pass_fds=[listener.fileno()], stdout=log, stderr=log)

    def stop(self):
        self.process.kill()
        self.process.wait()


def port(services, service):
    """The number of the Service's port with this name."""
    for one in services.docs[service["name"]]["ports"]:
        if service["port"] in ({"name": one["name"]}, {"number": one["port"]}):
            return one["port"]
    raise RuntimeError(f"the Ingress leads to a port of {service['name']} that it does not have: {service['port']}")
