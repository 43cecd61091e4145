"""Rules: every document fits the schema of its kind, and there is a schema for every kind."""

import functools
import json

from checks.overlay import name
from checks.tools import INFRA, ROOT

KUBERNETES = "1.37"


def fits_the_schemas(docs):
    for doc in docs:
        yield from misfits(json.dumps(doc, sort_keys=True))


@functools.cache  # most changes leave most documents alone
def misfits(text):
    import jsonschema
    import kubernetes_validate

    doc = json.loads(text)
    own = schema(doc["kind"])
    try:
        if own:
            jsonschema.validate(doc, own)
        else:
            kubernetes_validate.validate(doc, KUBERNETES, strict=True)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
        return [f"{name(doc)}: {error.message}"]
    except kubernetes_validate.SchemaNotFoundError:
        return [f"{name(doc)}: there is no schema for {doc['apiVersion']} {doc['kind']} here"]
    return []


@functools.cache
def schema(kind):
    """What Kubernetes itself does not know, we describe ourselves."""
    file = INFRA / "schemas" / f"{kind}.json"
    return json.loads(file.read_text()) if file.exists() else None


def skaffold_fits_its_schema(_):
    yield from skaffold_misfits()


@functools.cache
def skaffold_misfits():
    import jsonschema
    import yaml

    described = json.loads((INFRA / "schemas" / "skaffold-v4beta13.json").read_text())
    errors = jsonschema.Draft7Validator(described).iter_errors(yaml.safe_load((ROOT / "skaffold.yaml").read_text()))
    return [f"skaffold.yaml: {jsonschema.exceptions.best_match([error]).message}" for error in errors]
