"""Calls every method of azul_bedrock's DispatcherAPI and asserts what comes back: api.py URL [pause].

Others publish meanwhile, so that it looks for its own events. With "pause" it asks for a pause of all plugins in the end.
"""

import asyncio
import datetime
import hashlib
import inspect
import io
import sys

import pendulum
from azul_bedrock import dispatcher
from azul_bedrock import models_network as azm
from azul_bedrock.exceptions_bedrock import AzulValueError, DispatcherApiException, NetworkDataException
from starlette.datastructures import UploadFile

URL = sys.argv[1]
CONTENT, ABSENT = azm.DataLabel.CONTENT, "ab" * 32
METHODS = {n for n, _ in inspect.getmembers(dispatcher.DispatcherAPI, inspect.isroutine) if not n.startswith("_")}
called = set()


class Api(dispatcher.DispatcherAPI):
    """Remembers which methods were called."""

    def __init__(self, name):
        super().__init__(
            events_url=URL, data_url=URL, retry_count=0, timeout=30, author_name=name, author_version="1", deployment_key=name
        )

    def __getattribute__(self, name):
        if name in METHODS:
            called.add(name)
        return super().__getattribute__(name)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def refused(code, call, *args, error=DispatcherApiException, **kwargs):
    """The call must fail with this error, and with this code where an answer is behind it."""
    try:
        if inspect.iscoroutinefunction(call):
            asyncio.run(call(*args, **kwargs))
        else:
            call(*args, **kwargs)
    except error as e:
        assert code is None or e.status_code == code, f"{call.__name__}: {e!r}, want {code}"
        return e
    raise AssertionError(f"{call.__name__}{args} did not fail")


def head(author="api"):
    return dict(
        model_version=azm.CURRENT_MODEL_VERSION,
        kafka_key="placeholder",
        timestamp=now(),
        author=azm.Author(category="plugin", name=author, version="1"),
    )


def sourced(stream, **kwargs):
    entity = stream.to_input_entity()
    node = azm.PathNode(sha256=stream.sha256, action=azm.BinaryAction.Sourced, timestamp=now(), author=head()["author"])
    source = azm.Source(name="api", timestamp=now(), references={"case": "1"}, path=[node], security="OFFICIAL")
    return azm.BinaryEvent(**head(), entity=entity, action=azm.BinaryAction.Sourced, source=source, **kwargs)


def streams(api):
    """Storing, reading and copying of streams; a stream to go on with."""
    text = b"0123456789 of the api"
    info = api.submit_binary("api", CONTENT, text)
    assert (info.sha256, info.size, info.label, info.file_format) == (sha256(text), 21, "content", "text/plain"), info
    assert (info.md5, info.sha1) == (hashlib.md5(text).hexdigest(), hashlib.sha1(text).hexdigest()), info
    assert api.submit_binary("api", CONTENT, io.BytesIO(text), 20, expected_sha256=info.sha256) == info
    other = api.submit_binary("api", azm.DataLabel.REPORT, b"a report", skip_identify=True, expected_sha256=sha256(b"a report"))
    assert (other.label, other.sha256, other.size) == ("report", sha256(b"a report"), 8), other
    refused(400, api.submit_binary, "api", CONTENT, b"other bytes", expected_sha256=info.sha256)
    refused(400, api.submit_binary, "api", CONTENT, text, skip_identify=True)  # of what, must be said
    refused(404, api.has_binary, "api", CONTENT, sha256(b"other bytes"))
    refused(None, api.submit_binary, "api", CONTENT, io.StringIO("text"), error=AzulValueError)

    api.has_binary("api", CONTENT, info.sha256.upper())
    refused(404, api.has_binary, "api", CONTENT, ABSENT)
    refused(404, api.has_binary, "another", CONTENT, info.sha256)

    ranges = [(None, None, 200), (1, 3, 206), (0, 0, 206), (5, None, 206), (None, 2, 206), (0, 10**6, 206)]
    for start, end, code in ranges:
        want = text[-end:] if start is None and end else text[start : None if end is None else end + 1]
        got = api.get_binary("api", CONTENT, info.sha256, start, end)
        assert (got.status_code, got.content) == (code, want), (start, end, got.status_code, got.content)
    refused(416, api.get_binary, "api", CONTENT, info.sha256, 100)
    refused(404, api.get_binary, "api", CONTENT, ABSENT)

    api.copy_binary("api", "copies", CONTENT, info.sha256)
    assert api.get_binary("copies", CONTENT, info.sha256).content == text
    refused(404, api.copy_binary, "api", "copies", CONTENT, ABSENT)

    past, future = pendulum.now().subtract(hours=1), pendulum.now().add(hours=1)
    assert api.delete_binary("copies", CONTENT, info.sha256, past) == (True, False)
    api.has_binary("copies", CONTENT, info.sha256)
    assert api.delete_binary("copies", CONTENT, info.sha256, future) == (True, True)
    assert api.delete_binary("copies", CONTENT, info.sha256, future) == (False, False)
    refused(404, api.has_binary, "copies", CONTENT, info.sha256)
    api.has_binary("api", CONTENT, info.sha256)
    return info


