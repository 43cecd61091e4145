"""Services: each has an address, from which iptables leads to its pods that are ready, as kube-proxy does."""

import ipaddress
import subprocess

from trial.probes import number

RANGE = ipaddress.ip_network("10.96.0.0/16")
CHAIN = "TRIAL-SERVICES"


class Services:
    def __init__(self, docs):
        self.docs = {doc["metadata"]["name"]: doc["spec"] for doc in docs}
        with_address = [name for name, spec in self.docs.items() if spec.get("clusterIP") != "None"]
        self.addresses = {name: str(RANGE[100 + place]) for place, name in enumerate(sorted(with_address))}
        # They are addresses of the machine: where no rule leads on, the connection is refused, as on a cluster.
        for address in self.addresses.values():
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
        iptables("-N", CHAIN)
        for chain in "PREROUTING", "OUTPUT":
            iptables("-I", chain, "1", "-d", str(RANGE), "-j", CHAIN)
        # The answer must come back this way, also between two pods of one machine.
        iptables("-I", "POSTROUTING", "1", "-m", "conntrack", "--ctstate", "DNAT", "-j", "MASQUERADE")

    def selected(self, name, pods):
        """The pods of a Service, ready or not."""
        selector = self.docs[name]["selector"].items()
        return [pod for pod in pods if selector <= pod.labels.items()]

    def names(self, pods):
        """All names of the cluster, with their addresses."""
        found = {name: [address] for name, address in self.addresses.items()}
        for name, spec in self.docs.items():
            at = [pod for pod in self.selected(name, pods) if pod.address]
            if name not in self.addresses:
                unready = spec.get("publishNotReadyAddresses", False)
                found[name] = [pod.address for pod in at if pod.ready or unready]
                found |= {f"{pod.name}.{name}": [pod.address] for pod in at if pod.serves_under(name)}
        return found

    def lead(self, pods):
        """Makes the rules that lead to those that are ready."""
        lines = ["*nat", f":{CHAIN} - [0:0]"]
        for name, address in self.addresses.items():
            ready = [pod for pod in self.selected(name, pods) if pod.ready]
            for port in self.docs[name]["ports"]:
                lines += rules(address, port["port"], [(pod.address, number(pod.container, port["targetPort"])) for pod in ready])
        done = subprocess.run(["iptables-restore", "--noflush"], input="\n".join([*lines, "COMMIT\n"]), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"iptables-restore: {done.stderr.strip()}")


def rules(address, port, endpoints):
    """One of the endpoints, each as often as the others. One that has no such port is left out, as on a cluster."""
    endpoints = [(to, its) for to, its in endpoints if its]
    for place, (to, its) in enumerate(endpoints):
        left = len(endpoints) - place
        chance = f"-m statistic --mode random --probability {1 / left:.6f} " if left > 1 else ""
        yield f"-A {CHAIN} -d {address}/32 -p tcp --dport {port} {chance}-j DNAT --to-destination {to}:{its}"


def iptables(*arguments):
    subprocess.run(["iptables", "-t", "nat", *arguments], check=True, capture_output=True, text=True)
