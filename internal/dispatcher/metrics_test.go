package dispatcher

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lazuli/event"
)

// listing is a registry that notes what is registered: a line "name{labels} help" for each metric.
type listing struct {
	*prometheus.Registry
	lines []string
}

var described = regexp.MustCompile(`^Desc\{fqName: "(.*?)", help: "(.*?)", (?:unit: ".*?", )?constLabels: \{\}, variableLabels: \{(.*?)\}`)

func (l *listing) MustRegister(all ...prometheus.Collector) {
	l.Registry.MustRegister(all...)
	for _, c := range all {
		descs := make(chan *prometheus.Desc, 1000)
		c.Describe(descs)
		close(descs)
		for d := range descs {
			m := described.FindStringSubmatch(d.String())
			labels := ""
			if m[3] != "" {
				labels = "{" + m[3] + "}"
			}
			l.lines = append(l.lines, m[1]+labels+" "+m[2])
		}
	}
}

// metricNames lists the dispatcher's metrics.
func metricNames(t *testing.T) []string {
	t.Helper()
	l := &listing{Registry: prometheus.NewRegistry()}
	newMetrics(l)
	l.MustRegister(scraper{})
	slices.Sort(l.lines)
	return l.lines
}

var rewrite = flag.Bool("rewrite-metrics", false, "write testdata/metrics.txt")

// TestMetricNames: a metric that changes its name, labels or meaning breaks somebody's dashboard, so the change must be seen.
// go test ./internal/dispatcher -run TestMetricNames -rewrite-metrics writes the file.
func TestMetricNames(t *testing.T) {
	got := strings.Join(metricNames(t), "\n") + "\n"
	if *rewrite {
		if err := os.WriteFile("testdata/metrics.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-testdata/metrics.txt +now)\n%s", diff)
	}
}

// scrape reads the bench's metrics as Prometheus would. Lines of comments are left out.
func (b *bench) scrape() map[string]string {
	b.t.Helper()
	rec := newRecorder()
	promhttp.HandlerFor(b.registry(), promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(rec, &http.Request{Header: http.Header{}})
	if rec.code != 0 && rec.code != 200 {
		b.t.Fatalf("a scrape is answered %d: %s", rec.code, rec.body.String())
	}
	all := map[string]string{}
	for line := range strings.Lines(rec.body.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			all[name] = value
		}
	}
	return all
}

type recorder struct {
	header http.Header
	body   strings.Builder
	code   int
}

func newRecorder() *recorder                        { return &recorder{header: http.Header{}} }
func (r *recorder) Header() http.Header             { return r.header }
func (r *recorder) WriteHeader(code int)            { r.code = code }
func (r *recorder) Write(p []byte) (n int, _ error) { return r.body.Write(p) }

func (b *bench) registry() prometheus.Gatherer { return b.d.opts.Registry.(*prometheus.Registry) }

// wants compares some of the metrics.
func (b *bench) wants(want map[string]string) {
	b.t.Helper()
	got := b.scrape()
	for name, value := range want {
		if got[name] != value {
			b.t.Errorf("%s is %q, want %s", name, got[name], value)
		}
	}
}

