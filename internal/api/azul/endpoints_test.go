package azul

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"lazuli/event"
)

const track0 = "samples.00000000000000000000000000000000"

// TestShapes: what endpoints answer, to the letter. What azul-client makes of it is tried in test/azul.
func TestShapes(t *testing.T) {
	w := newWorld(t, openBatch())
	origin := `{"security":"LOW TLP:CLEAR","name":"samples","timestamp":"2025-05-01T10:00:00Z","references":{"user":"bob"},"settings":{},"track_source_references":"` + track0 + `"}`
	finderAuthor := `{"security":"LOW TLP:CLEAR","category":"plugin","name":"Finder","version":"1.0"}`
	finderEntity := `{"category":"plugin","name":"Finder","version":"1.0","contact":"c","stats":{"completed":1,"error-exception":1},"description":"finds",
		"features":[{"name":"url","desc":"an address","tags":[],"type":"uri"}],"config":{"depth":"\"3\""},"security":"LOW TLP:CLEAR"%s}`
	finder := strings.Replace(finderEntity, "%s", "", 1)
	finderDone := strings.Replace(finderEntity, "%s", `,"last_completion":"2025-05-01T10:02:00Z"`, 1)
	completed := `{"timestamp":"2025-05-01T10:02:00Z","author":` + finderAuthor + `,"entity":{"status":"completed","runtime":0.5,"input":{"entity":{"sha256":"` + sha("1") + `"}}},"completed":%s,"security":"LOW TLP:CLEAR"}`
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/binaries/" + sha("1") + "/new?timestamp=2025-05-01T10:01:00Z", "", `{"count":1,"newest":"2025-05-01T10:02:00Z"}`},
		{"GET", "/binaries/" + sha("1") + "/new?timestamp=2025-05-01T10:02:00Z", "", `{"count":0}`},
		{"GET", "/binaries/" + sha("1") + "/statuses", "", `{"items":[` + strings.Replace(completed, "%s", "1", 1) + `]}`},
		{"GET", "/binaries/" + sha("1") + "/tags", "", `{"items":[{"sha256":"` + sha("1") + `","tag":"seen","type":"entity_tag","owner":"bob","timestamp":"2025-05-01T10:05:00Z","security":"LOW TLP:CLEAR"}]}`},
		{"POST", "/binaries", `{"hashes":["` + sha("f") + `","` + sha("3") + `","` + sha("3")[:32] + `","no hash"]}`, `{"items_count":1,"items":[{"key":"` + sha("f") + `","exists":false,"has_content":false},
			{"key":"` + sha("3") + `","exists":true,"has_content":true,"sources":[{"depth":0,"name":"samples","timestamp":"2025-05-01T10:03:00Z","references":{"user":"bob"}}],"file_size":10,
			"file_format":"text/plain","file_extension":"txt","magic":"ASCII text","mime":"text/plain","filenames":["a.txt"],"md5":"` + sha("3")[:32] + `","sha1":"` + sha("3")[:40] + `","sha256":"` + sha("3") + `","sha512":"` + sha("33") + `"},
			{"key":"` + sha("3")[:32] + `","exists":true,"has_content":true,"is_duplicate_find":true,"sha256":"` + sha("3") + `"},{"key":"no hash","exists":false,"has_content":false}]}`},
		{"GET", "/binaries?term=nothing&count_entities=true", "", `{"items_count":0,"items":[]}`},
		{"POST", "/binaries/all?term=depth:0&numodels_restapi=10", `{"after":null}`, `{"items":[{"sha256":"` + sha("3") + `"},{"sha256":"` + sha("1") + `"}],"after":"end","total":2}`},
		{"POST", "/binaries/all?term=depth:0", `{"after":"end"}`, `{"items":[]}`},
		{"POST", "/binaries/all?term=source.name:nowhere", `{"after":null}`, `{"items":[],"total":0}`},
		{"POST", "/binaries/all/children?family_sha256=" + sha("1"), `{}`, `{"items":[{"sha256":"` + sha("2") + `","track_link":"` + sha("1") + "." + sha("2") + `.link","author_name":"Finder","author_category":"plugin",
			"timestamp":"2025-05-01T10:01:00Z"}],"after":"end","total":1}`},
		{"GET", "/binaries/tags", "", `{"tags":[{"tag":"seen","num_entities":1,"num_entities_approx":false}],"num_tags":1,"num_tags_approx":false}`},
		{"GET", "/features", "", `{"items":[{"name":"filename","descriptions":[{"type":"filepath"}],"tags":[],"security":[]},
			{"name":"url","descriptions":[{"author_type":"plugin","author_name":"Finder","author_version":"1.0","timestamp":"2025-05-01T10:00:00Z","desc":"an address","type":"uri"}],
			"tags":[],"security":["LOW TLP:CLEAR"]},{"name":"word","descriptions":[{"type":"string"}],"tags":["bad"],"security":[]}]}`},
		{"GET", "/features/all/tags", "", `{"tags":[{"tag":"bad","num_feature_values":1}],"num_tags":1}`},
		{"GET", "/features/tags/bad", "", `{"items":[{"feature_name":"word","feature_value":"open","tag":"bad","type":"fv_tag","owner":"bob","timestamp":"2025-05-01T10:05:00Z","security":"LOW TLP:CLEAR"}]}`},
		{"POST", "/features/values/counts?skip_count=false&author=&author_version=", `{"items":["word","none"]}`, `{"word":{"name":"word","values":1},"none":{"name":"none","values":0}}`},
		{"POST", "/features/entities/counts", `{"items":["word"]}`, `{"word":{"name":"word","entities":2}}`},
		{"POST", "/features/values/entities/counts", `{"items":[{"name":"word","value":"open"}]}`, `{"word":{"open":{"name":"word","value":"open","entities":2}}}`},
		{"POST", "/features/values/parts/entities/counts", `{"items":[{"value":"example.com","part":"hostname"},{"value":"x","part":"port"},{"value":"x","part":"none"}]}`,
			`{"example.com":{"hostname":{"value":"example.com","part":"hostname","entities":2}},"x":{"port":{"value":"x","part":"port","entities":0},"none":{"value":"x","part":"none","entities":0}}}`},
		{"POST", "/features/feature/word?num_values=3&term=", `{"after":""}`, `{"name":"word","type":"string","values":[{"name":"word","value":"open","tags":[{"feature_name":"word","feature_value":"open","tag":"bad","type":"fv_tag",
			"owner":"bob","timestamp":"2025-05-01T10:05:00Z","security":"LOW TLP:CLEAR"}],"newest_processed":"2025-05-01T10:04:00Z","score":0}],"is_search_complete":true,"is_total_approx":false,"total":1}`},
		{"POST", "/features/pivot", `{"feature_values":[{"feature_name":"word","feature_value":"open"}]}`, `{"feature_value_counts":[{"feature_name":"filename","feature_description":"","values_and_counts":[{"feature_value":"a.txt","entity_count":"2"}]},
			{"feature_name":"url","feature_description":"an address","values_and_counts":[{"feature_value":"http://example.com/a","entity_count":"2"}]}],"incomplete_query":false,"reason":""}`},
		{"GET", "/plugins", "", `[{"versions":["1.0"],"newest_version":` + finder + `}]`},
		{"GET", "/plugins/status", "", `[{"versions":["1.0"],"newest_version":` + finderDone + `,"last_completion":"2025-05-01T10:02:00Z","success_count":0,"error_count":1}]`},
		{"GET", "/sources/samples", "", `{"name":"samples","newest":"2025-05-01T10:03:00Z","num_entities":2}`},
		{"GET", "/sources/local", "", `{"name":"local","num_entities":0}`},
		{"GET", "/sources/samples/references?term=", "", `{"items":[{"track_source_references":"` + track0 + `","timestamp":"2025-05-01T10:03:00Z","num_entities":3,"num_entities_min":false,"values":{"user":"bob"}}]}`},
		{"GET", "/statistics", "", `{"binary_count":3}`},
		{"GET", "/binaries/" + sha("2") + "/nearby?include_cousins=no", "", `{"id_focus":"` + sha("2") + `","links":[
			{"id":"` + sha("1") + "." + sha("2") + `.plugin.Finder.extracted","child":"` + sha("2") + `","parent":"` + sha("1") + `","child_node":{"sha256":"` + sha("2") + `","action":"extracted","timestamp":"2025-05-01T10:01:00Z","author":` + finderAuthor + `,
				"relationship":{"action":"extracted"},"track_link":"` + sha("1") + "." + sha("2") + `.link"}},
			{"id":"` + track0 + ".2025-05-01T10:00:00Z." + sha("1") + `","child":"` + sha("1") + `","child_node":{"sha256":"` + sha("1") + `","action":"sourced","timestamp":"2025-05-01T10:00:00Z",
				"author":{"security":"LOW TLP:CLEAR","category":"user","name":"bob"},"relationship":{},"file_format":"text/plain","size":10,"filename":"a.txt"},"source":` + origin + `}]}`},
	} {
		want(t, c.method+" "+c.path, w.data(t, c.method, prefix+c.path, c.body), c.want)
	}
	for _, c := range []struct{ method, path, body, want string }{ // without an envelope
		{"POST", "/api/v1/security/normalise", `{"security":"low//tlp:red"}`, `"LOW TLP:RED"`},
		{"POST", "/api/v1/security/max", `["LOW TLP:CLEAR","HIGH REL:A"]`, `"HIGH REL:A"`},
		{"POST", "/api/v1/security/can-access", `{"reader":"LOW","security":"HIGH REL:A"}`, `false`},
		{"POST", "/api/v1/security/can-access", `{"security":"HIGH REL:A"}`, `true`},
		{"GET", "/api/v0/security/is_admin", "", `true`},
		{"GET", "/api/v0/readonly", "", `false`},
		{"GET", "/api/v0/users/me", "", `{"username":"root","org":"here","roles":["admin"],"api_access":["all"],"decoded":{},"unique_id":"root"}`},
	} {
		code, text, _ := w.ask(t, "admin", c.method, c.path, c.body)
		if code != http.StatusOK {
			t.Errorf("%s %s: %d %s", c.method, c.path, code, text)
			continue
		}
		want(t, c.path, text, c.want)
	}
	if _, text, _ := w.ask(t, "HIGH EYES REL:A;LOW TLP:RED", "GET", "/api/v0/users/me/opensearch", ""); !strings.Contains(text, `"labels_inclusive":["REL:A"],"labels_exclusive":["LOW","HIGH","EYES"],"labels_markings":["TLP:RED"]`) {
		t.Errorf("my access: %s", text)
	}
}

