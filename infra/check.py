#!/usr/bin/env python3
"""Checks the manifests without a cluster: they render, match the schemas of Kubernetes and the services that the program
lists (`ticketing services`), and keep our rules.

The rules (checks/) prove themselves: in the manifests, everything is taken away, replaced and added to, one thing at a time,
and a rule must notice (mutations.py).
Then what the pods run is run: each of our programs (pods.py), the servers of the broker (brokers.py), and the members of a
database (databases.py). All of it takes one to two minutes.
Needs the programs of `cargo build --workspace`, and the servers that `cargo test --workspace` fetches; installs kustomize,
the schemas and, with npm, MongoDB's shell into a folder of its own.
"""

import argparse
import sys

from checks import tools


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--table", action="store_true", help="only print the table of the dev overlay, as infra/README.md shows it"
    )
    options = parser.parse_args()
    tools.need_programs(["ticketing"])

    def check():
        tools.installed()
        # Not before: it needs what was installed, and the programs.
        from checks import everything

        return everything.print_table() if options.table else everything.check()

    return tools.outcome(check)


if __name__ == "__main__":
    sys.exit(main())
