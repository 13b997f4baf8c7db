package dispatcher

import (
	"context"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/eventlog"
)

// partMetrics are those of the steps inside: publishing, handing out, the log, the store. The names are the reference's
// (protocol 9.1) where the step exists there; docs/operate.md lists those that have no counterpart.
type partMetrics struct {
	refused *prometheus.CounterVec

	consumeSeconds, produceSeconds  *prometheus.HistogramVec // by stage
	removed, added                  *prometheus.CounterVec   // by step of the pipeline
	runtime                         *prometheus.HistogramVec // of jobs, by author
	appendSeconds                   prometheus.Histogram
	appendedBytes, appendErrors     *prometheus.CounterVec   // by topic
	storeSeconds                    *prometheus.HistogramVec // by operation and result
	exists, deletes, unknownFormats prometheus.Counter

	topics boundedLabel
}

// The reference's buckets: decades with a five between them for what happens inside, from 5 ms on for what waits on disks
// and networks. Ours go lower where a millisecond is a long time.
var (
	stageBuckets   = []float64{1e-5, 5e-5, 1e-4, 5e-4, .001, .005, .01, .05, .1, .5, 1, 5, 10}
	requestBuckets = []float64{.0005, .001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60}
	runtimeBuckets = []float64{.005, .01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 600, 1200, 2400}
)

func newPartMetrics(reg prometheus.Registerer) partMetrics {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	histograms := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
		reg.MustRegister(h)
		return h
	}
	appendSeconds := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "lazuli_log_append_seconds", Help: "Time until events were on disk.", Buckets: stageBuckets,
	})
	reg.MustRegister(appendSeconds)
	return partMetrics{
		refused:        counters("lazuli_requests_refused_total", "Requests without the right credentials.", "reason"),
		consumeSeconds: histograms("dispatcher_events_consume_duration", "Seconds of the stages of a poll.", stageBuckets, "stage"),
		produceSeconds: histograms("dispatcher_events_produce_duration", "Seconds of the stages of publishing.", stageBuckets, "stage"),
		removed:        counters("dispatcher_events_consume_pipelines_removed", "Events skipped, by the rule that skipped them.", "pipeline"),
		added:          counters("dispatcher_events_produce_pipelines_added", "Events made while publishing others.", "pipeline"),
		runtime:        histograms("dispatcher_processing_time_seconds", "Run time of jobs that ended well, as their plugins tell it.", runtimeBuckets, "publisher"),
		appendSeconds:  appendSeconds,
		appendedBytes:  counters("dispatcher_kafka_produced_message_bytes_total", "Bytes of events appended to the log.", "topic"),
		appendErrors:   counters("dispatcher_kafka_produced_message_error_total", "Events that could not be appended to the log.", "topic"),
		storeSeconds:   histograms("dispatcher_streams_op_duration", "Seconds of the store's operations.", requestBuckets, "method", "result"),
		exists:         counter("dispatcher_data_exist_requests_total", "Questions whether a stream exists."),
		deletes:        counter("dispatcher_data_delete_requests_total", "Streams deleted."),
		unknownFormats: counter("dispatcher_identify_fail", "Streams stored whose format is not known."),
		topics:         boundedLabel{seen: map[string]bool{}},
	}
}

// CountRefused counts a request that was not let through to the Handler; reason is one of a few words.
func (d *Dispatcher) CountRefused(reason string) { d.metrics.refused.WithLabelValues(reason).Inc() }

// The stages of polls and of publishing.
const (
	stageRead      = "read_from_kafka" // reading events from the log, whichever that is
	stagePipelines = "run_pipelines"   // looking for jobs
	stageTransform = "transform"       // from decoded events to records
	stageProduce   = "produce"         // until the records are on disk
)

// stage observes how long a stage took: defer m.stage(m.consumeSeconds, stageRead, time.Now()).
func (m *partMetrics) stage(of *prometheus.HistogramVec, name string, begun time.Time) {
	of.WithLabelValues(name).Observe(time.Since(begun).Seconds())
}