// TestEnvelope: label, headers and what is said of the query.
func TestEnvelope(t *testing.T) {
	w := newWorld(t, openBatch(), hiddenBatch())
	code, text, head := w.ask(t, "HIGH REL:A", "GET", prefix+"/binaries/"+sha("1")+"?i=REL:A", "")
	var e struct{ Meta meta }
	if err := json.Unmarshal([]byte(text), &e); err != nil || code != 200 || e.Meta.Security != "HIGH REL:A" || e.Meta.SecFilter != "AND" || head.Get("X-Azul-Security") != "HIGH REL:A" ||
		head.Get("X-Azul-Security-Defaulted") != "" || head.Get("X-Username") != "reader" {
		t.Errorf("%d %+v %v", code, e.Meta, head)
	}
	_, text, head = w.ask(t, "admin", "GET", prefix+"/binaries?term=word&include_queries=true&bogus=1", "")
	if err := json.Unmarshal([]byte(text), &e); err != nil || len(e.Meta.Queries) != 1 || head.Get("X-Azul-Security-Defaulted") != "true" || head.Get("X-Azul-Security") != "LOW TLP:CLEAR" {
		t.Errorf("%v %s %v", err, text, head)
	}
	// Files that are found have the labels of what is seen of them.
	for _, c := range []struct{ method, path, body string }{{"GET", "/binaries?term=sha256:" + sha("1") + "&i=REL:A", ""}, {"POST", "/binaries?i=REL:A", `{"hashes":["` + sha("1") + `"]}`}} {
		_, text, head = w.ask(t, "HIGH REL:A", c.method, prefix+c.path, c.body)
		e.Meta = meta{}
		if err := json.Unmarshal([]byte(text), &e); err != nil || e.Meta.Security != "HIGH REL:A" || head.Get("X-Azul-Security-Defaulted") != "" {
			t.Errorf("%s %s: %v %s %v", c.method, c.path, err, text, head)
		}
	}
}

