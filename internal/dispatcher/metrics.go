package dispatcher

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lazuli/event"
)

// metrics has the reference's names (protocol 9.1) where it has one. Label values that clients choose are bounded.
type metrics struct {
	requests, fetched, filtered, produced, statuses *prometheus.CounterVec
	dropped                                         *prometheus.CounterVec
	responses                                       *prometheus.CounterVec
	seconds                                         *prometheus.HistogramVec
	uploads, uploadedBytes, downloads, downloaded   prometheus.Counter
	redeliveries, dead, superseded, repeated        prometheus.Counter
	rivals                                          prometheus.Counter

	plugins boundedLabel

	partMetrics
}

func newMetrics(reg prometheus.Registerer) *metrics {
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	one := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	m := &metrics{
		requests:      vec("dispatcher_event_fetch_requests_total", "Polls for events.", "plugin", "entity"),
		fetched:       vec("dispatcher_events_fetched_total", "Events handed out.", "plugin", "entity"),
		filtered:      vec("dispatcher_events_filtered_total", "Events skipped by a consumer's filter.", "plugin", "entity"),
		produced:      vec("dispatcher_events_published_total", "Events appended to the log.", "plugin", "entity"),
		statuses:      vec("dispatcher_events_status_published", "Statuses appended to the log.", "plugin", "status"),
		dropped:       vec("dispatcher_events_produce_pipelines_removed", "Events dropped while publishing.", "pipeline"),
		responses:     vec("dispatcher_restapi_response_codes", "Answers by code.", "method", "path", "code"),
		uploads:       one("dispatcher_data_upload_requests_total", "Streams stored."),
		uploadedBytes: one("dispatcher_data_uploaded_bytes_total", "Bytes of streams stored."),
		downloads:     one("dispatcher_data_download_requests_total", "Reads of streams."),
		downloaded:    one("dispatcher_data_downloaded_bytes_total", "Bytes of streams sent."),
		redeliveries:  one("lazuli_jobs_redelivered_total", "Attempts that came to nothing, by lease, death or disconnect."),
		dead:          one("lazuli_jobs_dead_total", "Jobs given up."),
		superseded:    one("lazuli_jobs_superseded_total", "Jobs whose event was gone before they were handed out."),
		repeated:      one("lazuli_jobs_repeated_total", "Live jobs that were not handed out because the expedited event was done."),
		rivals:        one("lazuli_filter_rivals_total", "Times that two filters polled under one name and version."),
		plugins:       boundedLabel{seen: map[string]bool{}},
		partMetrics:   newPartMetrics(reg),
	}
	m.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "dispatcher_restapi_time_seconds", Help: "Time to answer.",
		Buckets: requestBuckets,
	}, []string{"method", "path"})
	reg.MustRegister(m.seconds)
	return m
}

// published counts one event that is in the log.
func (m *metrics) published(it *item) {
	if it.dropped != "" {
		return
	}
	author := m.plugins.value(it.ev.Header().Author.Name)
	m.produced.WithLabelValues(author, string(it.ev.Model())).Inc()
	m.ended(it, author)
	if status, ok := it.ev.(*event.Status); ok && status.Author.Category != "user" {
		m.statuses.WithLabelValues(author, string(status.Entity.Status)).Inc()
	}
}

func (m *metrics) polled(a *answer) {
	if a.consumer == nil {
		return
	}
	name, model := m.plugins.value(a.consumer.Name), string(a.consumer.Model)
	m.requests.WithLabelValues(name, model).Inc()
	m.fetched.WithLabelValues(name, model).Add(float64(len(a.jobs)))
	m.filtered.WithLabelValues(name, model).Add(float64(a.skippedTotal()))
	for reason, n := range a.skipped {
		m.removed.WithLabelValues(reason).Add(float64(n))
	}
}

// answered counts a request. A handler that wrote nothing answered 200: net/http does so for it.
func (m *metrics) answered(method, path string, code int, took time.Duration) {
	if code == 0 {
		code = 200
	}
	if path == otherLabel {
		method = otherLabel // a client may call it what it likes
	}
	m.responses.WithLabelValues(method, path, strconv.Itoa(code)).Inc()
	m.seconds.WithLabelValues(method, path).Observe(took.Seconds())
}

// boundedLabel lets the first thousand values through and calls the rest "other", and what is no short text as well.
type boundedLabel struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (b *boundedLabel) value(s string) string {
	s = labelText(s)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.seen[s] {
		if len(b.seen) >= 1000 {
			return otherLabel
		}
		b.seen[s] = true
	}
	return s
}
