"""Calls every method of azul_bedrock's DispatcherAPI and checks the answers. It prints how many were called."""

import asyncio
import hashlib
import io
import sys

import pendulum
from azul_bedrock import dispatcher
from azul_bedrock import models_network as azm
from azul_bedrock.exceptions_bedrock import DispatcherApiException



def connect(name):
    return dispatcher.DispatcherAPI(
        events_url=sys.argv[1], data_url=sys.argv[1], retry_count=0, timeout=15, author_name=name, author_version="1.0", deployment_key="dep"
    )


api = connect("cli")
called = set()


def call(name, *args, **kwargs):
    called.add(name)
    return getattr(api, name)(*args, **kwargs)


def refused(name, *args, **kwargs):
    try:
        call(name, *args, **kwargs)
    except DispatcherApiException:
        return
    raise AssertionError(f"{name}{args} was not refused")


async def joined(chunks):
    return b"".join([chunk async for chunk in chunks])


CONTENT = azm.DataLabel.CONTENT
data = b"0123456789 of the script"
digest = hashlib.sha256(data).hexdigest()

# Streams.
info = call("submit_binary", "testing", CONTENT, data)
assert (info.sha256, info.size) == (digest, len(data)), info
assert call("submit_binary", "testing", CONTENT, io.BytesIO(data), expected_sha256=digest).sha256 == digest
refused("submit_binary", "testing", CONTENT, data, expected_sha256="0" * 64)
assert asyncio.run(call("async_submit_binary", "testing", azm.DataLabel.TEXT, data, expected_sha256=digest)).sha256 == digest
call("has_binary", "testing", CONTENT, digest)
refused("has_binary", "testing", CONTENT, "0" * 64)
assert call("get_binary", "testing", CONTENT, digest).content == data
assert call("get_binary", "testing", CONTENT, digest, 1, 3).content == b"123"
assert call("get_binary", "testing", CONTENT, digest, None, 6).content == b"script"
refused("get_binary", "testing", CONTENT, digest, 1000, None)


async def ranged():
    called.add("async_get_binary")
    return await joined(await connect("cli").async_get_binary("testing", CONTENT, digest, 0, 2))


assert asyncio.run(ranged()) == b"012"
call("copy_binary", "testing", "other", CONTENT, digest)
call("has_binary", "other", CONTENT, digest)
refused("copy_binary", "testing", "other", CONTENT, "0" * 64)
assert call("delete_binary", "other", CONTENT, digest, pendulum.now().subtract(days=1)) == (True, False)  # it is newer
assert call("delete_binary", "other", CONTENT, digest, pendulum.now().add(days=1)) == (True, True)
assert call("delete_binary", "other", CONTENT, digest, pendulum.now().add(days=1)) == (False, False)  # it is gone

# Events.
now = pendulum.now("UTC")
author = azm.Author(category="user", name="bob")
binary = azm.BinaryEvent(
    model_version=azm.CURRENT_MODEL_VERSION,
    kafka_key="tmp",
    timestamp=now,
    author=author,
    entity=azm.BinaryEvent.Entity(sha256=digest, size=len(data), datastreams=[info]),
    action=azm.BinaryAction.Sourced,
    source=azm.Source(
        name="testing", timestamp=now, path=[azm.PathNode(author=author, action=azm.BinaryAction.Sourced, sha256=digest, timestamp=now)]
    ),
)
told = call("submit_events", [binary], model=azm.ModelType.Binary, sync=True, include_ok=True)
assert told.total_ok == 1 and told.ok[0]["kafka_key"] != "tmp", told
refused("submit_events", [], model=azm.ModelType.Binary)
consumers = call("simulate_consumers_on_event", binary).consumers
assert all(c.name for c in consumers)
count = {}
for model in ("binary", "delete", "download", "insert", "plugin", "status"):
    answer, events = call(f"get_{model}_events", count=5, deadline=1, require_historic=True)
    count[model] = len(events)
    assert answer.ready, answer
assert count["binary"] > 0, count
answer, events = call("get_generic_events", model="retrohunt", count=5, deadline=1, require_live=True)
assert events == [], events
api = connect("worker")  # reading and working under one name are one consumer
answer, jobs = call(
    "get_binary_events", is_task=True, count=1, deadline=5, require_historic=True, require_live=True, require_expedite=True, deny_self=True
)
assert len(jobs) == 1 and jobs[0].dequeued, jobs
status = azm.StatusEvent(
    model_version=azm.CURRENT_MODEL_VERSION,
    kafka_key="tmp",
    timestamp=now,
    author=azm.Author(category="plugin", name="worker", version="1.0"),
    entity=azm.StatusEvent.Entity(input=jobs[0], status=azm.StatusEnum.COMPLETED_EMPTY, runtime=1.5),
)
assert call("submit_events", [status], model=azm.ModelType.Status).total_ok == 1
print(len(called))
