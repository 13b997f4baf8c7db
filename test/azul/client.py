"""Calls every method of azul_client's Api, unmodified, and the commands of its command line, and asserts what comes back: client.py URL DIR.

The platform at URL has the sources and labels of client_test.go and analyses what is uploaded. DIR is an empty folder to work in.
"""

import hashlib
import inspect
import io
import json
import os
import pathlib
import subprocess
import sys
import urllib.request
import zipfile

import cart
import pendulum
from azul_bedrock import models_network as azm
from azul_bedrock import models_restapi
from azul_client import Api, Config
from azul_client.api.binaries_data import AugmentedStream
from azul_client.api.binaries_meta import FindOptions
from azul_client.exceptions import BadResponse, BadResponse404

URL, DIR = sys.argv[1], pathlib.Path(sys.argv[2])
LOW, HIGH, WHEN = "OFFICIAL TLP:CLEAR", "SECRET REL:HOME", "2025-01-02T03:04:05.678901Z"
ABSENT = "ab" * 32
called = set()


class Recorder:
    """One group of methods, remembering which were called."""

    def __init__(self, name, group):
        self.name, self.group = name, group

    def __getattr__(self, method):
        called.add(f"{self.name}.{method}")
        return getattr(self.group, method)


class Recorded:
    """An Api whose groups are recorded."""

    def __init__(self):
        self.api = Api(Config(azul_url=URL, auth_type="none"))

    def __getattr__(self, name):
        value = getattr(self.api, name)
        return Recorder(name, value) if name in GROUPS else value


GROUPS = ["binaries_meta", "binaries_data", "features", "plugins", "purge", "security", "sources", "statistics", "users"]
api = Recorded()
meta, data, features = api.binaries_meta, api.binaries_data, api.features


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def refused(call, *args, error=BadResponse, **kwargs):
    """The call must be refused; returns the answer's body."""
    try:
        call(*args, **kwargs)
    except error as e:
        return json.loads(e.content) if isinstance(e, BadResponse) else None
    raise AssertionError(f"{call} {args} was not refused")


def settled(sha):
    """Waits until a file and all inside it are analysed."""
    while True:
        with urllib.request.urlopen(f"{URL}/api/v1/binaries/{sha}?wait=60s") as answer:
            if json.load(answer)["state"] == "done":
                return


def uncart(wrapped):
    out = io.BytesIO()
    cart.unpack_stream(io.BytesIO(wrapped), out)
    return out.getvalue()


def find(term, **options):
    return [item.sha256 for item in meta.find(term, max_entities=1000, **options).items]


TEXT = b"The quick brown fox sees http://fox.example.com/den?x=1 and jumps.\n" * 3
WORDS = b"Another text, with some words of its own: lapis lazuli.\n" * 4
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("docs/fox.txt", TEXT)
    z.writestr("docs/words.txt", WORDS)
    z.writestr("script.ps1", b"Write-Host 'hello'\r\n" * 20)
ZIP = archive.getvalue()
# two programs, so to say, of which the second has one byte in sixty changed
LARGE = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(1000))
ALIKE = LARGE[:12000] + b"changed" * 80 + LARGE[12560:]
ZIP_SHA, TEXT_SHA, WORDS_SHA = sha256(ZIP), sha256(TEXT), sha256(WORDS)


