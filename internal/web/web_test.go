package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"lazuli/event"
	"lazuli/internal/api"
	"lazuli/internal/api/access"
	"lazuli/internal/api/notes"
	"lazuli/internal/blob"
	"lazuli/internal/config"
	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/eventlogtest"
	"lazuli/internal/index"
	"lazuli/internal/security"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// platform stands in for everything behind the pages but the index, which is real.
type platform struct {
	idx       *index.SQLite
	store     *blob.FS
	log       *eventlogtest.Memory
	mu        sync.Mutex
	subs      []chan string
	listens   chan struct{} // when somebody subscribed
	submitted event.Source  // of what was published last
}

func (p *platform) Store(_ context.Context, _, _ string, r io.Reader) (event.Datastream, error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return event.Datastream{}, err
	}
	if strings.HasPrefix(string(body), "refuse") {
		return event.Datastream{}, errRefused
	}
	return event.Datastream{Label: "content", Size: uint64(len(body)), SHA256: sha("c"), FileFormat: "text/plain"}, nil
}

var errRefused = errors.New("refused")

func (p *platform) Invalid(err error) bool { return errors.Is(err, errRefused) }

func (p *platform) Publish(_ context.Context, events ...event.Event) error {
	b := events[0].(*event.Binary)
	p.mu.Lock()
	p.submitted = b.Source
	p.mu.Unlock()
	p.apply(index.Batch{Documents: []index.Document{document(b.Entity.SHA256, b.Source.Path[0].Filename)}}, b.Entity.SHA256)
	return nil
}

