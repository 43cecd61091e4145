"""A pod's probes, asked from outside as a kubelet asks them."""

import http.client
import socket
import subprocess

from trial.engine import settings, storage


def number(container, port):
    """The number of a port that may be named; None if there is none of this name."""
    if isinstance(port, int):
        return port
    return next((one["containerPort"] for one in container["ports"] if one["name"] == port), None)


def passes(pod, probe):
    patience = probe.get("timeoutSeconds", 1)
    try:
        if "httpGet" in probe:
            return get(pod.address, number(pod.container, probe["httpGet"]["port"]), probe["httpGet"]["path"], patience)
        if "tcpSocket" in probe:
            address = pod.address, number(pod.container, probe["tcpSocket"]["port"])
            with socket.create_connection(address, timeout=patience):
                return True
        command = ["podman", *storage(), "exec", pod.container_name, *probe["exec"]["command"]]
        return subprocess.run(command, env=settings(), capture_output=True, timeout=patience).returncode == 0
    except (OSError, http.client.HTTPException, subprocess.TimeoutExpired):
        return False


def get(host, port, path, patience):
    asked = http.client.HTTPConnection(host, port, timeout=patience)
    try:
        asked.request("GET", path)
        return 200 <= asked.getresponse().status < 400
    finally:
        asked.close()
