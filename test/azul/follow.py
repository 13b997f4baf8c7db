"""Follows all events through azul_bedrock's strict models and prints each as a line: its model, a blank, its JSON.

Ends with an error at the first event that these models refuse.
"""

import os
import sys
import threading
import traceback

from azul_bedrock import dispatcher, models_network

lock = threading.Lock()


def follow(model):
    api = dispatcher.DispatcherAPI(
        events_url=sys.argv[1],
        data_url=sys.argv[1],
        retry_count=0,
        timeout=30,
        author_name="follow",
        author_version="1",
        deployment_key="follow",
    )
    read = getattr(api, f"get_{model}_events")
    while True:
        _, events = read(count=100, deadline=10, require_historic=True, require_live=True)
        for ev in events:
            if model == "binary":
                check_values(ev)
            with lock:
                print(model, ev.model_dump_json(exclude_defaults=True), flush=True)


def check_values(ev):
    """Every value must come out of its text, and give the same text again."""
    for f in ev.entity.features:
        again = models_network.value_encode(f.decode_value())
        if again != f.value:
            raise ValueError(f"{f.name}: {f.value!r} is read as {again!r}")


def run(model):
    try:
        follow(model)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


for model in ("binary", "status", "plugin", "download"):
    threading.Thread(target=run, args=(model,)).start()