// apply changes the index and tells who follows it.
func (p *platform) apply(b index.Batch, changed string) {
	if err := p.idx.Apply(context.Background(), b); err != nil {
		panic(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.subs {
		select {
		case s <- changed:
		default:
		}
	}
}

func (p *platform) Explain(_ context.Context, positions []string) ([]api.Explanation, []api.Silent, error) {
	var list []api.Explanation
	for _, at := range positions {
		list = append(list, api.Explanation{Plugin: "Office", Version: "1", Consumer: "c", Position: at, State: "skipped", Detail: "it has " + nasty})
	}
	return list, nil, nil
}

func (p *platform) Retry(_ context.Context, id string) error {
	if id == "letter" {
		return nil
	}
	return api.ErrNoLetter
}

func (p *platform) Event(context.Context, string) ([]byte, error) { return nil, api.ErrEventGone }

// Reached does ingest's work for tags: the last record goes into the index.
func (p *platform) Reached(ctx context.Context, ends map[eventlog.Partition]int64) error {
	for part, end := range ends {
		page, err := p.log.Read(ctx, part, end-1, eventlog.Limit{Records: 1, Bytes: 1 << 20})
		if err != nil {
			return err
		}
		for i := range page.Records {
			tag := index.Tag{}
			if page.Records[i].Value != nil {
				if err := json.Unmarshal(page.Records[i].Value, &tag); err != nil {
					return err
				}
			}
			tag.ID = string(page.Records[i].Key)
			p.apply(index.Batch{Tags: []index.Tag{tag}}, tag.SHA256)
		}
	}
	return nil
}

func (p *platform) Pending(context.Context, []string) ([]api.PendingJob, []api.Silent, error) {
	return nil, nil, nil
}
func (p *platform) Topics(context.Context) ([]eventlog.TopicState, error) { return nil, nil }

func (p *platform) Subscribe(context.Context) <-chan string {
	p.mu.Lock()
	defer p.mu.Unlock()
	ch := make(chan string, 16)
	p.subs = append(p.subs, ch)
	select {
	case p.listens <- struct{}{}:
	default: // somebody listened before
	}
	return ch
}

func sha(letter string) string { return strings.Repeat(letter, 64) }

// nasty is text as files have it.
const nasty = "<script>alert('x')</script>\u202egnp.exe\x1b[31m\"'&"

func document(hash, name string, features ...index.Feature) index.Document {
	now := time.Now()
	return index.Document{ID: hash + name, SHA256: hash, Position: "t/0/0", Action: "sourced", Author: index.Author{Name: "user"}, Timestamp: now, SourceName: "local", SourceTimestamp: now,
		SourceReferences: map[string]string{"ticket": nasty}, Path: []index.PathNode{{SHA256: hash, Filename: name}}, Size: 4096, FileFormat: "text/plain", Magic: "ASCII text",
		MIME: "text/plain", MD5: strings.Repeat("d", 32), Features: features, Streams: []index.Stream{{Label: "content", SHA256: hash, Size: 4096}}}
}

func newSite(t *testing.T) (*platform, *httptest.Server) {
	t.Helper()
	return newSiteWith(t, func(*config.Config) {})
}

func newSiteWith(t *testing.T, set func(*config.Config)) (*platform, *httptest.Server) {
	t.Helper()
	return newSiteAs(t, set, func(of access.Of) access.Of { return of })
}

// newSiteAs is a site whose readers are those of who, which is given anybody.
func newSiteAs(t *testing.T, set func(*config.Config), who func(access.Of) access.Of) (*platform, *httptest.Server) {
	t.Helper()
	idx, err := index.OpenSQLite(filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := blob.OpenFS(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	p := &platform{idx: idx, store: store, log: eventlogtest.NewMemory(), listens: make(chan struct{}, 1)}
	cfg := config.Defaults()
	cfg.Limits.MaxUploadBytes = 1 << 20
	set(cfg)
	labels, err := security.New(cfg.Security)
	if err != nil {
		t.Fatal(err)
	}
	said := notes.New(p.log, p, cfg.TopicPrefix)
	if err := said.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := api.New(api.Deps{Index: idx, Notes: said, Dispatcher: p, Settler: p, Topics: p, Store: store, Metrics: prometheus.NewRegistry(), Config: cfg, Scheme: labels,
		Access: who(access.Anybody(labels)), Logger: slog.New(slog.DiscardHandler)}, api.Options{Version: "test"})
	mux := http.NewServeMux()
	mux.Handle("/api/", a.Handler())
	mux.Handle("/", New(a).Handler())
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		server.CloseClientConnections()
		server.Close()
		if err := errors.Join(store.Close(), idx.Close()); err != nil {
			t.Error(err)
		}
	})
	var blocks []float64
	for i := range 400 {
		blocks = append(blocks, float64(i%80)/10)
	}
	info, err := json.Marshal(map[string]any{"entropy": map[string]any{"overall": 5.5, "block_size": 256, "blocks": blocks}})
	if err != nil {
		t.Fatal(err)
	}
	entropy := document(sha("a"), "")
	entropy.ID, entropy.Author.Name, entropy.Action, entropy.Info = "entropy", "Entropy", "enriched", info
	child := document(sha("b"), "inner.txt")
	child.ID, child.Action, child.Author.Name = "child", "extracted", "Unbox"
	child.Path = []index.PathNode{{SHA256: sha("a"), Filename: "archive.zip"}, {SHA256: sha("b"), Filename: "inner.txt", Relationship: map[string]string{"action": "extracted"}}}
	p.apply(index.Batch{
		Documents: []index.Document{document(sha("a"), "archive.zip", index.Feature{Name: "box_type", Type: "string", Value: "zip"},
			index.Feature{Name: "nasty", Type: "string", Value: nasty, Label: nasty}, index.Feature{Name: "long", Type: "string", Value: strings.Repeat("long", 1000)}), entropy, child},
		Statuses: []index.StatusDocument{{ID: "s", SHA256: sha("a"), Author: index.Author{Name: "Unbox", Version: "1"}, State: "completed-with-errors", Message: nasty, Timestamp: time.Now()},
			{ID: "t", SHA256: sha("a"), Author: index.Author{Name: "Entropy", Version: "1"}, State: "completed", Timestamp: time.Now()}},
		Plugins: []index.PluginDocument{{Name: "Unbox", Version: "1", Description: nasty, Config: map[string]string{"depth": `"` + nasty + `"`}, Timestamp: time.Now()}},
		Dead:    []index.DeadLetter{{ID: "d", Plugin: "Unbox", SHA256: sha("a"), Attempts: 3, Reason: nasty, Time: time.Now()}},
	}, sha("a"))
	return p, server
}

func get(t *testing.T, url string) (int, string, http.Header) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body), res.Header
}

