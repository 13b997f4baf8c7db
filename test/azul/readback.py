"""Reads every event back through azul_bedrock's strict models and prints how many there are of each model."""

import json
import sys

from azul_bedrock import dispatcher

api = dispatcher.DispatcherAPI(
    events_url=sys.argv[1],
    data_url=sys.argv[1],
    retry_count=0,
    timeout=15,
    author_name="readback",
    author_version="1",
    deployment_key="readback",
)
counts = {}
for model in ("binary", "status", "plugin", "download"):
    read = getattr(api, f"get_{model}_events")
    counts[model] = 0
    while True:
        info, events = read(count=100, deadline=1, require_historic=True)
        if not events:
            break
        counts[model] += len(events)
print(json.dumps(counts))