def uploads():
    # with a stream beside it, references, settings
    got = data.upload(
        ZIP, "testing", references={"user": "bob", "description": "a ZIP"}, submit_settings={"passwords": "infected"},
        augmented_streams=[AugmentedStream(azm.DataLabel.TEXT, "note.txt", b"a note on the archive\n")],
        filename="box.zip", timestamp=WHEN, security=LOW, exclude_security_labels=["SECRET"],
    )
    assert (got.sha256, got.size, got.filename, got.label) == (ZIP_SHA, len(ZIP), "box.zip", "content"), got
    assert got.file_format == "archive/zip" and got.track_source_references.startswith("testing."), got
    # the same again is the same
    again = data.upload(ZIP, "testing", references={"user": "bob", "description": "a ZIP"}, filename="box.zip", timestamp=WHEN, security=LOW)
    assert again.sha256 == ZIP_SHA and again.track_source_references == got.track_source_references
    settled(ZIP_SHA)
    # of a file that is there; in a time to come, which becomes now
    got = data.upload(TEXT, "local", filename="fox.txt", timestamp="2999-01-01T00:00:00Z", security="official", refresh=True)
    assert got.sha256 == TEXT_SHA and meta.check_meta(TEXT_SHA)
    for content, name in ((LARGE, "large.bin"), (ALIKE, "alike.bin")):
        settled(data.upload(content, "local", filename=name, security=LOW, refresh=True).sha256)
    # a CaRT is unwrapped, and keeps its name
    wrapped = io.BytesIO()
    cart.pack_stream(io.BytesIO(b"in a CaRT\n"), wrapped, optional_header={"name": "inner.txt"})
    assert data.upload(wrapped.getvalue(), "local", filename="inner.txt.cart", security=LOW).sha256 == sha256(b"in a CaRT\n")
    # an archive whose files are submitted one by one: the first is answered
    first = data.upload(ZIP, "testing", references={"user": "eve"}, extract=True, security=HIGH, timestamp=WHEN, refresh=True)
    assert first.sha256 == TEXT_SHA and first.filename == "docs/fox.txt", first
    # what is refused
    assert "nosuch" in refused(data.upload, TEXT, "nosuch", filename="a", security=LOW)["message"]
    assert "user" in refused(data.upload, TEXT, "testing", filename="a", security=LOW)["message"]
    assert "colour" in refused(data.upload, TEXT, "testing", references={"user": "b", "colour": "red"}, filename="a", security=LOW)["message"]
    assert "no content in request body" in refused(data.upload, b"", "local", filename="a", security=LOW)["message"]
    assert "NOPE" in refused(data.upload, TEXT, "local", filename="a", security="NOPE")["message"]
    assert "timestamp" in refused(data.upload, TEXT, "local", filename="a", security=LOW, timestamp="yesterday")["detail"][0]["msg"]
    # without the file: what is said of it, and other streams
    got = data.upload_dataless(ABSENT, "local", filename="d.txt", security=LOW, augmented_streams=[AugmentedStream(azm.DataLabel.REPORT, "r.json", b'{"a": 1}')])
    assert got.sha256 == ABSENT
    assert data.upload_dataless("cd" * 32, "local", filename="e.txt", security=LOW, refresh=True).sha256 == "cd" * 32
    assert meta.check_meta("cd" * 32) and not data.check_data("cd" * 32)
    # a child by hand
    got = data.upload_child(b"a child by hand\n", ZIP_SHA, {"action": "dropped", "by": "hand"}, filename="child.txt", security=LOW, timestamp=WHEN, refresh=True)
    assert got.sha256 == sha256(b"a child by hand\n")
    assert "SHA-256" in refused(data.upload_child, b"x", "ef" * 32, {"a": "b"}, filename="x", security=LOW)["message"]
    for sha in (TEXT_SHA, got.sha256):
        settled(sha)


def contents():
    assert data.check_data(ZIP_SHA) and not data.check_data(ABSENT)
    assert uncart(data.download(ZIP_SHA)) == ZIP and uncart(data.download(TEXT_SHA.upper())) == TEXT
    refused(data.download, ABSENT, error=BadResponse404)
    bulk = zipfile.ZipFile(io.BytesIO(data.download_bulk([ZIP_SHA, TEXT_SHA, ABSENT])))
    assert sorted(bulk.namelist()) == sorted([ZIP_SHA, TEXT_SHA]), bulk.namelist()
    assert bulk.read(ZIP_SHA) == ZIP
    assert data.expedite_processing(TEXT_SHA, bypass_cache=True) is None
    settled(TEXT_SHA)
    refused(data.expedite_processing, ABSENT, error=(BadResponse, BadResponse404))
    note = sha256(b"a note on the archive\n")
    assert data.download_augmented_stream(ZIP_SHA, note) == b"a note on the archive\n"
    assert data.download_augmented_stream(TEXT_SHA, TEXT_SHA) == TEXT
    assert "not shown" in refused(data.download_augmented_stream, ZIP_SHA, ZIP_SHA)["message"]
    rows = data.download_hex(TEXT_SHA, offset=16, max_bytes_to_read=32)
    assert [r.address for r in rows.hex_strings] == [16, 32] and rows.hex_strings[0].hex[0] == f"{TEXT[16]:02X}", rows
    assert rows.has_more and rows.next_offset == 48 and rows.content_length == len(TEXT)
    short = data.download_hex(TEXT_SHA, shortform=True)
    assert isinstance(short.hex_strings[0].hex, str) and short.hex_strings[0].ascii == TEXT[:16].decode()
    strings = data.get_strings(TEXT_SHA, filter="fox.example")
    assert len(strings.strings) == 3 and strings.strings[0].offset == 0 and "http://fox.example.com" in strings.strings[0].string, strings
    hits = data.search_hex(TEXT_SHA, filter=b"fox".hex())
    assert [h.offset for h in hits.strings[:2]] == [TEXT.find(b"fox"), TEXT.find(b"fox", TEXT.find(b"fox") + 1)], hits


