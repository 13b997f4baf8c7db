package api

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"lazuli/internal/index"
)

// open and shut are two files, of which the second has a label that OFFICIAL may not read.
func applyTwo(t *testing.T, p *platform) (open, shut string) {
	t.Helper()
	open, shut = strings.Repeat("1", 64), strings.Repeat("2", 64)
	var batch index.Batch
	for sha, label := range map[string]string{open: "OFFICIAL TLP:CLEAR", shut: "OFFICIAL TLP:AMBER+STRICT"} {
		batch.Documents = append(batch.Documents, index.Document{ID: "d" + sha[:4], SHA256: sha, Position: "t/0/" + sha[:1], Action: "sourced", Label: label, SourceName: "source-" + sha[:1],
			SourceSecurity: label, SourceTimestamp: time.Unix(1000, 0), Timestamp: time.Unix(1000, 0), Size: 5, FileFormat: "text/plain", Author: index.Author{Category: "user", Name: "=bob"},
			Path:     []index.PathNode{{SHA256: sha, Action: "sourced", Filename: "=cmd.txt"}},
			Features: []index.Feature{{Name: "filename", Type: "filepath", Value: "=cmd.txt"}}})
	}
	if err := p.idx.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	return open, shut
}

// as makes a request as somebody who may read up to a label; "" sees everything.
func as(t *testing.T, label, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if label != "" {
		req.Header.Set("Authorization", "Bearer "+label)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// TestReaders: what a reader may not see is not there for them, in every endpoint of our own.
func TestReaders(t *testing.T) {
	p, server := newAPI(t)
	open, shut := applyTwo(t, p)
	for _, path := range []string{"/search?total=true&facet=file_format&facet=filename", "/search/export", "/search/export?format=csv", "/search/complete?q=filename:%22%3Dcmd", "/status", "/sources",
		"/binaries/" + shut, "/binaries/" + shut + "/tree", "/binaries/" + shut + "/why", "/binaries/" + shut + "/content", "/binaries/" + shut + "/tags", "/binaries/" + shut + "/similar", "/plugins"} {
		code, all := as(t, "", "GET", server.URL+"/api/v1"+path, "")
		lowCode, low := as(t, "OFFICIAL TLP:CLEAR", "GET", server.URL+"/api/v1"+path, "")
		if strings.Contains(low, shut) {
			t.Errorf("%s shows it: %s", path, low)
		}
		switch {
		case strings.Contains(path, shut):
			unknownCode, unknown := as(t, "OFFICIAL TLP:CLEAR", "GET", server.URL+"/api/v1"+strings.Replace(path, shut, strings.Repeat("3", 64), 1), "")
			if lowCode != 404 || unknownCode != lowCode || unknown != low {
				t.Errorf("%s: %d %s, of what there is not %d %s", path, lowCode, low, unknownCode, unknown)
			}
		case code != 200 || lowCode != 200:
			t.Errorf("%s: %d %s, %d %s", path, code, all, lowCode, low)
		case path != "/plugins" && all == low:
			t.Errorf("%s: the same for both: %s", path, all)
		}
	}
	var recent []index.StatusDocument
	for sha, label := range map[string]string{open: "OFFICIAL TLP:CLEAR", shut: "OFFICIAL TLP:AMBER+STRICT"} {
		recent = append(recent, index.StatusDocument{ID: "s" + sha[:4], SHA256: sha, Author: index.Author{Name: "P", Version: "1"}, State: "completed", Label: label, Timestamp: time.Now()},
			index.StatusDocument{ID: "o" + sha[:4], SHA256: sha, Author: index.Author{Name: "P", Version: "1"}, State: "opt-out", Label: label, Timestamp: time.Now().Add(-8 * 24 * time.Hour)})
	}
	if err := p.idx.Apply(t.Context(), index.Batch{Statuses: recent, Plugins: []index.PluginDocument{{Name: "P", Version: "1", Security: "OFFICIAL TLP:CLEAR", Config: map[string]string{"a": "1"}}}}); err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]string{"": `"states":{"completed":2,"opt-out":2},"recent":{"completed":2}`, "OFFICIAL TLP:CLEAR": `"states":{"completed":1,"opt-out":1},"recent":{"completed":1}`} {
		if _, text := as(t, label, "GET", server.URL+"/api/v1/plugins", ""); !strings.Contains(text, want) || !strings.Contains(text, `"config":{"a":"1"}`) {
			t.Errorf("plugins for %q: %s", label, text)
		}
	}
	if _, low := as(t, "OFFICIAL TLP:CLEAR", "GET", server.URL+"/api/v1/search?total=true&facet=file_format", ""); !strings.Contains(low, `"total":1`) || !strings.Contains(low, open) ||
		!strings.Contains(low, `{"value":"text/plain","count":1}`) {
		t.Errorf("search: %s", low)
	}
	for _, path := range []string{"GET /dead", "GET /dead/x", "POST /dead/retry"} {
		method, path, _ := strings.Cut(path, " ")
		body := map[string]string{"POST": `{"ids":["x"]}`}[method]
		if code, text := as(t, "OFFICIAL TLP:CLEAR", method, server.URL+"/api/v1"+path, body); code != 403 {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	if code, text := as(t, "OFFICIAL TLP:CLEAR", "POST", server.URL+"/api/v1/binaries?security=OFFICIAL+TLP:AMBER%2BSTRICT", "x"); code != 400 || !strings.Contains(text, "may not") {
		t.Errorf("submit: %d %s", code, text)
	}
	if code, text := as(t, "NOPE", "GET", server.URL+"/api/v1/status", ""); code != 401 {
		t.Errorf("nobody: %d %s", code, text)
	}
}

func TestExport(t *testing.T) {
	p, server := newAPI(t)
	open, _ := applyTwo(t, p)
	_, text := as(t, "", "GET", server.URL+"/api/v1/search/export?q=sha256:"+open[:8], "")
	var hit index.Hit
	if err := json.Unmarshal([]byte(text), &hit); err != nil || hit.SHA256 != open || strings.Count(text, "\n") != 1 {
		t.Errorf("%v: %s", err, text)
	}
	_, text = as(t, "", "GET", server.URL+"/api/v1/search/export?format=csv&q=sha256:"+open[:8], "")
	want := "sha256,md5,sha1,size,file_format,mime,filenames,sources,last_seen,features,children,tags\n" + open + ",,,5,text/plain,,'=cmd.txt,source-1,1970-01-01T00:16:40Z,1,0,\n"
	if text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	for _, bad := range []string{"format=xml", "q=(a"} {
		if code, text := as(t, "", "GET", server.URL+"/api/v1/search/export?"+bad, ""); code != 400 {
			t.Errorf("%s: %d %s", bad, code, text)
		}
	}
}

// TestSavedSearches: they belong to who saves them, and a watch tells of files that change and match, as far as they may be seen.
func TestSavedSearches(t *testing.T) {
	p, server := newAPI(t)
	const low = "OFFICIAL TLP:CLEAR"
	url := server.URL + "/api/v1/searches"
	if code, text := as(t, low, "PUT", url+"/mine", `{"query":"(a"}`); code != 400 {
		t.Errorf("no query: %d %s", code, text)
	}
	if code, text := as(t, low, "PUT", url+"/mine", `{"query":"file_format:\"text/plain\""}`); code != 200 {
		t.Fatal(code, text)
	}
	if code, text := as(t, low, "PUT", url+"/first", `{"query":"","order":"source.timestamp","ascending":true}`); code != 200 {
		t.Fatal(code, text)
	}
	if _, text := as(t, low, "GET", url, ""); !strings.Contains(text, `"name":"first","query":"","order":"source.timestamp","ascending":true`) {
		t.Errorf("the order is not kept: %s", text)
	}
	if code, text := as(t, low, "PUT", url+"/first", `{"query":"","order":"colour"}`); code != 422 {
		t.Errorf("an order that is none: %d %s", code, text)
	}
	if _, text := as(t, low, "GET", url, ""); !strings.Contains(text, `"name":"mine"`) {
		t.Errorf("mine: %s", text)
	}
	if _, text := as(t, "", "GET", url, ""); strings.Contains(text, "mine") {
		t.Errorf("somebody else's: %s", text)
	}
	open, shut := applyTwo(t, p)
	req, err := http.NewRequestWithContext(t.Context(), "GET", url+"/mine/matches", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+low)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for _, sha := range []string{shut, strings.Repeat("9", 64), open} { // in this order, so that what comes first is open
		p.changes <- sha
	}
	line := make([]byte, len("event: match\ndata: {\"sha256\":\"1"))
	if _, err := io.ReadFull(res.Body, line); err != nil || !strings.HasPrefix(string(line), `event: match`+"\n"+`data: {"sha256":"1`) {
		t.Errorf("%v: %s", err, line)
	}
	if code, _ := as(t, low, "DELETE", url+"/mine", ""); code != 204 {
		t.Errorf("forget: %d", code)
	}
	if code, _ := as(t, low, "DELETE", url+"/mine", ""); code != 404 {
		t.Errorf("forget again: %d", code)
	}
}

// TestReference: the page has every endpoint, both interfaces, and nothing of another host.
func TestReference(t *testing.T) {
	_, server := newAPI(t)
	code, page := as(t, "", "GET", server.URL+"/api", "")
	_, document := as(t, "", "GET", server.URL+"/api/openapi.json", "")
	var spec struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		}
	}
	if err := json.Unmarshal([]byte(document), &spec); err != nil || len(spec.Paths) < 60 {
		t.Fatalf("%v: %d paths", err, len(spec.Paths))
	}
	for path, methods := range spec.Paths {
		for _, op := range methods {
			if !strings.Contains(page, `id="`+op.OperationID+`"`) {
				t.Errorf("%s %s is not on the page", path, op.OperationID)
			}
		}
	}
	if code != 200 || strings.Contains(page, `="http`) || strings.Contains(page, `src=`) || strings.Contains(page, "url(") || strings.Contains(page, "<script") {
		t.Errorf("%d: something of another host, or a script", code)
	}
}
