package azul

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lazuli/internal/index"
)

// The suite asks every endpoint twice as somebody who may read LOW: in a world where there is more, with labels that they may not read, and
// in one where there is not. If any answer differs in one byte, something tells that a hidden document exists.

// openBatch is what everybody may read: a file, a file inside it, what a plugin found in both, statuses, tags.
func openBatch() index.Batch {
	outer := submission("open", sha("1"), 0, "LOW TLP:CLEAR")
	outer.SSDeep, outer.TLSH = "3:abcdefghijklmnop:abcdefgh", "T1"+strings.Repeat("A1", 35)
	inner := result("open-inner", outer, 1, "extracted", sha("2"), index.Feature{Name: "filename", Type: "filepath", Value: "inner.txt"})
	found := result("open-found", outer, 2, "enriched", sha("1"), index.Feature{Name: "url", Type: "uri", Value: "http://example.com/a", Offset: offset(1)},
		index.Feature{Name: "word", Type: "string", Value: "open"})
	other := submission("open-other", sha("3"), 3, "LOW TLP:CLEAR")
	otherFound := result("open-other-found", other, 4, "enriched", sha("3"), index.Feature{Name: "url", Type: "uri", Value: "http://example.com/a"},
		index.Feature{Name: "word", Type: "string", Value: "open"})
	return index.Batch{
		Documents: []index.Document{outer, inner, found, other, otherFound},
		Statuses:  []index.StatusDocument{status(outer, "completed", 2), status(other, "error-exception", 4)},
		Plugins:   []index.PluginDocument{finder()},
		Tags: []index.Tag{{ID: "t1", Name: "seen", SHA256: sha("1"), Owner: "bob", Security: "LOW TLP:CLEAR", Time: at(5)},
			{ID: "t2", Name: "bad", Feature: "word", Value: "open", Owner: "bob", Security: "LOW TLP:CLEAR", Time: at(5)}},
	}
}

// hiddenBatch is what LOW may not read, woven into the other as closely as can be: of the same files, with the same values, newer, under
// files that are seen and above them, from the same source and from another.
func hiddenBatch() index.Batch {
	const high = "HIGH REL:A"
	again := submission("hidden-again", sha("1"), 20, high)
	again.SourceReferences = map[string]string{"user": "eve", "case": "secret"}
	again.TrackSourceReferences = "samples." + strings.Repeat("9", 32)
	again.SSDeep, again.TLSH = "3:abcdefghijklmnoq:abcdefgh", "T1"+strings.Repeat("A2", 35)
	alone := submission("hidden", sha("a"), 21, high)
	alone.SSDeep, alone.TLSH = "3:abcdefghijklmnop:abcdefgi", "T1"+strings.Repeat("A1", 34)+"A2"
	found := result("hidden-found", alone, 22, "enriched", sha("a"), index.Feature{Name: "url", Type: "uri", Value: "http://example.com/a"},
		index.Feature{Name: "word", Type: "string", Value: "open"}, index.Feature{Name: "password", Type: "string", Value: "hidden"})
	child := result("hidden-child", again, 23, "extracted", sha("b"), index.Feature{Name: "filename", Type: "filepath", Value: "hidden.txt"})
	parent := result("hidden-parent", alone, 24, "extracted", sha("1"), index.Feature{Name: "filename", Type: "filepath", Value: "hidden.txt"})
	more := result("hidden-more", again, 25, "enriched", sha("1"), index.Feature{Name: "word", Type: "string", Value: "open", Label: "hidden"},
		index.Feature{Name: "password", Type: "string", Value: "hidden"})
	elsewhere := submission("hidden-elsewhere", sha("c"), 26, high)
	elsewhere.SourceName = "vault"
	red := submission("hidden-red", sha("d"), 27, "LOW TLP:RED")
	garbled := submission("hidden-garbled", sha("e"), 28, "NO LABEL")
	secret := finder()
	secret.Name, secret.Security = "Secret", high
	secretStatus := status(alone, "completed", 29)
	secretStatus.ID, secretStatus.Author.Name, secretStatus.Author.Security = "secret-status", "Secret", high
	secretStatus.SHA256, secretStatus.Label = sha("1"), high
	newer := finder()
	newer.Version, newer.Security, newer.Timestamp = "2.0", high, at(30)
	newer.Features = append(newer.Features, index.PluginFeature{Name: "password", Type: "string", Description: "hidden"})
	return index.Batch{
		Documents: []index.Document{again, alone, found, child, parent, more, elsewhere, red, garbled},
		Statuses:  []index.StatusDocument{status(again, "error-timeout", 25), status(alone, "completed", 25), secretStatus},
		Plugins:   []index.PluginDocument{secret, newer},
		Tags: []index.Tag{{ID: "h1", Name: "hidden", SHA256: sha("1"), Owner: "eve", Security: high, Time: at(25)},
			{ID: "h2", Name: "seen", SHA256: sha("a"), Owner: "bob", Security: "LOW TLP:CLEAR", Time: at(25)},
			{ID: "h3", Name: "bad", Feature: "password", Value: "hidden", Owner: "eve", Security: high, Time: at(25)},
			{ID: "h4", Name: "seen", SHA256: sha("1"), Owner: "eve", Security: high, Time: at(25)}},
	}
}

