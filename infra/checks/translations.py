"""What the trial translates of a pod is all that it changes: everything else is changed, one thing at a time, and it must notice."""

import collections

from checks.changes import inside, put
from checks.mutations import another
from checks.overlay import name, workloads
from checks.tools import progress
from trial import names, translate


def unnoticed_translations(docs):
    count = 0
    for workload in workloads(docs):
        template = workload["spec"]["template"]
        played = translate.pod(workload, "pod-0", collections.defaultdict(lambda: "/somewhere"), names.OF_A_POD)
        played = {key: value for key, value in played.items() if key in ("metadata", "spec")}
        for path, value in inside([], played):
            at = ".".join(map(str, path))
            # The volumes of claims are added at the end, and must have the names that containers mount.
            is_claim = path[:2] == ["spec", "volumes"] and len(path) > 2 and path[2] >= len(template["spec"]["volumes"])
            if isinstance(value, (dict, list)) or is_claim or translate.may_differ(template, at):
                continue
            count += 1
            try:
                translate.check(template, put(played, path, another(value)))
            except RuntimeError:
                continue
            yield f"{name(workload)}: the trial does not notice that it plays another {at}"
    progress(f"{count} values of pods were changed behind the translations of the trial")