async def in_the_background(api):
    """The same, asynchronously."""

    async def pieces():
        for i in range(3):
            yield b"piece %d " % i

    async def read(*args):
        return b"".join([part async for part in await api.async_get_binary("api", CONTENT, *args)])

    text = b"piece 0 piece 1 piece 2 "
    infos = [
        await api.async_submit_binary("api", CONTENT, data, expected_sha256=sha256(text))
        for data in (text, io.BytesIO(text), UploadFile(io.BytesIO(text)), pieces(), api.async_convert_to_async_iterable(text))
    ]
    assert all(i == infos[0] for i in infos) and (infos[0].sha256, infos[0].size) == (sha256(text), len(text)), infos
    assert await read(sha256(text)) == text
    assert await read(sha256(text), 6, 8) == text[6:9]
    assert await read(sha256(text), None, 4) == text[-4:]
    for code, args in ((404, (ABSENT,)), (416, (sha256(text), 1000, 2000))):
        try:
            await read(*args)
        except DispatcherApiException as e:
            assert e.status_code == code, e
        else:
            raise AssertionError(f"reading {args} did not fail")
    try:
        await api.async_submit_binary("api", CONTENT, b"other bytes", expected_sha256=sha256(text))
    except DispatcherApiException as e:
        assert e.status_code == 400, e
    else:
        raise AssertionError("a wrong hash was accepted")


def find(read, wanted, **options):
    """Polls until an event comes that is wanted; the deadline of the whole test ends this otherwise."""
    while True:
        info, events = read(count=100, deadline=2, require_historic=True, require_live=True, **options)
        assert info.fetched == len(events) and not info.paused and info.ready, info
        for ev in events:
            if wanted(ev):
                return ev