func TestPages(t *testing.T) {
	_, server := newSite(t)
	for path, want := range map[string]struct {
		code int
		text string
	}{
		"/":                                 {200, "archive.zip"},
		"/search":                           {200, "inner.txt"},
		"/search?q=features.value:zip":      {200, "archive.zip"},
		"/search?q=nothing-like-it":         {200, "Nothing matches"},
		"/search?q=bogus:1":                 {400, "there is no field"},
		"/search?q=%22%3Cscript%3E":         {400, "not closed"},
		"/search?cursor=x":                  {400, "search again"},
		"/file/" + sha("a"):                 {200, `class="strip"`},
		"/file/" + sha("a") + "?fragment=1": {200, "box_type"},
		"/file/" + sha("b"):                 {200, `>archive.zip</a> <code class="quiet">` + sha("a")[:11]},
		"/file/" + sha("9"):                 {404, "No such file"},
		"/file/" + strings.Repeat("D", 40):  {404, "<code>" + strings.Repeat("d", 40) + "</code>"},
		"/file/..%2f..%2fetc":               {404, "No such file"},
		"/file/%3Cscript%3Ealert":           {404, "this is none of them"},
		"/plugins":                          {200, "1 completed, 0 opted out, 0 failed"},
		"/plugins?fragment=1":               {200, "<code>depth</code>"},
		"/dead":                             {200, "3"},
		"/nothing":                          {404, "no such page"},
		"/assets/style.css":                 {200, "prefers-color-scheme"},
		"/assets/live.js":                   {200, "EventSource"},
	} {
		code, body, header := get(t, server.URL+path)
		if code != want.code || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d, want %d with %q: %.300s", path, code, want.code, want.text, body)
		}
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "\u202e") || strings.Contains(body, "\x1b") {
			t.Errorf("%s: text of a file is not made safe", path)
		}
		if !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s has no policy", path)
		}
	}
	if _, body, _ := get(t, server.URL+"/"); strings.Contains(body, "inner.txt") {
		t.Error("what is inside a file stands among what was submitted")
	}
	if _, body, _ := get(t, server.URL+"/file/"+sha("a")+"?fragment=1"); strings.Contains(body, "<html") {
		t.Error("a fragment is a whole page")
	}
}

// TestNoAdmin: jobs that were given up, and whether they are tried again, are for administrators; others are not shown the way there.
func TestNoAdmin(t *testing.T) {
	admin := false
	_, server := newSiteAs(t, func(*config.Config) {}, func(of access.Of) access.Of {
		return func(r *http.Request) (*access.Access, error) {
			who, err := of(r)
			if err == nil {
				who.Admin = admin
			}
			return who, err
		}
	})
	for range 2 {
		code, body, _ := get(t, server.URL+"/dead")
		res, err := http.PostForm(server.URL+"/dead/retry", url.Values{"id": {"letter"}})
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if (code == 200) != admin || strings.Contains(body, "Try again") != admin || (res.StatusCode == 200) != admin || !admin && res.StatusCode != http.StatusForbidden {
			t.Errorf("administrator %t: %d, retry %s: %.300s", admin, code, res.Status, body)
		}
		if _, home, _ := get(t, server.URL+"/"); strings.Contains(home, `href="/dead"`) != admin {
			t.Errorf("administrator %t: %.2000s", admin, home)
		}
		admin = true
	}
}

