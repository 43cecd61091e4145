"""Compares a part of a document with what it should be."""

import re

# How much of something: 250m of a processor, 64Mi of memory.
AMOUNT = re.compile(r"[1-9]\d*(m|Mi|Gi)")
UNITS = {"m": 0.001, "Mi": 2**20, "Gi": 2**30}


def differences(found, wanted, at):
    """A line for each place where they differ. Where anything of a kind will do, a range or a pattern is wanted."""
    if found is wanted:
        return
    if isinstance(wanted, range):
        if type(found) is not int or found not in wanted:
            yield f"{at} is {found!r}, and not from {wanted.start} to {wanted.stop - 1}"
    elif isinstance(wanted, re.Pattern):
        if not isinstance(found, str) or not wanted.fullmatch(found):
            yield f"{at} is {found!r}, and not like {wanted.pattern}"
    elif type(found) is not type(wanted):
        yield f"{at} is {found!r}, and not {wanted!r}"
    elif isinstance(wanted, dict):
        yield from (f"{at}: there is no {key}" for key in wanted if key not in found)
        yield from (f"{at}: there is {key}, which nobody knows" for key in found if key not in wanted)
        for key in wanted:
            if key in found:
                yield from differences(found[key], wanted[key], f"{at}.{key}")
    elif isinstance(wanted, list):
        if len(found) != len(wanted):
            yield f"{at}: there are {len(found)}, and not {len(wanted)}"
        for place, (one, other) in enumerate(zip(found, wanted)):
            yield from differences(one, other, f"{at}.{place}")
    elif found != wanted:
        yield f"{at} is {found!r}, and not {wanted!r}"


def amount(text):
    """What an amount is in bytes, or in processors."""
    unit = AMOUNT.fullmatch(text)[1]
    return int(text.removesuffix(unit)) * UNITS[unit]
