#!/usr/bin/env python3
"""Tries the dev overlay on a real engine: builds the images with our Dockerfile, plays the manifests as pods, buys a ticket
through the front door, does to the pods what a cluster does, and ends with everything gone.

The engine is podman, from Debian's packages, which are installed if they are missing (as root, on Debian or Ubuntu). It runs in
namespaces of its own: no address but one of the loopback interface, no process, mount or firewall rule of it is seen outside.
What podman does not know of Kubernetes is translated (trial/translate.py and the files it names), and listed.
Base images that cannot be pulled are stand-ins, made from Debian's packages and from what is installed; that is said, too.
The application is built first, if it is not: it lists its services.

--short takes the programs of `cargo build --workspace`, and ends after the smoke test: one to two minutes.
"""

import argparse
import sys

from checks import tools
from trial import needs, sandbox


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--short", action="store_true", help="images of the programs in target/debug; no failures")
    parser.add_argument("--built", action="store_true", help="with images of the programs in target/debug, all the rest")
    help_of_image = "this image from nothing, or these; with --short or --built, the others not"
    parser.add_argument("--image", metavar="NAME", action="append", help=help_of_image)
    parser.add_argument("--keep", action="store_true", help="leave it running after the trials, until Ctrl-C")
    parser.add_argument("--only", metavar="TRIAL", action="append", help="only this trial, or these; --list names them")
    parser.add_argument("--list", action="store_true", help="only list the trials")
    options = parser.parse_args()
    if options.short or options.built:
        tools.need_programs(["auth", "operator"])

    def trial():
        if not (options.list or sandbox.is_inside()):
            needs.are_met()
        tools.installed()
        tools.build_application()
        # Not before: they need what was installed and built.
        from trial import bases, run

        if options.list:
            return run.print_trials()

        def fetch():
            bases.fetch()
            if options.image or not (options.short or options.built):
                bases.fetch_crates()

        return sandbox.inside(fetch, lambda front_door: run.everything(options, front_door))

    return tools.outcome(trial)


if __name__ == "__main__":
    sys.exit(main())