// TestErrors have the three shapes that clients know.
func TestErrors(t *testing.T) {
	w := newWorld(t, openBatch())
	for _, c := range []struct {
		method, path, body string
		code               int
		has                string
	}{
		{"GET", "/binaries/" + sha("f"), "", 404, `{"ref":"not found","message":"`},
		{"GET", "/binaries/nohash", "", 422, `{"detail":[{"type":"value_error","loc":["path","sha256"],"msg":"`},
		{"HEAD", "/binaries/nohash", "", 404, ``},
		{"GET", "/binaries/" + sha("1") + "?detail=nothing", "", 422, `"loc":["query","detail"]`},
		{"GET", "/binaries/" + sha("1") + "?bucket_size=1001", "", 422, `"loc":["query","bucket_size"]`},
		{"GET", "/binaries?max_entities=1001", "", 400, `"message":"max_entities is 1001`},
		{"GET", "/binaries?term=(a", "", 400, `"message":"column`},
		{"GET", "/binaries?sort=size", "", 422, `"detail":[`},
		{"POST", "/binaries/all", `{"after":"nonsense"}`, 400, `"message":"`},
		{"POST", "/binaries", `{"hashes":1}`, 422, `"detail":[`},
		{"POST", "/binaries", `{`, 400, `{"detail":"`},
		{"GET", "/nothing", "", 404, `{"detail":"there is no such endpoint"}`},
		{"GET", "/binaries/" + sha("1") + "/events?event_type=mapped", "", 404, `"message":"`},
		{"GET", "/binaries/" + sha("1") + "/events?event_type=odd", "", 422, `"detail":[`},
		{"GET", "/binaries/similar/ssdeep?ssdeep=", "", 422, `"detail":[`},
		{"GET", "/binaries/" + sha("1") + "/content", "", 404, `"message":"`},
		{"GET", "/sources/samples/references?term=nobody", "", 404, `"message":"`},
		{"POST", "/binaries/" + sha("1") + "/tags/Bad_Tag", `{"security":"LOW"}`, 400, `"message":"`},
		{"POST", "/binaries/" + sha("1") + "/tags/tag", `{"security":"NOPE"}`, 422, `"message":"`},
		{"POST", "/binaries/" + sha("f") + "/tags/tag", `{"security":"LOW"}`, 404, `"message":"`},
		{"DELETE", "/purge/link/x", "", 200, `"events":0`},
		{"DELETE", "/purge/link/x?purge=true", "", 404, `"message":"`},
		{"DELETE", "/purge/submission/x", "", 422, `"loc":["query","timestamp"]`},
	} {
		code, text, head := w.ask(t, "admin", c.method, prefix+c.path, c.body)
		if code != c.code || !strings.Contains(text, c.has) || head.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %d %s %s, want %d %s", c.method, c.path, code, head.Get("Content-Type"), text, c.code, c.has)
		}
	}
	if code, text, _ := w.ask(t, "LOW", "DELETE", prefix+"/purge/link/x", ""); code != 403 || !strings.Contains(text, `{"detail":"`) {
		t.Errorf("no administrator: %d %s", code, text)
	}
}