// TestScrape follows two files through a consumer: waiting, out, delayed, done.
func TestScrape(t *testing.T) {
	b := newBench(t)
	b.poll("P", "r-live=true")
	b.publish(b.file("src", "one"), b.file("src", "two"))
	if err := b.d.findTails(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.clock.advance(10 * time.Second)
	const flow = `{entity="binary",feed="live",plugin="P",version="1"}`
	state := func(s string) string {
		return `lazuli_consumer_jobs{entity="binary",feed="live",plugin="P",state="` + s + `",version="1"}`
	}
	b.wants(map[string]string{
		"lazuli_consumer_lag_events" + flow: "2", "lazuli_consumer_unseen_events" + flow: "2", state("waiting"): "0",
		"lazuli_consumers{state=\"alive\"}": "1", "lazuli_polls_waiting": "0", "lazuli_draining": "0",
	})
	first, _ := b.poll("P", "r-live=true")
	b.wants(map[string]string{
		"lazuli_consumer_lag_events" + flow: "2", "lazuli_consumer_unseen_events" + flow: "0", state("waiting"): "1", state("out"): "1",
		`dispatcher_events_fetched_total{entity="binary",plugin="P"}`: "1",
	})
	b.status(first, "P", event.ErrorNetwork)
	b.settle()
	b.wants(map[string]string{state("delayed"): "1", state("waiting"): "1", state("out"): "0"})
	b.clock.advance(time.Hour)
	for range 2 {
		job, _ := b.poll("P", "r-live=true")
		b.status(job, "P", event.Completed)
	}
	b.settle()
	b.wants(map[string]string{
		"lazuli_consumer_lag_events" + flow: "0", state("waiting"): "0", state("out"): "0", state("delayed"): "0",
		"lazuli_consumer_oldest_job_seconds" + flow:                                                     "0",
		`dispatcher_events_status_published{plugin="P",status="completed"}`:                             "2",
		`dispatcher_events_status_published{plugin="P",status="error-network"}`:                         "1",
		`dispatcher_processing_time_seconds_count{publisher="P"}`:                                       "2",
		`dispatcher_restapi_response_codes{code="200",method="GET",path="/api/v2/event/:model/active"}`: "4",
	})
	if code, _ := b.call("GET", "/api/v2/event/bogus/active?name=P&r-live=true", nil); code != 422 {
		t.Fatalf("answered %d", code)
	}
	b.wants(map[string]string{`dispatcher_restapi_response_codes{code="422",method="GET",path="/api/v2/event/:model/active"}`: "1"})
	b.clock.advance(time.Hour)
	b.wants(map[string]string{`lazuli_consumers{state="alive"}`: "0", `lazuli_consumers{state="away"}`: "1", "lazuli_consumer_lag_events" + flow: ""})
	b.d.Drain()
	b.wants(map[string]string{"lazuli_draining": "1"})
}

// TestStreamMetrics: the store's operations are counted by what came of them.
func TestStreamMetrics(t *testing.T) {
	b := newBench(t)
	if code, body := b.call("POST", "/api/v3/stream/src/content", "some text"); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	if code, _ := b.call("GET", "/api/v3/stream/src/content/"+strings.Repeat("0", 64), nil); code != 404 {
		t.Fatalf("answered %d", code)
	}
	res, err := http.Head(b.server.URL + "/api/v3/stream/src/content/" + strings.Repeat("0", 64))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	b.wants(map[string]string{
		"dispatcher_data_upload_requests_total": "1", "dispatcher_data_uploaded_bytes_total": "9",
		"dispatcher_data_download_requests_total": "1", "dispatcher_data_exist_requests_total": "1",
		`dispatcher_streams_op_duration_count{method="put",result="ok"}`:       "1",
		`dispatcher_streams_op_duration_count{method="exists",result="error"}`: "2",
	})
}

// TestLabelsThatClientsChoose: names that are no text, too long or too many cost neither a scrape nor memory.
func TestLabelsThatClientsChoose(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"%ff%fe", strings.Repeat("n", 200), "ok"} {
		code, body := b.call("GET", "/api/v2/event/binary/active?version=%ff&deadline=1&r-live=true&name="+name, nil)
		if code != 200 {
			t.Errorf("a poll by %.20s: %d %s", name, code, body)
		}
	}
	b.wants(map[string]string{
		`dispatcher_event_fetch_requests_total{entity="binary",plugin="other"}`:           "1",
		`dispatcher_event_fetch_requests_total{entity="binary",plugin="�"}`:               "1",
		`dispatcher_event_fetch_requests_total{entity="binary",plugin="ok"}`:              "1",
		`lazuli_consumer_lag_events{entity="binary",feed="live",plugin="ok",version="�"}`: "0",
	})

	label := boundedLabel{seen: map[string]bool{}}
	for i := range 2000 {
		label.value(fmt.Sprint(i))
	}
	if got := label.value("late"); got != otherLabel || len(label.seen) != 1000 || label.value("7") != "7" {
		t.Errorf("after 2000 values one more is %q, %d are kept", got, len(label.seen))
	}

	flows := map[flowID]flowState{}
	for i := range 1500 {
		flows[flowID{plugin: fmt.Sprint(i), model: event.ModelBinary, feed: feedLive}] = flowState{lag: int64(i), out: 1}
	}
	bounded := boundFlows(flows)
	rest := bounded[flowID{plugin: otherLabel, model: event.ModelBinary, feed: feedLive}]
	if len(bounded) != maxScraped+1 || rest.out != 500 || rest.lag != 499*500/2 {
		t.Errorf("%d flows are left, the rest is %+v", len(bounded), rest)
	}
	if _, kept := bounded[flowID{plugin: "1499", model: event.ModelBinary, feed: feedLive}]; !kept {
		t.Error("the flow that is furthest behind is not among them")
	}
}