// question is a request that the suite makes. op is the operation that it is for.
type question struct{ op, path, body string }

// questions are all that can be asked of the index, about what is seen and what is not.
func questions() []question {
	all := []question{
		{"features", "/features", ""}, {"features", "/features?author=Secret", ""},
		{"count-values", "/features/values/counts", `{"items":["word","url","password","nothing"]}`},
		{"count-files", "/features/entities/counts", `{"items":["word","url","password"]}`}, {"count-files", "/features/entities/counts?author=Finder", `{"items":["word"]}`},
		{"count-files-of-values", "/features/values/entities/counts", `{"items":[{"name":"word","value":"open"},{"name":"password","value":"hidden"}]}`},
		{"count-files-of-parts", "/features/values/parts/entities/counts", `{"items":[{"value":"example.com","part":"hostname"},{"value":"hidden.txt","part":"filepath"}]}`},
		{"feature-values", "/features/feature/word", `{"after":""}`}, {"feature-values", "/features/feature/password", `{"after":""}`},
		{"feature-values", "/features/feature/word?case_insensitive=true&term=HID", `{}`},
		{"pivot", "/features/pivot", `{"feature_values":[{"feature_name":"word","feature_value":"open"}]}`},
		{"pivot", "/features/pivot", `{"feature_values":[{"feature_name":"password","feature_value":"hidden"}]}`},
		{"all-tags", "/binaries/tags", ""}, {"all-value-tags", "/features/all/tags", ""}, {"value-tags", "/features/tags/bad", ""}, {"value-tags", "/features/tags/hidden", ""},
		{"plugins", "/plugins", ""}, {"plugin-statuses", "/plugins/status", ""}, {"download-plugins", "/plugins/download", ""},
		{"plugin", "/plugins/Finder/versions/1.0", ""}, {"plugin", "/plugins/Finder/versions/2.0", ""}, {"plugin", "/plugins/Secret/versions/1.0", ""},
		{"sources", "/sources", ""}, {"source", "/sources/samples", ""}, {"source", "/sources/vault", ""}, {"check-source", "/sources/vault", ""},
		{"references", "/sources/samples/references", ""}, {"references", "/sources/samples/references?term=eve", ""}, {"references", "/sources/vault/references", ""},
		{"grouped-references", "/sources/samples/references/grouped", ""},
		{"submissions", "/sources/samples/submissions?track_source_references=samples." + strings.Repeat("0", 32), ""},
		{"submissions", "/sources/samples/submissions?track_source_references=samples." + strings.Repeat("9", 32), ""},
		{"statistics", "/statistics", ""},
		{"similar-ssdeep", "/binaries/similar/ssdeep?ssdeep=3:abcdefghijklmnop:abcdefgh", ""},
		{"similar-tlsh", "/binaries/similar/tlsh?tlsh=T1" + strings.Repeat("A1", 35), ""},
		{"find-term", "/binaries?count_entities=true", ""}, {"find-term", "/binaries?sort=source.timestamp&sort_asc=true", ""},
		{"model", "/binaries/model", ""}, {"autocomplete", "/binaries/autocomplete?term=word&offset=3", ""},
		{"security", "/security", ""}, {"is-admin", "/security/is_admin", ""}, {"me", "/users/me", ""}, {"my-access", "/users/me/opensearch", ""}, {"readonly", "/readonly", ""},
		{"bulk", "/binaries/content/bulk", `{"binaries":["` + sha("a") + `"]}`}, {"own-bulk", "/v1/content/bulk", `{"binaries":["` + sha("a") + `"]}`},
	}
	for _, term := range []string{"", "word", "hidden", "size:>0", `features.value:"open"`, `features_map.password:"hidden"`, `!features.name:"password"`, "source.name:vault",
		`source.encoded_references.key_value:"user.eve"`, "binary.tag:hidden", "binary.tag:seen", "feature.tag:bad", "parent.sha256:" + sha("a"), "filename:hid*", "author.name:Secret",
		"timestamp:>2025-05-01T10:15", "depth:1", "sha256:" + sha("a")[:16], "track_link:" + sha("a") + "." + sha("1") + ".link"} {
		all = append(all, question{"find", "/binaries?count_entities=true&term=" + escape(term), `{"hashes":[]}`}, question{"find-all", "/binaries/all?term=" + escape(term), `{"after":null}`})
	}
	all = append(all, question{"find", "/binaries", fmt.Sprintf(`{"hashes":[%q,%q,%q]}`, sha("1"), sha("a"), sha("a")[:32])})
	for _, file := range []string{sha("1"), sha("2"), sha("a"), sha("b"), sha("f")} {
		for _, q := range []question{{"check", "", ""}, {"metadata", "", ""}, {"new", "/new?timestamp=2025-05-01T10:03:00Z", ""}, {"statuses", "/statuses", ""}, {"events", "/events", ""},
			{"similar-features", "/similar/features", ""}, {"nearby", "/nearby", ""}, {"nearby", "/nearby?include_cousins=yes_large", ""}, {"tags", "/tags", ""},
			{"similar-entropy", "/similar/entropy", "[1,2,3]"}, {"check-content", "/content", ""}, {"content", "/content", ""}, {"stream", "/content/" + sha("1"), ""}, {"stream", "/content/" + sha("a"), ""},
			{"expedite", "/expedite", "{}"}, {"hexview", "/hexview", ""}, {"strings", "/strings", ""}, {"search-hex", "/search/hex?filter=00", ""}} {
			all = append(all, question{q.op, "/binaries/" + file + q.path, q.body})
		}
		all = append(all, question{"all-parents", "/binaries/all/parents?family_sha256=" + file, "{}"}, question{"all-children", "/binaries/all/children?family_sha256=" + file, "{}"},
			question{"download-statuses", "/binaries/source/download/" + file, ""}, question{"common-strings", "/binaries/" + sha("1") + "/" + file + "/strings", ""})
	}
	return all
}