// postForm posts a form with fields, names and values in turn, and files behind them, and returns the answer without following it.
func postForm(t *testing.T, url string, files map[string]string, fields ...string) (int, string) {
	t.Helper()
	var body strings.Builder
	form := multipart.NewWriter(&body)
	for pair := range slices.Chunk(fields, 2) {
		if err := form.WriteField(pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		part, err := form.CreateFormFile("file", name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(part, content)
	}
	form.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body.String()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Location") + string(text)
}

// TestForm uploads as a browser without JavaScript does.
func TestForm(t *testing.T) {
	_, server := newSite(t)
	post := func(files map[string]string, fields ...string) (int, string) {
		return postForm(t, server.URL+"/upload", files, fields...)
	}
	if code, text := post(map[string]string{"new.txt": "content"}); code != 303 || !strings.HasPrefix(text, "/file/"+sha("c")) {
		t.Errorf("%d %.200s", code, text)
	}
	if code, text := post(map[string]string{"bad.txt": "refuse me"}); code != 400 || !strings.Contains(text, "refused") {
		t.Errorf("%d %.200s", code, text)
	}
	container := map[string]string{"broken.cart": "CART\x01\x00" + strings.Repeat("\x00", 32) + "and then nothing that could be unwrapped"}
	if code, text := post(container); code != 400 {
		t.Errorf("a container that is damaged: %d %.200s", code, text)
	}
	if code, text := post(container, "raw", "true"); code != 303 {
		t.Errorf("a container that is to stay as it is: %d %.200s", code, text)
	}
	if code, text := post(nil); code != 400 || !strings.Contains(text, "ile") {
		t.Errorf("%d %.200s", code, text)
	}
}

func TestEntropyStrip(t *testing.T) {
	said := func(info string) api.Entropy {
		return api.EntropyOf(&index.Binary{Info: map[string]json.RawMessage{"Entropy": json.RawMessage(info)}})
	}
	strip := string(entropyStrip(said(`{"entropy":{"overall":4,"block_size":256,"blocks":[0,8,99,-3]}}`)))
	if n := strings.Count(strip, "<rect"); n != 4+len(bands) {
		t.Errorf("%d rectangles in %s", n, strip)
	}
	for _, none := range []string{"", "null", "{}", `{"entropy":{"blocks":[]}}`, `{"entropy":7}`, "garbage"} {
		if got := entropyStrip(said(none)); got != "" {
			t.Errorf("%q: %s", none, got)
		}
	}
}

// TestBrowser looks at the pages with Chromium: a change arrives without reload, files can be uploaded, nothing complains.
// LAZULI_SHOTS=DIR keeps pictures.
func TestBrowser(t *testing.T) {
	ctx := browser(t)
	p, server := newSite(t)
	sample := filepath.Join(t.TempDir(), "upload.txt")
	if err := os.WriteFile(sample, []byte("some content"), 0o600); err != nil {
		t.Fatal(err)
	}
	live := document(sha("a"), "", index.Feature{Name: "arrived", Type: "string", Value: "while you looked"})
	live.ID, live.Author.Name = "live", "Late"
	change := func(context.Context, *chromedp.Target) (chromedp.Void, error) {
		p.apply(index.Batch{Documents: []index.Document{live}}, sha("a"))
		return chromedp.Void{}, nil
	}
	steps := []browserStep{
		{"open a file", chromedp.Navigate(server.URL + "/file/" + sha("a"))},
		{"see its entropy", chromedp.WaitVisible(chromedp.CSS(".strip"))},
		{"mark the page", none(chromedp.Evaluate[string](`window.mark = 'not reloaded'`))},
		{"something changes", change},
		{"it arrives", none(chromedp.Poll[bool](`document.body.innerText.includes('while you looked') && window.mark === 'not reloaded'`))},
		{"picture", shot("file-light")},
		{"open the home page", chromedp.Navigate(server.URL + "/")},
		{"choose a file", chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{sample})},
		{"it is uploaded", none(chromedp.Poll[bool](`document.querySelector('#uploads a')?.textContent === 'upload.txt'`))},
		{"picture", shot("home-light")},
		{"dark colours", dark},
	}
	for _, page := range []struct{ name, path string }{{"file", "/file/" + sha("a")}, {"home", "/"}, {"search", "/search?q=bogus:1"}, {"plugins", "/plugins"}, {"dead", "/dead"}} {
		steps = append(steps, browserStep{"open " + page.name, chromedp.Navigate(server.URL + page.path)}, browserStep{"picture", shot(page.name + "-dark")})
	}
	walk(t, ctx, steps)
}

// withReferences has two sources, of which the default one wants to know something.
func withReferences(cfg *config.Config) {
	cfg.DefaultSource = "cases"
	cfg.Sources = map[string]config.Source{"mail": {}, "cases": {Description: "Files from the responders",
		References: []config.Reference{{Name: "case", Required: true, Description: "The case's number <7>"}, {Name: "found on"}}}}
}

// TestReferenceForm: the form asks for what the source wants to know.
func TestReferenceForm(t *testing.T) {
	p, server := newSiteWith(t, withReferences)
	for path, want := range map[string][]string{
		"/": {`<input type="hidden" name="source" value="cases">`, `<option selected>cases</option><option>mail</option>`, `name="ref:case" autocomplete="off" required>`,
			`<small>The case&#39;s number &lt;7&gt;</small>`, `name="ref:found on" autocomplete="off">`},
		"/?source=mail":  {`<input type="hidden" name="source" value="mail">`, `<option selected>mail</option>`},
		"/?source=mial":  {"is not configured: did you mean mail?"},
		"/?source=../up": {"Nothing can be submitted there"},
	} {
		_, body, _ := get(t, server.URL+path)
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("%s has no %s: %.3000s", path, text, body)
			}
		}
		if path == "/?source=mail" && strings.Contains(body, "ref:") {
			t.Errorf("%s asks for what another source wants to know", path)
		}
	}
	many := []string{"source", "mail"}
	for i := range config.MaxReferences + 50 {
		many = append(many, fmt.Sprint("ref:", i), "x")
	}
	for _, c := range []struct {
		fields []string // names and values
		code   int
		want   string
	}{
		{nil, 400, "source cases needs the reference case (The case&#39;s number &lt;7&gt;)"},
		{[]string{"source", "cases", "ref:case", " "}, 400, "needs the reference case"},
		{[]string{"source", "cases", "ref:case", "7", "ref:found on", ""}, 303, "/file/"},
		{[]string{"source", "mail"}, 303, "/file/"},
		{[]string{"source", "mail", "ref:case", "7"}, 400, "takes no references"},
		{[]string{"source", "cases", "ref:case", strings.Repeat("x", config.MaxReferenceBytes+5000)}, 400, "more than 16384 bytes"},
		{many, 400, "101 references are more than 100"},
	} {
		code, text := postForm(t, server.URL+"/upload", map[string]string{"new.txt": "content"}, c.fields...)
		if code != c.code || !strings.Contains(text, c.want) {
			t.Errorf("%.100v: %d %s, want %d with %s", c.fields, code, text, c.code, c.want)
		}
		if code == 303 && c.fields[1] == "cases" {
			if got := p.submitted; got.Name != "cases" || len(got.References) != 1 || got.References["case"] != "7" {
				t.Errorf("published under %+v", got)
			}
		}
	}
}