def metadata():
    assert meta.check_meta(ZIP_SHA) and not meta.check_meta("99" * 32) and not meta.check_meta("no hash")
    got = meta.get_meta(ZIP_SHA)
    assert got.documents.count >= 2 and got.security == [LOW], got.security
    source = next(s for s in got.sources if s.source == "testing")
    assert source.direct[0].references == {"user": "bob", "description": "a ZIP"} and source.direct[0].timestamp == "2025-01-02T03:04:05.678901Z", source
    assert not source.indirect
    children = {c.sha256: c for c in got.children}
    assert {TEXT_SHA, WORDS_SHA, sha256(b"a child by hand\n")} <= set(children), children
    assert children[TEXT_SHA].relationship["action"] == "extracted" and children[TEXT_SHA].filename == "docs/fox.txt", children[TEXT_SHA]
    by_hand = children[sha256(b"a child by hand\n")]
    assert by_hand.relationship == {"action": "dropped", "by": "hand"} and by_hand.track_link and by_hand.author.category == "user", by_hand
    streams = {s.sha256: s for s in got.streams}
    assert streams[ZIP_SHA].label == ["content"] and streams[ZIP_SHA].file_format == "archive/zip" and streams[ZIP_SHA].md5, streams[ZIP_SHA]
    assert streams[sha256(b"a note on the archive\n")].label == ["text"]
    names = {(f.name, f.value) for f in got.features}
    assert ("filename", "box.zip") in names and ("file_format", "archive/zip") in names, names
    name = next(f for f in got.features if f.name == "filename")
    assert name.parts.filepath == "box.zip" and name.parts.filepath_unix == ["box.zip"] and name.instances, name
    assert any(i.author.name == "anonymous" and i.action == "sourced" for i in got.instances), got.instances
    assert all(i.instance in {x.key for x in got.instances} for i in got.info)
    text = meta.get_meta(TEXT_SHA)
    assert [p.sha256 for p in text.parents] == [ZIP_SHA] and set(text.security) >= {LOW, "OFFICIAL", HIGH}, text.security
    assert {s.source for s in text.sources if s.indirect} == {"testing"}
    few = meta.get_meta(ZIP_SHA, details=[models_restapi.BinaryMetadataDetail.children], bucket_size=1, author="anonymous")
    assert len(few.children) == 1 and not few.features and few.diagnostics[0].id == "many_buckets_children", few
    assert meta.get_meta(ABSENT).diagnostics[0].id == "no_content"
    refused(meta.get_meta, "99" * 32, error=BadResponse404)
    assert refused(meta.get_meta, "no hash")["detail"][0]["loc"][0] == "path"
    newer = meta.get_has_newer_metadata(ZIP_SHA, "2020-01-01T00:00:00Z")
    assert newer.count == got.documents.count and newer.newest == got.documents.newest
    assert meta.get_has_newer_metadata(ZIP_SHA, "2999-01-01T00:00:00Z").count == 0
    documents = meta.get_binary_documents(ZIP_SHA, action=azm.BinaryAction.Sourced, size=5)
    assert documents.total_docs == 2 and documents.items[0]["entity"]["sha256"] == ZIP_SHA, documents
    refused(meta.get_binary_documents, WORDS_SHA, action=azm.BinaryAction.Mapped, error=BadResponse404)
    statuses = {s.author.name: s for s in meta.get_binary_status(ZIP_SHA).items}
    assert statuses["Unbox"].entity.status.startswith("completed") and statuses["Unbox"].completed >= 1, statuses
    assert statuses["Unbox"].entity.input.entity.sha256 == ZIP_SHA