func escape(text string) string {
	return strings.NewReplacer(" ", "+", `"`, "%22", ":", "%3A", ">", "%3E", "*", "%2A").Replace(text)
}

// unasked are the operations that do not read the index, or write: what they tell is tried elsewhere.
var unasked = []string{"normalise", "max", "can-access", "upload", "upload-dataless", "upload-child", "upload-child-dataless", "request-download", "tag", "untag", "tag-value", "untag-value",
	"purge-submission", "purge-link"}

func TestNothingTellsWhatIsHidden(t *testing.T) {
	open, woven := newWorld(t, openBatch()), newWorld(t, openBatch(), hiddenBatch())
	methods := map[string]string{}
	for path, item := range woven.spec.Paths {
		for method, op := range map[string]any{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodHead: item.Head, http.MethodDelete: item.Delete} {
			_ = path
			if id := operationID(op); id != "" {
				methods[strings.TrimPrefix(id, "azul-")] = method
			}
		}
	}
	asked := map[string]bool{}
	differs := map[string]bool{}
	for _, narrow := range []string{"", "x=HIGH", "i=REL:B"} {
		for _, q := range questions() {
			asked[q.op] = true
			path := prefix + q.path
			if strings.HasPrefix(q.path, "/v1/") {
				path = "/api" + q.path
			}
			if narrow != "" {
				path += map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + narrow
			}
			code, text, head := open.ask(t, "LOW TLP:CLEAR", methods[q.op], path, q.body)
			wovenCode, wovenText, wovenHead := woven.ask(t, "LOW TLP:CLEAR", methods[q.op], path, q.body)
			if code != wovenCode || text != wovenText || head.Get("X-Azul-Security") != wovenHead.Get("X-Azul-Security") {
				t.Errorf("%s %s %s tells it:\nwithout %d %.1500s\nwith    %d %.1500s", methods[q.op], path, q.body, code, text, wovenCode, wovenText)
			}
			if code >= 500 {
				t.Errorf("%s %s: %d %s", methods[q.op], path, code, text)
			}
			if narrow == "" {
				if c, seen, _ := woven.ask(t, "HIGH EYES REL:A,B;LOW TLP:RED", methods[q.op], path, q.body); c != code || seen != text {
					differs[q.op] = true
				}
			}
		}
	}
	for id := range methods {
		if !asked[id] && !slices.Contains(unasked, id) {
			t.Errorf("%s is not asked", id)
		}
	}
	// The suite would be worth nothing if the hidden did not show to those who may see it.
	for _, id := range []string{"metadata", "check", "find", "find-all", "find-term", "statuses", "events", "nearby", "tags", "all-tags", "features", "feature-values", "count-values", "count-files",
		"plugins", "plugin-statuses", "plugin", "source", "references", "statistics", "pivot", "all-parents", "all-children", "similar-ssdeep", "similar-features", "new"} {
		if !differs[id] {
			t.Errorf("%s shows nothing more to who may see it: the suite does not try it", id)
		}
	}
}

// TestNarrowed: who sees everything and leaves out HIGH sees what is left, and with groups only what names all of them.
func TestNarrowed(t *testing.T) {
	w := newWorld(t, openBatch(), hiddenBatch())
	for _, c := range []struct{ narrow, want string }{
		{"", `{"binary_count":8}`},
		{"x=HIGH&x=TLP:RED", `{"binary_count":3}`},
		{"i=rel:a", `{"binary_count":4}`},
		{"i=REL:A&i=REL:B", `{"binary_count":0}`},
	} {
		want(t, c.narrow, w.data(t, http.MethodGet, prefix+"/statistics?"+c.narrow, ""), c.want)
	}
	for _, bad := range []string{"x=NOPE", "i=HIGH"} {
		if code, text, _ := w.ask(t, "admin", http.MethodGet, prefix+"/statistics?"+bad, ""); code != http.StatusUnprocessableEntity || !strings.Contains(text, `"detail":[`) {
			t.Errorf("%s: %d %s", bad, code, text)
		}
	}
	if code, text, _ := w.ask(t, "", http.MethodGet, prefix+"/statistics", ""); code != http.StatusUnauthorized || !strings.Contains(text, "who are you?") {
		t.Errorf("nobody: %d %s", code, text)
	}
}