def events(api, stream):
    """Publishing of every model, and reading it back."""
    registration = azm.PluginEvent(
        **head(),
        entity=azm.PluginEvent.Entity(
            name="api",
            version="1",
            category="plugin",
            description="calls everything",
            features=[azm.PluginEvent.Entity.Feature(name="api_feature", desc="x", type=azm.FeatureType.Integer)],
            config={"setting": '"value"'},
        ),
    )
    assert api.submit_events([registration], model=azm.ModelType.Plugin).total_ok == 1

    # A child that a user adds by hand. It counts for what is published after it.
    text = b"added by hand"
    by_hand = api.submit_binary("api", CONTENT, text)
    node = azm.PathNode(
        sha256=by_hand.sha256, action="extracted", timestamp=now(), author=azm.Author(name="a user"), relationship={"action": "by hand"}
    )
    insert = azm.InsertEvent(
        **head(),
        entity=azm.InsertEvent.Entity(
            original_source="api", parent_sha256=stream.sha256, child=by_hand.to_input_entity(), child_history=node
        ),
    )
    api.submit_events([insert], model=azm.ModelType.Insert, sync=True)

    event = sourced(stream)
    answer = api.submit_events([event], model=azm.ModelType.Binary, sync=True, include_ok=True)
    assert (answer.total_ok, answer.total_failures, answer.failures) == (1, 0, []), answer
    kept = azm.BinaryEvent(**answer.ok[0])
    assert kept.kafka_key != "placeholder" and kept.track_source_references and kept.track_authors, kept
    assert kept.entity == event.entity and kept.source.references == {"case": "1"}, kept

    mapped = sourced(stream)
    mapped.action = azm.BinaryAction.Mapped
    mapped.entity.datastreams = []
    mapped.entity.features = [azm.FeatureValue(name="known_elsewhere", type=azm.FeatureType.Integer, value="7")]
    mapped.source.path[0].action = azm.BinaryAction.Mapped
    assert api.submit_events([mapped], model=azm.ModelType.Binary, params={"name": "api"}).ok == []

    refused(422, api.submit_events, [], model=azm.ModelType.Binary)  # as in the reference
    bad = sourced(stream)
    bad.source.path = []
    refused(200, api.submit_events, [bad, event], model=azm.ModelType.Binary)  # kept but for the bad one
    answer = api.submit_events([bad, event], model=azm.ModelType.Binary, raise_invalid=False)
    assert (answer.total_ok, answer.total_failures, len(answer.failures)) == (1, 1, 1) and answer.failures[0].error, answer
    refused(425, api.submit_events, [bad], model=azm.ModelType.Binary)  # nothing is left
    huge = sourced(stream)
    huge.entity.info = {"x": "y" * 2**21}
    refused(None, api.submit_events, [huge], model=azm.ModelType.Binary, error=NetworkDataException)

    hash_entity = azm.DownloadEvent.Entity(hash=ABSENT, category="api", metadata={"a": [1, None]})
    download = azm.DownloadEvent(**head(), entity=hash_entity, source=event.source, action=azm.DownloadAction.Requested)
    api.submit_events([download], model=azm.ModelType.Download)
    link = azm.DeleteEvent.DeleteEntity.DeleteLink(track_link="api.no.such.link")
    delete = azm.DeleteEvent(
        **head(), entity=azm.DeleteEvent.DeleteEntity(reason="to try it", link=link), action=azm.DeleteAction.link
    )
    api.submit_events([delete], model=azm.ModelType.Delete)
    hunt = azm.RetrohuntEvent(
        **head(),
        entity=azm.RetrohuntEvent.RetrohuntEntity(id="hunt_api", search_type="Yara", search="rule a {}", submitted_time=now()),
        action=azm.RetrohuntEvent.RetrohuntAction.Submitted,
        source=azm.RetrohuntEvent.RetrohuntSource(submitter="api", timestamp=now()),
    )
    api.submit_events([hunt], model=azm.ModelType.Retrohunt)

    def mine(ev):
        return ev.author.name == "api"

    got = find(api.get_plugin_events, mine)
    assert got.entity == registration.entity, got
    got = find(api.get_insert_events, mine)
    assert got.entity == insert.entity and got.track_link, got
    assert find(api.get_download_events, mine).entity == download.entity
    assert find(api.get_delete_events, mine).entity == delete.entity
    got = find(lambda **o: api.get_generic_events(model=azm.ModelType.Retrohunt, **o), lambda ev: ev["author"]["name"] == "api")
    assert got["entity"]["id"] == "hunt_api" and azm.RetrohuntEvent(**got).action == "submitted", got

    got = find(api.get_binary_events, lambda ev: ev.kafka_key == kept.kafka_key)
    assert got.model_dump(exclude={"dequeued"}) == kept.model_dump(exclude={"dequeued"}), got
    got = find(Api("mapped").get_binary_events, mine, require_actions=["mapped"])
    assert got.entity.features == mapped.entity.features and got.action == "mapped", got
    got = find(Api("child").get_binary_events, lambda ev: ev.entity.sha256 == by_hand.sha256)
    assert [n.sha256 for n in got.source.path] == [stream.sha256, by_hand.sha256] and got.action == "extracted", got
    return kept