def finds():
    everything = meta.find("", count_entities=True, max_entities=1000)
    assert everything.items_count == len(everything.items) == api.statistics.get_statistics().binary_count
    item = next(i for i in everything.items if i.sha256 == ZIP_SHA)
    assert item.has_content and item.file_size == len(ZIP) and item.filenames == ["box.zip"] and item.sources[0].name == "testing", item
    assert not next(i for i in everything.items if i.sha256 == ABSENT).has_content
    assert find('source.name:"testing" depth:0 filename:"box.zip"') == [ZIP_SHA]
    assert set(find("depth:1 DOCAND source.name:testing")) >= {TEXT_SHA, WORDS_SHA}
    oldest = meta.find("depth:0", sort_prop=models_restapi.FindBinariesSortEnum.source_timestamp, sort_asc=True, max_entities=1).items
    assert len(oldest) == 1 and find("depth:0", sort_prop=models_restapi.FindBinariesSortEnum.timestamp)
    assert refused(meta.find, "(fox")["message"].startswith("column") and "max_entities" in refused(meta.find, "", max_entities=1001)["message"]
    got = meta.find_simple(FindOptions(sources=["testing", "local"], greater_than_size_bytes=len(ZIP) - 1, file_formats=["archive/zip"]))
    assert [i.sha256 for i in got.items] == [ZIP_SHA], got
    got = meta.find_simple(FindOptions(source_reference={"user": "bob"}, greater_than_size_bytes=len(ZIP) - 1, source_timestamp_newer_or_equal=pendulum.datetime(2025, 1, 1)))
    assert [i.sha256 for i in got.items] == [ZIP_SHA], got
    assert TEXT_SHA in [i.sha256 for i in meta.find_simple(FindOptions(plugin_name="Unbox-sevenzip", has_feature_keys=["filename"])).items]
    got = meta.find_hashes([TEXT_SHA, "98" * 32, hashlib.md5(ZIP).hexdigest().upper(), hashlib.sha1(ZIP).hexdigest(), ZIP_SHA]).items
    assert [(i.exists, i.sha256) for i in got] == [(True, TEXT_SHA), (False, None), (True, ZIP_SHA), (True, ZIP_SHA), (True, ZIP_SHA)], got
    assert [bool(i.is_duplicate_find) for i in got] == [False, False, False, True, True] and got[2].key == hashlib.md5(ZIP).hexdigest()
    paged = meta.find_all(FindOptions(source_depth_greater=-1), request_binaries=2)
    shas = [i.sha256 for i in paged]
    assert paged.approx_total == len(shas) == len(set(shas)) == everything.items_count, (paged.approx_total, len(shas))
    assert len(list(meta.find_all(FindOptions(sources=["testing"]), max_binaries=3))) == 3
    assert not list(meta.find_all(FindOptions(sources=["nosuch"])))
    keys = meta.get_model().keys
    assert keys["size"] == "long" and keys["sha256"] == "keyword" and keys["timestamp"] == "date" and "features.enriched.hostname" in keys, keys
    for term, kind in (("", "Initial"), ("file", "FieldValue"), ("source.na", "FieldValue"), ("size:>", "FieldValue"), ("a) b", "Error")):
        assert meta.find_autocomplete(term).type == kind, (term, meta.find_autocomplete(term))
    named = urllib.request.urlopen(f"{URL}/api/v0/binaries/autocomplete?term=source.name%3Ax&offset=3")
    assert json.load(named)["data"] == {"type": "FieldName", "prefix": "source.name", "prefix_type": "case-insensitive", "has_value": True}


