"""The same documents but for one thing; what is not on the way to it is shared."""

import copy


def put(docs, path, value):
    changed, at = down(docs, path)
    at[path[-1]] = value
    return changed


def without(docs, path):
    changed, at = down(docs, path)
    del at[path[-1]]
    return changed


def down(docs, path):
    changed = at = copy.copy(docs)
    for key in path[:-1]:
        at[key] = at = copy.copy(at[key])
    return changed, at


def found(docs, path):
    for key in path:
        docs = docs[key]
    return docs


def inside(path, value):
    """The paths of all that is in it."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []:
        yield [*path, key], inner
        yield from inside([*path, key], inner)
