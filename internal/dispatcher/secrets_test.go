package dispatcher

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"lazuli/event"
)

func TestSecretsOfRegistrationsAreNotKept(t *testing.T) {
	b := newBench(t)
	registration := &event.Plugin{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: event.At(b.clock.Now()), Author: event.Author{Name: "P", Version: "1"}},
		Entity: event.PluginEntity{Name: "P", Version: "1", Config: map[string]string{
			"git_sync_password": `"hunter2"`, "events_url": `"http://bob:hunter2@dispatcher:8111/azul"`, "API_TOKEN": `"hunter2"`,
			"nested": `{"urls":["https://u:hunter2@host/"],"secret_key":"hunter2"}`, "broken": `http://u:hunter2@host/%zz`,
			"filter_max_content_size": `"209715200"`, "mail": `"someone@example.org"`,
		}}}
	if code, body := b.call("POST", "/api/v2/event?model=plugin", []any{registration}); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	records := b.records("azul.lazuli.system.plugin")
	if len(records) != 1 || strings.Contains(string(records[0].Value), "hunter2") {
		t.Fatalf("kept: %s", records[0].Value)
	}
	for _, kept := range []string{`http://dispatcher:8111/azul`, `209715200`, `someone@example.org`, `https://host/`} {
		if !strings.Contains(string(records[0].Value), kept) {
			t.Errorf("%s is gone: %s", kept, records[0].Value)
		}
	}
}

func TestDeleteStream(t *testing.T) {
	b := newBench(t)
	upload := func() string {
		t.Helper()
		code, body := b.call("POST", "/api/v3/stream/src/content", "some bytes")
		if code != 200 {
			t.Fatalf("%d %s", code, body)
		}
		_, rest, _ := strings.Cut(string(body), `"sha256":"`)
		return "/api/v3/stream/src/content/" + rest[:64]
	}
	path := upload()
	if code, body := b.call("DELETE", path, nil); code != 404 || !strings.Contains(string(body), "allow_delete") {
		t.Errorf("where it is not allowed: %d %s", code, body)
	}
	b.opts.AllowDelete = true
	b.restart()
	past, future := time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix()
	for _, c := range []struct {
		query string
		code  int
		body  string
	}{
		{"?ifOlderThan=x", 400, "ifOlderThan"},
		{"?ifOlderThan=" + strconv.FormatInt(past, 10), 200, `{"deleted":false}`},
		{"?ifOlderThan=" + strconv.FormatInt(future, 10), 200, `{"deleted":true}`},
		{"", 404, "not found"},
	} {
		if code, body := b.call("DELETE", path+c.query, nil); code != c.code || !strings.Contains(string(body), c.body) {
			t.Errorf("%q: %d %s, want %d with %s", c.query, code, body, c.code, c.body)
		}
	}
	upload()
	if code, body := b.call("DELETE", path, nil); code != http.StatusOK || string(body) != `{"deleted":true}` {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := b.call("DELETE", "/api/v3/stream/src/content/..%2f..", nil); code != 404 {
		t.Errorf("a name that no object can have: %d", code)
	}
}

func TestHideSecret(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"vt_key", `"hunter2"`, `""`},
		{"s3-key", `"hunter2"`, `""`},
		{"encryptionKey", `"hunter2"`, `""`},
		{"KEY", `"hunter2"`, `""`},
		{"api_keys", `["hunter2"]`, `""`},
		{"pwd", `"hunter2"`, `""`},
		{"passphrase", `"hunter2"`, `""`},
		{"inner", `{"signingKey":"hunter2","keywords":["a"]}`, `{"keywords":["a"],"signingKey":""}`},
		{"keywords", `["a"]`, `["a"]`},
		{"monkey", `"a"`, `"a"`},
		{"passive", `true`, `true`},
		{"command", `"./run http://u:hunter2@host/"`, `"./run http://host/"`},
		{"brokers", `"amqp://u:hunter2@a,amqp://u:hunter2@b"`, `"amqp://a,amqp://b"`},
		{"at", `"http://u:hunter@2@host/a@b"`, `"http://host/a@b"`},
		{"slash", `"http://u:hun/ter2@host:80/"`, `"http://host:80/"`},
		{"port", `"http://host:8080/a@b"`, `"http://host:8080/a@b"`},
		{"number", `12345678901234567890`, `12345678901234567890`},
		{"text", `not JSON ftp://u:hunter2@host`, `not JSON ftp://host`},
		{"two", `"a" "http://u:hunter2@host"`, `"a" "http://host"`},
	} {
		if got := hideSecret(c.key, c.value); got != c.want {
			t.Errorf("%s=%s: %s, want %s", c.key, c.value, got, c.want)
		}
	}
}