def relations():
    large = next(s for s in meta.get_meta(sha256(LARGE)).streams if s.label == ["content"])
    for got in (meta.get_similar_ssdeep_entities(large.ssdeep, max_matches=50), meta.get_similar_tlsh_entities(large.tlsh)):
        assert 50 < {m.sha256: m.score for m in got.matches}[sha256(ALIKE)] < 100, got
    assert meta.get_similar_tlsh_entities("T1" + "0" * 70).matches == []
    alike = meta.get_similar_feature_entities(TEXT_SHA, recalculate=True)
    assert alike.status == "complete" and alike.num_feature_values > 0 and TEXT_SHA not in [m.sha256 for m in alike.matches], alike
    for cousins in models_restapi.IncludeCousinsEnum:
        graph = meta.get_nearby_entities(TEXT_SHA, include_cousins=cousins)
        edges = {(l.parent, l.child) for l in graph.links}
        assert graph.id_focus == TEXT_SHA and (ZIP_SHA, TEXT_SHA) in edges, graph
        assert ((ZIP_SHA, WORDS_SHA) in edges) == (cousins != models_restapi.IncludeCousinsEnum.No), (cousins, edges)
        assert (None, ZIP_SHA) in edges and next(l for l in graph.links if l.parent is None).source.name in ("testing", "local")
        assert len({l.id for l in graph.links}) == len(graph.links)


def tags():
    assert meta.create_tag_on_binary(ZIP_SHA, "my-tag", LOW) is None
    meta.create_tag_on_binary(ZIP_SHA, "high-tag", HIGH)
    got = {t.tag: t for t in meta.get_binary_tags(ZIP_SHA).items}
    assert got["my-tag"].security == LOW and got["my-tag"].owner == "anonymous" and got["high-tag"].security == HIGH, got
    assert find('binary.tag:"my-tag"') == [ZIP_SHA] and [t.tag for t in meta.get_meta(ZIP_SHA).tags] == ["high-tag", "my-tag"]
    assert "a-z" in refused(meta.create_tag_on_binary, ZIP_SHA, "No_Tag", LOW)["message"]
    refused(meta.create_tag_on_binary, "99" * 32, "my-tag", LOW, error=BadResponse404)
    gone = meta.delete_tag_on_binary(ZIP_SHA, "my-tag")
    assert (gone.total, gone.deleted) == (1, 1) and meta.delete_tag_on_binary(ZIP_SHA, "my-tag").deleted == 0
    assert find("binary.tag:my-tag") == [] and [t.tag for t in meta.get_binary_tags(ZIP_SHA).items] == ["high-tag"]
    assert features.create_feature_value_tag("known", "filename", "box.zip", LOW) is None
    assert [(t.tag, t.num_feature_values) for t in features.get_all_feature_value_tags().tags] == [("known", 1)]
    assert [(v.feature_name, v.feature_value) for v in features.get_feature_values_in_tag("known").items] == [("filename", "box.zip")]
    assert find("feature.tag:known") == [ZIP_SHA]
    assert next(f for f in meta.get_meta(ZIP_SHA).features if f.value == "box.zip").tags[0].tag == "known"
    assert features.delete_feature_value_tag("known", "filename", "box.zip") is None
    assert features.get_all_feature_value_tags().num_tags == 0


def feature_values():
    listed = {f.name: f for f in features.find_features().items}
    assert {"filename", "file_format", "box_type"} <= set(listed) and listed["box_type"].descriptions[0].author_name.startswith("Unbox"), listed.keys()
    assert "box_type" in {f.name for f in features.find_features(author=listed["box_type"].descriptions[0].author_name).items}
    counts = features.count_unique_values_in_feature(["file_format", "nothing"])
    assert counts["file_format"].values >= 2 and counts["nothing"].values == 0, counts
    files = features.count_unique_entities_in_features(["filename"], skip_count=True)
    assert files["filename"].entities >= 4, files
    values = features.count_unique_entities_in_featurevalues([models_restapi.ValueCountItem(name="filename", value="box.zip")])
    assert values["filename"]["box.zip"].entities == 1, values
    # the archive lists the paths of what is in it
    parts = features.count_unique_entities_in_featurevalueparts([models_restapi.ValuePartCountItem(value="docs/fox.txt", part="filepath"),
        models_restapi.ValuePartCountItem(value="docs", part="filepath_unix"), models_restapi.ValuePartCountItem(value="fox.txt", part="filepath_unixr")])
    assert parts["docs/fox.txt"]["filepath"].entities == 2 and parts["docs"]["filepath_unix"].entities == 3 and parts["fox.txt"]["filepath_unixr"].entities == 2, parts
    page = features.find_values_in_feature("filename", term="FOX", case_insensitive=True, num_values=1)
    assert page.type == "filepath" and page.total == 2 and not page.is_search_complete and page.values[0].value == "docs/fox.txt", page
    rest = features.find_values_in_feature("filename", term="FOX", case_insensitive=True, num_values=1, after=page.after)
    assert [v.value for v in rest.values] == ["fox.txt"] and rest.is_search_complete, rest
    assert features.find_values_in_feature("filename", sort_asc=False).values[0].value > "a"


