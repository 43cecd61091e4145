"""The DNS of the cluster: dnsmasq, with the names that Kubernetes gives to Services and to the pods of StatefulSets."""

import signal
import subprocess

from trial import sandbox

ADDRESS = "10.96.0.10"
DOMAIN = "default.svc.cluster.local"
# As a kubelet writes it into each pod.
OF_A_POD = {
    "nameservers": [ADDRESS],
    "searches": [DOMAIN, "svc.cluster.local", "cluster.local"],
    "options": [{"name": "ndots", "value": "5"}],
}


class Names:
    def __init__(self):
        self.hosts = sandbox.folder() / "hosts"
        self.hosts.write_text("")
        subprocess.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
        # Answers are not kept, as each change must be seen at once; unknown names do not exist.
        command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces"]
        command += [f"--listen-address={ADDRESS}", f"--addn-hosts={self.hosts}", "--local=/cluster.local/", "--local-ttl=0"]
        command += ["--user=root", "--pid-file="]
        self.process = subprocess.Popen(command, stderr=(sandbox.folder() / "dnsmasq.log").open("w"))

    def tell(self, addresses):
        """From now on, these names have these addresses."""
        lines = [f"{address} {name}.{DOMAIN}\n" for name, found in addresses.items() for address in found]
        new = self.hosts.with_suffix(".new")
        new.write_text("".join(lines))
        new.replace(self.hosts)
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        self.process.kill()
        self.process.wait()