def job(kept):
    """A job as a plugin takes it: every option of a poll, the report, and that it does not come again but when asked for."""
    worker = Api("api-worker")
    options = dict(
        is_task=True,
        require_expedite=True,
        require_under_content_size=kept.entity.size + 1,
        require_over_content_size=kept.entity.size - 1,
        require_actions=["sourced", "augmented"],
        deny_actions=["enriched"],
        deny_self=True,
        require_streams=["content,text/,image/", "*,text/plain"],
        max_security="OFFICIAL",
    )
    ours = lambda ev: ev.entity.sha256 == kept.entity.sha256  # noqa: E731
    event = find(worker.get_binary_events, ours, **options)
    assert event.dequeued, event
    find(Api("api-content").get_binary_events, ours, is_task=True, require_content=True, require_expedite=True, debug=True)
    refused(422, worker.get_binary_events, require_live=True, require_content=True, deny_actions=["enriched"])
    refused(422, worker.get_binary_events)  # of no feed
    refused(422, worker.get_binary_events, require_live=True, require_actions=["eaten"])
    refused(422, worker.get_binary_events, require_live=True, require_under_content_size=1, require_over_content_size=2)

    for state in (azm.StatusEnum.HEARTBEAT, azm.StatusEnum.COMPLETED):
        result = event.model_copy(deep=True)
        result.action, result.author, result.entity.datastreams = azm.BinaryAction.Enriched, head("api-worker")["author"], []
        result.entity.features = [azm.FeatureValue(name="api_feature", type=azm.FeatureType.Integer, value="12", offset=0, size=2)]
        step = dict(sha256=event.entity.sha256, action=result.action, timestamp=now(), author=result.author)
        result.source.path.append(azm.PathNode(**step))
        results = [result] if state == azm.StatusEnum.COMPLETED else []
        entity = azm.StatusEvent.Entity(input=event, status=state, runtime=0.5, results=results)
        status = azm.StatusEvent(**head("api-worker"), entity=entity)
        assert worker.submit_events([status], model=azm.ModelType.Status).total_ok == 1

    reader = Api("api-reader")
    got = find(reader.get_status_events, lambda ev: ev.author.name == "api-worker" and ev.entity.status == "completed")
    assert got.entity.input.dequeued == event.dequeued and got.entity.runtime == 0.5, got
    got = find(reader.get_binary_events, lambda ev: ev.author.name == "api-worker", require_actions=["enriched"])
    assert got.entity.features == result.entity.features, got

    def takes(**more):
        return worker.get_binary_events(count=100, deadline=1, require_historic=True, require_live=True, **options, **more)[1]

    assert not any(map(ours, takes())), "what is done comes again"
    find(worker.get_binary_events, ours, **options, debug=True)  # a debugger has progress of its own
    if not any(map(ours, takes(reset=True))):  # it begins anew
        find(worker.get_binary_events, ours, **options)

    def verdicts():
        return {c.name: c for c in reader.simulate_consumers_on_event(event).consumers}

    picky = Api("api-picky")
    picky.get_binary_events(is_task=True, deadline=1, require_live=True, require_over_content_size=10**6)
    got = verdicts()
    assert not got["api-worker"].filter_out and got["api-worker"].filter_out_trigger == "", got
    assert got["api-picky"].filter_out and got["api-picky"].filter_out_trigger, got


def pause(api):
    """Active polls say that all plugins pause; passive ones do not."""
    event = sourced(api.submit_binary("api", CONTENT, b"while paused"))
    assert api.submit_events([event], model=azm.ModelType.Binary, pause_plugins=True).total_ok == 1
    info, events = Api("api-paused").get_binary_events(is_task=True, count=100, deadline=1, require_historic=True)
    assert info.paused and not events, info
    find(Api("api-reader-2").get_binary_events, lambda ev: ev.entity.sha256 == event.entity.sha256)


api = Api("api")
if sys.argv[2:] == ["pause"]:
    pause(api)
else:
    stream = streams(api)
    asyncio.run(in_the_background(api))
    job(events(api, stream))
    assert called == METHODS, f"not called: {METHODS - called}"
    print(len(called), "methods")