// appendEvents appends records to the log and measures it.
func (d *Dispatcher) appendEvents(ctx context.Context, records []eventlog.Record) ([]eventlog.Position, error) {
	m := d.metrics
	begun := time.Now()
	positions, err := d.log.Append(ctx, records)
	m.stage(m.produceSeconds, stageProduce, begun)
	if err == nil {
		m.appendSeconds.Observe(time.Since(begun).Seconds())
	}
	for i := range records {
		r := &records[i]
		topic := m.topics.value(r.Topic)
		if err != nil {
			m.appendErrors.WithLabelValues(topic).Inc()
			continue
		}
		m.appendedBytes.WithLabelValues(topic).Add(float64(len(r.Key) + len(r.Header) + len(r.Value)))
	}
	return positions, err
}

// ended notes what a status says of its job's time, and what the pipeline made.
func (m *partMetrics) ended(it *item, author string) {
	switch ev := it.ev.(type) {
	case *event.Status:
		if ev.Entity.Status.Success() {
			m.runtime.WithLabelValues(author).Observe(ev.Entity.Runtime)
		}
	case *event.Binary:
		if !it.client {
			m.added.WithLabelValues("ProduceStatusResults").Inc()
		}
	}
}

// measuredStore is the store with its operations timed.
type measuredStore struct {
	blob.Store
	m *metrics
}

func (s measuredStore) observe(method string, begun time.Time, err *error) {
	result := "ok"
	if *err != nil {
		result = "error"
	}
	s.m.storeSeconds.WithLabelValues(method, result).Observe(time.Since(begun).Seconds())
}

func (s measuredStore) Create(ctx context.Context) (blob.Upload, error) {
	up, err := s.Store.Create(ctx)
	return measuredUpload{up, s}, err
}

func (s measuredStore) Open(ctx context.Context, k blob.Key, off, n int64) (r io.ReadCloser, err error) {
	defer s.observe("fetch", time.Now(), &err)
	return s.Store.Open(ctx, k, off, n)
}

func (s measuredStore) Stat(ctx context.Context, k blob.Key) (info blob.Info, err error) {
	defer s.observe("exists", time.Now(), &err)
	return s.Store.Stat(ctx, k)
}

func (s measuredStore) Copy(ctx context.Context, from, to blob.Key) (err error) {
	defer s.observe("copy", time.Now(), &err)
	return s.Store.Copy(ctx, from, to)
}

func (s measuredStore) Delete(ctx context.Context, k blob.Key) (err error) {
	defer s.observe("delete", time.Now(), &err)
	s.m.deletes.Inc()
	return s.Store.Delete(ctx, k)
}

// measuredUpload times the end of an upload; how long its bytes take to come in is the client's time.
type measuredUpload struct {
	blob.Upload
	s measuredStore
}

func (u measuredUpload) Commit(ctx context.Context, k blob.Key) (err error) {
	defer u.s.observe("put", time.Now(), &err)
	return u.Upload.Commit(ctx, k)
}

// routeLabel writes a route as the reference's metrics do: "GET /api/v2/event/{model}/active" is /api/v2/event/:model/active.
func routeLabel(pattern string) string {
	_, path, ok := strings.Cut(pattern, " ")
	if !ok {
		path = pattern
	}
	return strings.NewReplacer("{$}", "", "{", ":", "...}", "", "}", "").Replace(path)
}

// maxLabelBytes bounds a label's value: what is longer is no plugin's name.
const maxLabelBytes = 128

// labelText makes a label's value of what a client chose.
func labelText(s string) string {
	if len(s) > maxLabelBytes || !utf8.ValidString(s) {
		return otherLabel
	}
	return s
}

// otherLabel stands for values that are too many, too long or no text.
const otherLabel = "other"