// TestBrowserReferences: files wait until what is required is there, and go with it.
func TestBrowserReferences(t *testing.T) {
	ctx := browser(t)
	p, server := newSiteWith(t, withReferences)
	sample := filepath.Join(t.TempDir(), "upload.txt")
	if err := os.WriteFile(sample, []byte("some content"), 0o600); err != nil {
		t.Fatal(err)
	}
	walk(t, ctx, []browserStep{
		{"open", chromedp.Navigate(server.URL + "/")},
		{"picture", shot("references")},
		{"choose a file", chromedp.SetUploadFiles(chromedp.CSS("#drop input[type=file]"), []string{sample})},
		{"it waits", until(`document.activeElement.name === 'ref:case' && document.querySelectorAll('#uploads li').length === 0 && !document.querySelector('.upload button').hidden`)},
		{"picture", shot("references-missing")},
		{"say it", chromedp.SendKeys(chromedp.CSS(`input[name="ref:case"]`), "7 & more=\r")},
		{"it is uploaded", until(`document.querySelector('#uploads a')?.textContent === 'upload.txt'`)},
		{"the list follows", until(`[...document.querySelectorAll('main table a')].some(a => a.innerText.includes('upload.txt'))`)},
		{"what was said stays", until(`document.querySelector('input[name="ref:case"]').value === '7 & more=' && document.querySelector('.upload button').hidden`)},
		{"picture", shot("references-sent")},
		{"another source", leads(none(chromedp.Evaluate[bool](`(s => { s.value = 'mail'; return s.dispatchEvent(new Event('change')); })(document.querySelector('.to select'))`)))},
		{"it has no references", until(`document.querySelector('input[name=source]')?.value === 'mail' && !document.querySelector('.references')`)},
		{"picture", shot("references-none")},
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := p.submitted; got.Name != "cases" || got.References["case"] != "7 & more=" {
		t.Errorf("published under %+v", got)
	}
}

func TestWhyAndRetry(t *testing.T) {
	p, server := newSite(t)
	p.apply(index.Batch{Documents: []index.Document{document(sha("a"), "name")},
		Dead: []index.DeadLetter{{ID: "letter", SHA256: sha("a"), Plugin: "P", Reason: nasty, Time: time.Now()}}}, "")
	body := func(path string) string {
		t.Helper()
		res, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%s: %s %v", path, res.Status, err)
		}
		return string(text)
	}
	if page := body("/file/" + sha("a")); !strings.Contains(page, "Why others did not") || !strings.Contains(page, "Office") || strings.Contains(page, "<script>alert") {
		t.Error("the file's page does not say why, or says it raw")
	}
	var more index.Batch
	for i := range 499 {
		more.Dead = append(more.Dead, index.DeadLetter{ID: fmt.Sprint("ingest/t/0/", i), Consumer: index.ConsumerIngest, Time: time.Unix(2, 0)})
	}
	more.Dead = append(more.Dead, index.DeadLetter{ID: "older", Reason: "far back", Time: time.Unix(1, 0)})
	p.apply(more, "")
	_, next, _ := strings.Cut(body("/dead"), `href="/dead?cursor=`)
	next, _, _ = strings.Cut(next, `"`)
	if page := body("/dead"); strings.Count(page, `action="/dead/retry"`) != 2 || strings.Contains(page, `value="ingest/t/0/1"`) || !strings.Contains(page, "Older ones") {
		t.Error("a button for what is no job, or no link to more")
	}
	if page := body("/dead?cursor=" + next); !strings.Contains(page, "far back") || strings.Contains(page, "Older ones") {
		t.Error("the second page")
	}
	if page := body("/dead"); !strings.Contains(page, `value="letter"`) {
		t.Error("no button for the dead letter")
	}
	for id, want := range map[string]int{"letter": http.StatusOK, "never": http.StatusConflict, "": http.StatusBadRequest} {
		form := url.Values{}
		if id != "" {
			form.Set("id", id)
		}
		res, err := http.PostForm(server.URL+"/dead/retry", form)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want { // the redirect is followed to the list
			t.Errorf("retry of %q: %s", id, res.Status)
		}
	}
}

// TestBrowserArrives: the page of a file that is not known becomes the file's when that comes. The browser complains of the answer 404.
func TestBrowserArrives(t *testing.T) {
	ctx := browser(t)
	p, server := newSite(t)
	for _, s := range []browserStep{
		{"open", chromedp.Navigate(server.URL + "/file/" + sha("e"))},
		{"it is not known", until(`document.querySelector('h1').textContent === 'No such file is known'`)},
		{"it listens", func(context.Context, *chromedp.Target) (chromedp.Void, error) {
			select {
			case <-p.listens:
			case <-time.After(30 * time.Second):
				t.Error("nobody listens")
			}
			return chromedp.Void{}, nil
		}},
		{"it comes", func(context.Context, *chromedp.Target) (chromedp.Void, error) {
			p.apply(index.Batch{Documents: []index.Document{document(sha("e"), "late.zip")}}, sha("e"))
			return chromedp.Void{}, nil
		}},
		{"there it is", until(`document.querySelector('h1').textContent === 'late.zip'`)},
	} {
		if err := chromedp.Do(ctx, s.do); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
}