def operations():
    listed = {p.newest_version.name: p for p in api.plugins.get_all_plugins()}
    assert listed["Unbox"].versions == [listed["Unbox"].newest_version.version], listed
    status = next(p for p in api.plugins.get_all_plugin_statuses() if p.newest_version.name == "Unbox-sevenzip")
    assert status.success_count > 0 and status.last_completion, status
    plugin = api.plugins.get_plugin("Unbox-sevenzip", status.newest_version.version)
    assert api.plugins.get_plugin("Unbox", listed["Unbox"].newest_version.version).plugin.config["run_timeout"], listed["Unbox"]
    assert plugin.num_entities > 0 and plugin.plugin.features and {"completed"} & {g.status for g in plugin.status}, plugin
    refused(api.plugins.get_plugin, "Nope", "1", error=BadResponse404)
    sources = api.sources.get_all_sources()
    assert sources["testing"].icon_class == "flask" and [r.name for r in sources["testing"].references] == ["user", "description"], sources
    assert sources["testing"].references[0].required and not sources["testing"].references[1].priority and sources["local"].expire_events_ms == 259200000
    assert api.sources.check_source_exists("testing") and not api.sources.check_source_exists("nosuch")
    source = api.sources.read_source("testing")
    assert source.num_entities >= 4 and source.newest, source
    sets = api.sources.read_source_references("testing").items
    assert {s.values["user"] for s in sets} >= {"bob", "eve"}, sets
    assert [s.values["user"] for s in api.sources.read_source_references("testing", term="EVE").items] == ["eve"]
    refused(api.sources.read_source_references, "testing", term="nobody", error=BadResponse404)
    settings = api.security.get_security_settings()
    assert settings["presets"] == [LOW, HIGH] and settings["default"] == LOW and settings["labels"]["tlp"]["options"][2]["enforce_security"], settings
    assert api.security.normalise("secret//rel:home") == HIGH and api.security.get_max_security_string([LOW, "OFFICIAL TLP:GREEN"]) == "OFFICIAL TLP:GREEN"
    assert "NOPE" in refused(api.security.normalise, "NOPE")["message"] and api.security.get_is_user_an_admin() is True
    assert api.users.get_user_info().username == "anonymous"
    access = api.users.get_opensearch_user_info()
    assert access.privileged and "SECRET" in access.security.labels_exclusive and access.security.allowed_presets == [LOW, HIGH], access


def excluded():
    """With x=SECRET the answers are those of somebody who may not read SECRET."""
    api.set_excluded_security(["SECRET"])
    try:
        assert api.get_excluded_security() == ["SECRET"]
        assert [t.tag for t in meta.get_binary_tags(ZIP_SHA).items] == []
        assert set(meta.get_meta(TEXT_SHA).security) == {LOW, "OFFICIAL"}
        assert meta.get_meta_from_last_request().security == LOW, meta.get_meta_from_last_request()
        assert {s.values["user"] for s in api.sources.read_source_references("testing").items} == {"bob"}
    finally:
        api.set_excluded_security([])


def purges():
    text = meta.get_meta(TEXT_SHA)
    track = next(s for s in text.sources if s.source == "testing")
    eve = next(s for s in track.direct if s.references["user"] == "eve")
    simulated = api.purge.purge_submission(eve.track_source_references, timestamp=eve.timestamp)
    assert simulated.events >= 3, simulated
    done = api.purge.purge_submission(eve.track_source_references, timestamp=eve.timestamp, purge=True)
    assert done.events_purged == simulated.events and done.binaries_kept >= 2 and done.binaries_purged == 0, done
    assert HIGH not in meta.get_meta(TEXT_SHA).security
    child = sha256(b"a child by hand\n")
    link = next(c for c in meta.get_meta(ZIP_SHA).children if c.sha256 == child).track_link
    simulated = api.purge.purge_link(link)
    assert simulated.events >= 1
    done = api.purge.purge_link(link, purge=True)
    assert done.binaries_purged == 1 and not meta.check_meta(child), done
    refused(api.purge.purge_link, link, purge=True, error=(BadResponse, BadResponse404))


