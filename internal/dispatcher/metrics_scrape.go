package dispatcher

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lazuli/event"
)

// scraper tells, when it is asked, how the consumers stand. Nothing runs between two scrapes.
type scraper struct{ d *Dispatcher }

// maxScraped bounds how many plugin versions have metrics of their own; the others, those least behind, are one.
const maxScraped = 1000

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	flowLabels = []string{"plugin", "version", "entity", "feed"}

	descLag = desc("lazuli_consumer_lag_events", "Offsets from the first job that has not ended to the end of the feed.", flowLabels...)
	descNew = desc("lazuli_consumer_unseen_events", "Offsets that the filter has not looked at yet.", flowLabels...)
	descJob = desc("lazuli_consumer_jobs", "Open jobs: waiting, delayed before the next attempt, or out with a plugin.", append(flowLabels, "state")...)
	descAge = desc("lazuli_consumer_oldest_job_seconds", "Age of the event of the oldest open job; 0 without one.", flowLabels...)

	descConsumers = desc("lazuli_consumers", "Consumers that were born; alive are those that polled in the last minute or have a job.", "state")
	descPolls     = desc("lazuli_polls_waiting", "Polls that wait for a job.")
	descPageBytes = desc("lazuli_pages_bytes", "Memory of the routing pages, estimated.")
	descPages     = desc("lazuli_pages", "Routing pages in memory.")
	descHits      = desc("lazuli_pages_hits_total", "Looks at routing pages that were in memory.")
	descMisses    = desc("lazuli_pages_misses_total", "Looks at routing pages that were read from the log.")
	descDraining  = desc("lazuli_draining", "1 while the dispatcher stops.")
)

func (s scraper) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descLag, descNew, descJob, descAge, descConsumers, descPolls, descPageBytes, descPages, descHits, descMisses, descDraining} {
		out <- d
	}
}

func (s scraper) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	now := s.d.now()
	alive := slices.Collect(maps.Keys(s.d.active(now)))
	for id, f := range boundFlows(flowsOf(alive, now)) {
		labels := []string{id.plugin, id.version, string(id.model), id.feed.String()}
		gauge(descLag, float64(f.lag), labels...)
		gauge(descNew, float64(f.unseen), labels...)
		gauge(descAge, f.oldest.Seconds(), labels...)
		gauge(descJob, float64(f.waiting), append(labels, "waiting")...)
		gauge(descJob, float64(f.delayed), append(labels, "delayed")...)
		gauge(descJob, float64(f.out), append(labels, "out")...)
	}
	gauge(descConsumers, float64(len(alive)), "alive")
	gauge(descConsumers, float64(max(0, len(s.d.all())-len(alive))), "away")
	gauge(descPolls, float64(waitingPolls(alive)))
	pages, bytes := s.d.pages.held()
	gauge(descPages, float64(pages))
	gauge(descPageBytes, float64(bytes))
	out <- prometheus.MustNewConstMetric(descHits, prometheus.CounterValue, float64(s.d.pages.hits.Load()))
	out <- prometheus.MustNewConstMetric(descMisses, prometheus.CounterValue, float64(s.d.pages.misses.Load()))
	draining := 0.0
	if s.d.draining.Load() {
		draining = 1
	}
	gauge(descDraining, draining)
}

// flowID names what a consumer's metrics stand under. Consumers that differ in sources or actions alone are one.
type flowID struct {
	plugin, version string
	model           event.Model
	feed            feed
}

// flowState is how the flows of one name stand.
type flowState struct {
	lag, unseen           int64 // offsets
	waiting, delayed, out int
	oldest                time.Duration
}

func (f *flowState) add(o flowState) {
	f.lag += o.lag
	f.unseen += o.unseen
	f.waiting += o.waiting
	f.delayed += o.delayed
	f.out += o.out
	f.oldest = max(f.oldest, o.oldest)
}

func flowsOf(consumers []*consumer, now time.Time) map[flowID]flowState {
	all := map[flowID]flowState{}
	for _, c := range consumers {
		for f, state := range c.flows(now) {
			id := flowID{labelText(c.Name), labelText(c.Version), c.Model, f}
			sum := all[id]
			sum.add(state)
			all[id] = sum
		}
	}
	return all
}

// flows returns how the feeds stand that the newest poll asked for.
func (c *consumer) flows(now time.Time) map[feed]flowState {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[feed]flowState{}
	for f, on := range c.feeds {
		if !on {
			continue
		}
		var sum flowState
		for _, cl := range c.cells[f] {
			sum.add(cl.flow(now))
		}
		all[feed(f)] = sum
	}
	return all
}

// flow returns how the cell stands. The caller holds the consumer's lock.
func (c *cell) flow(now time.Time) flowState {
	end := max(min(c.until, c.tail.end.Load()), c.high)
	f := flowState{lag: end - c.low(), unseen: end - c.high}
	for _, j := range c.jobs {
		switch {
		case j.out:
			f.out++
		case j.notBefore.After(now):
			f.delayed++
		default:
			f.waiting++
		}
		f.oldest = max(f.oldest, now.Sub(j.time))
	}
	return f
}

// boundFlows leaves the names with the largest lag and makes one of the rest.
func boundFlows(all map[flowID]flowState) map[flowID]flowState {
	type name struct{ plugin, version string }
	lags := map[name]int64{}
	for id, f := range all {
		lags[name{id.plugin, id.version}] += f.lag
	}
	if len(lags) <= maxScraped {
		return all
	}
	names := make([]name, 0, len(lags))
	for n := range lags {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b name) int {
		if lags[a] != lags[b] {
			return int(max(-1, min(1, lags[b]-lags[a])))
		}
		if a.plugin < b.plugin || a.plugin == b.plugin && a.version < b.version {
			return -1
		}
		return 1
	})
	rest := map[name]bool{}
	for _, n := range names[maxScraped:] {
		rest[n] = true
	}
	bounded := map[flowID]flowState{}
	for id, f := range all {
		if rest[name{id.plugin, id.version}] {
			id.plugin, id.version = otherLabel, ""
		}
		sum := bounded[id]
		sum.add(f)
		bounded[id] = sum
	}
	return bounded
}

// waitingPolls counts polls; one may wait for many consumers.
func waitingPolls(consumers []*consumer) int {
	polls := map[*waiter]bool{}
	for _, c := range consumers {
		c.mu.Lock()
		for w := range c.waiters {
			polls[w] = true
		}
		c.mu.Unlock()
	}
	return len(polls)
}

// held returns how many pages are in memory, and their estimated bytes.
func (p *pages) held() (n, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.byID), p.size
}
