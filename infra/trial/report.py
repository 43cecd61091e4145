"""What is printed at the end, as tables that infra/README.md can show."""

import contextlib
import time


class Table:
    def __init__(self, *heads):
        self.heads, self.rows = heads, []

    def add(self, *row):
        self.rows.append(row)

    def __str__(self):
        lines = [self.heads, ["---"] * len(self.heads), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


class Timings(Table):
    def __init__(self):
        super().__init__("what", "seconds")

    @contextlib.contextmanager
    def of(self, what):
        began = time.monotonic()
        try:
            yield
        finally:
            self.add(what, f"{time.monotonic() - began:.1f}")