def command(*args, code=0, stdin=None):
    """Runs azul and returns what it printed."""
    ini = DIR / "azul.ini"
    ini.write_text(f"[default]\nazul_url = {URL}\nauth_type = none\n")
    env = dict(os.environ, AZUL_CONFIG_LOCATION=str(ini), TOKEN_REFRESH_PATH_LOCK=str(DIR / "lock"), HOME=str(DIR))
    run = subprocess.run([os.path.join(os.path.dirname(sys.executable), "azul"), *args], env=env, cwd=DIR, input=stdin, capture_output=True)
    said = run.stdout.decode() + run.stderr.decode()
    assert run.returncode == code, f"azul {args}: {run.returncode}\n{said}"
    return said


def command_line():
    (DIR / "up" / "sub").mkdir(parents=True)
    (DIR / "up" / "one.txt").write_bytes(b"one\n")
    (DIR / "up" / "sub" / "two.txt").write_bytes(b"two, from below\n")
    (DIR / "empty.bin").write_bytes(b"")
    two = sha256(b"two, from below\n")
    assert "testing" in command("sources", "list") and "Description: files of the tests" in command("sources", "info", "testing")
    assert '"flask"' in command("sources", "full")
    assert "Unbox" in command("plugins", "list") and "does not exist" in command("plugins", "info", "Nope", "--version", "1")
    assert '"name": "Unbox"' in command("plugins", "info", "Unbox")
    assert HIGH in command("security") and "minimum_required_access" in command("security", "--full")
    put = ["--security", LOW, "--ref", "user:bob", "-y"]
    assert f"/sub/two.txt - {two}" in command("b", "put", "up", "testing", *put)
    assert "Error - source" in command("b", "put", "up/one.txt", "nosuch", *put)
    assert "Submitted file was empty" in command("b", "put", "empty.bin", "testing", *put)
    assert "std.bin - " in command("b", "put-stdin", "std.bin", "testing", *put, stdin=b"from stdin\n")
    assert sha256(b"one\n") in command("b", "put-child", "up/one.txt", "--parent", ZIP_SHA, "--security", LOW, "--relationship", "action:dropped", "-y")
    settled(two)
    assert "available" in command("b", "check", two) and "NOT" in command("b", "check", "99" * 32, code=1)
    assert "available" in command("b", "check-data", two) and "NOT" in command("b", "check-data", ABSENT, code=1)
    command("b", "get-meta", two, "-o", "meta.json")
    assert json.loads((DIR / "meta.json").read_text())["streams"][0]["sha256"] == two
    assert two in command("b", "get-meta", two, "--no-pretty") and "Error - " in command("b", "get-meta", "nohash", code=1)
    assert two in command("b", "get", "--term", 'filename:"/sub/two.txt"', "--max", "3", "--sort-by", "timestamp", "-o", "dl")
    assert uncart((DIR / "dl" / f"{two}.cart").read_bytes()) == b"two, from below\n"
    assert "Error - column" in command("b", "get", "--term", "(two", code=1)
    assert f"{ZIP_SHA}.cart" in command("b", "download", ZIP_SHA, ABSENT, "-o", "dl")
    assert "Type: none" in command("config", "view-auth")


for part in (uploads, contents, metadata, finds, relations, tags, feature_values, operations, excluded, purges, command_line):
    if len(sys.argv) < 4 or part.__name__ in sys.argv[3:]:
        part()

methods = {f"{g}.{n}" for g in GROUPS for n, _ in inspect.getmembers(getattr(api.api, g), inspect.isroutine) if not n.startswith("_")}
methods -= {f"{g}.{n}" for g in GROUPS for n in ("get_meta_from_last_request", "filter_none_values")}
if len(sys.argv) < 4:
    assert not methods - called, f"not called: {sorted(methods - called)}"
print(f"{len(methods)} methods")