// TestTags: what is written is read back; everybody has tags of their own, and takes off those that they see.
func TestTags(t *testing.T) {
	w := newWorld(t, openBatch(), hiddenBatch())
	on := prefix + "/binaries/" + sha("1") + "/tags"
	tags := func(as string) string {
		_, text, _ := w.ask(t, as, "GET", on, "")
		return text
	}
	if code, text, _ := w.ask(t, "HIGH REL:A", "POST", on+"/mine", `{"security":"HIGH REL:A"}`); code != 200 {
		t.Fatal(code, text)
	}
	if code, _, _ := w.ask(t, "LOW", "POST", on+"/mine", ``); code != 200 || strings.Count(tags("HIGH REL:A"), `"mine"`) != 1 {
		t.Errorf("two of one owner: %d %s", code, tags("HIGH REL:A"))
	}
	w.ask(t, "admin", "POST", on+"/mine", `{"security":"HIGH REL:A"}`)
	if n := strings.Count(tags("HIGH REL:A"), `"mine"`); n != 2 || strings.Count(tags("LOW"), `"mine"`) != 1 {
		t.Errorf("%s\n%s", tags("HIGH REL:A"), tags("LOW"))
	}
	if _, text, _ := w.ask(t, "LOW", "DELETE", on+"/mine", ""); !strings.Contains(text, `{"total":1,"updated":1,"deleted":1}`) || strings.Count(tags("admin"), `"mine"`) != 1 {
		t.Errorf("%s %s", text, tags("admin"))
	}
	for _, c := range []struct{ method, body string }{{"POST", `{"security":"LOW"}`}, {"DELETE", ""}} {
		if code, text, _ := w.ask(t, "admin", c.method, prefix+"/features/tags/new?feature=word&value=open", c.body); code != 200 || strings.TrimSpace(text) != "null" {
			t.Errorf("%s: %d %q", c.method, code, text)
		}
	}
}

// TestPurge: a simulation counts what the event names, and what comes of it through a link as well.
func TestPurge(t *testing.T) {
	w := newWorld(t, openBatch())
	link := sha("1") + "." + sha("2") + ".link"
	for _, c := range []struct{ path, want, action string }{
		{"/purge/submission/" + track0 + "?timestamp=2025-05-01T10:00:00Z&purge=false", `{"events":3}`, ""},
		{"/purge/submission/" + track0 + "?timestamp=2025-05-01T09:00:00Z", `{"events":0}`, ""},
		{"/purge/link/" + link, `{"events":1}`, ""},
		{"/purge/link/" + link + "?purge=true", `{"events_purged":1,"binaries_kept":1,"binaries_purged":0}`, "link"},
		{"/purge/submission/" + track0 + "?timestamp=2025-05-01T10:00:00Z&purge=true", `{"events_purged":3,"binaries_kept":2,"binaries_purged":0}`, "submission"},
	} {
		w.published = nil
		want(t, c.path, w.data(t, "DELETE", prefix+c.path, ""), c.want)
		if c.action == "" && len(w.published) > 0 || c.action != "" && w.published[0].(*event.Delete).Action != c.action {
			t.Errorf("%s: published %+v", c.path, w.published)
		}
	}
}
