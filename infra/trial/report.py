"""What is printed at the end: how long each part took."""

import contextlib
import time


class Timings:
    def __init__(self):
        self.found = []

    @contextlib.contextmanager
    def of(self, what):
        began = time.monotonic()
        try:
            yield
        finally:
            self.found.append((what, time.monotonic() - began))

    def table(self):
        lines = ["| what | seconds |", "| --- | --- |"]
        return "\n".join([*lines, *(f"| {what} | {seconds:.1f} |" for what, seconds in self.found)])
