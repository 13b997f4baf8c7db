package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/config"
	"lazuli/internal/dispatcher"
	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/kafka"
	"lazuli/internal/serve"
	"lazuli/test/servers"
)

// The dispatcher's benchmarks run it alone in a process of its own, on the embedded log or, with LAZULI_BENCH_LOG=kafka, on a
// Kafka that syncs every write. Server and client share the machine. LAZULI_BENCH_PROFILE=FILE profiles the server.

const (
	serverVariable = "LAZULI_BENCH_SERVER" // the data directory: this process is the server
	bareVariable   = "LAZULI_BENCH_BARE"   // it is a bare server, in place of a dispatcher
)

// serveBench is the server process: it prints its address and ends when its standard input does.
func serveBench(dir string) error {
	var log eventlog.Log
	var err error
	if brokers := os.Getenv("LAZULI_BENCH_KAFKA"); brokers != "" {
		log, err = kafka.Open(context.Background(), kafka.Options{Brokers: []string{brokers}, Namespace: fmt.Sprintf("%x.", crc32.ChecksumIEEE([]byte(dir)))})
	} else {
		log, err = eventlog.Open(filepath.Join(dir, "log"), eventlog.Options{})
	}
	if err != nil {
		return err
	}
	store, err := blob.OpenFS(filepath.Join(dir, "store"))
	if err != nil {
		return err
	}
	d, err := dispatcher.New(context.Background(), log, store, dispatcher.Options{Sources: config.Defaults()})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if path := os.Getenv("LAZULI_BENCH_PROFILE"); path != "" {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	handler := d.Handler()
	if os.Getenv(bareVariable) != "" {
		if handler, err = bare(log); err != nil {
			return err
		}
	}
	server := serve.New(handler, serve.Options{})
	go func() { _ = server.Serve(l) }() // ends with the process
	fmt.Println("http://" + l.Addr().String())
	_, _ = io.Copy(io.Discard, os.Stdin)
	d.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(server.Shutdown(ctx), d.Close(context.Background()), store.Close(), log.Close())
}

// bare is what HTTP and a synced append cost: a POST is appended as it is, a GET is answered with as much.
func bare(log eventlog.Log) (http.Handler, error) {
	const topic = "bare"
	if err := log.EnsureTopics(context.Background(), []eventlog.Topic{{Name: topic, Partitions: 1}}); err != nil {
		return nil, err
	}
	answer := make([]byte, 2500)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write(answer) // the client tells
			return
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = log.Append(r.Context(), []eventlog.Record{{Topic: topic, Value: body}})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}), nil
}

// bench is a dispatcher and a lean client of it.
type bench struct {
	*testing.B
	url    string
	dir    string
	env    []string
	cmd    *exec.Cmd
	stdin  io.Closer
	client *http.Client
	number atomic.Int64
}

func newBench(b *testing.B, env ...string) *bench {
	b.Helper()
	x := &bench{B: b, dir: b.TempDir(), env: env, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}}}
	x.start()
	return x
}

func (x *bench) start() {
	x.Helper()
	self, err := os.Executable()
	if err != nil {
		x.Fatal(err)
	}
	x.cmd = exec.Command(self)
	x.cmd.Env = append(append(os.Environ(), x.env...), serverVariable+"="+x.dir)
	if os.Getenv("LAZULI_BENCH_LOG") == "kafka" {
		x.cmd.Env = append(x.cmd.Env, "LAZULI_BENCH_KAFKA="+servers.Kafka(x.B))
	}
	x.cmd.Stderr = os.Stderr
	if x.stdin, err = x.cmd.StdinPipe(); err != nil {
		x.Fatal(err)
	}
	out, err := x.cmd.StdoutPipe()
	if err != nil {
		x.Fatal(err)
	}
	if err := x.cmd.Start(); err != nil {
		x.Fatal(err)
	}
	x.Cleanup(x.stop)
	line := make([]byte, 256)
	n, err := out.Read(line)
	if err != nil {
		x.Fatalf("the server did not start: %v", err)
	}
	x.url = strings.TrimSpace(string(line[:n]))
}

func (x *bench) stop() {
	x.client.CloseIdleConnections()
	x.stdin.Close()
	_ = x.cmd.Wait() // a second time after a test that stopped it
}

// events makes n sourced events of 2.5 KB about files that nobody has.
func (x *bench) events(n int, change func(*event.Binary)) []byte {
	now, author := event.Now(), event.Author{Category: "user", Name: "bench"}
	list := make([]event.Event, n)
	for i := range list {
		sum := sha256.Sum256(strconv.AppendInt(nil, x.number.Add(1), 10))
		sha := hex.EncodeToString(sum[:])
		ev := &event.Binary{
			Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: now, Author: author},
			Action: event.Sourced,
			Entity: event.Entity{SHA256: sha, Size: 1000, FileFormat: "text/plain",
				Datastreams: []event.Datastream{{Label: event.LabelContent, SHA256: sha, Size: 1000, FileFormat: "text/plain", Magic: "ASCII text", MIME: "text/plain"}},
				Features:    []event.Feature{{Name: "note", Type: event.String, Value: strings.Repeat("lazuli ", 210)}}},
			Source: event.Source{Name: "bench", Timestamp: now, Path: event.Path{{Author: author, Action: event.Sourced, SHA256: sha, Timestamp: now}}},
		}
		if change != nil {
			change(ev)
		}
		list[i] = ev
	}
	body, err := json.Marshal(list)
	if err != nil {
		x.Fatal(err)
	}
	return body
}

// post sends events and expects 200.
func (x *bench) post(model string, body []byte) {
	res, err := x.client.Post(x.url+"/api/v2/event?model="+model, "application/json", bytes.NewReader(body))
	if err != nil {
		x.Error(err)
		return
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		x.Errorf("%s %s", res.Status, text)
	}
}

// publish sends n events in batches, before a measurement.
func (x *bench) publish(n int) {
	x.share(8, (n+999)/1000, func(int) { x.post("binary", x.events(min(1000, n), nil)) })
}

// share lets clients do n things.
func (x *bench) share(clients, n int, do func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for i := next.Add(1); i <= int64(n) && !x.Failed(); i = next.Add(1) {
				do(int(i))
			}
		})
	}
	group.Wait()
}

const pollQuery = "&version=1&count=1&r-expedite=true&r-live=true&r-historic=true&deadline="

// poll asks for one event and returns its id and whether there was one.
func (x *bench) poll(name string, deadline int, extra string) (dequeued string, ok bool) {
	res, err := x.client.Get(x.url + "/api/v2/event/binary/active?name=" + name + pollQuery + strconv.Itoa(deadline) + extra)
	if err != nil {
		x.Error(err)
		return "", false
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		x.Errorf("%s %v %s", res.Status, err, body)
		return "", false
	}
	_, rest, ok := strings.Cut(string(body), `"dequeued":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id, ok
}

// finish reports a job's end.
func (x *bench) finish(name, dequeued string) {
	x.post("status", fmt.Appendf(nil, `[{"model_version":6,"kafka_key":"x","timestamp":"2026-11-23T12:00:00Z","author":{"category":"plugin","name":%q,"version":"1"},`+
		`"entity":{"input":{"model_version":6,"kafka_key":"x","timestamp":"2026-11-23T12:00:00Z","author":{"name":"bench"},"entity":{"sha256":""},"action":"sourced",`+
		`"source":{"name":"bench","path":[],"timestamp":"2026-11-23T12:00:00Z"},"flags":{},"dequeued":%q},"status":"completed-empty"}}]`, name, dequeued))
}

// cpu is the time that the server has used.
func (x *bench) cpu() time.Duration {
	x.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", x.cmd.Process.Pid))
	if err != nil {
		x.Fatal(err)
	}
	var ticks int64
	for _, f := range strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))[11:13] { // user and system time, proc(5)
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			x.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}

func (x *bench) megabytes() float64 {
	x.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", x.cmd.Process.Pid))
	if err != nil {
		x.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		x.Fatal(err)
	}
	return float64(pages*int64(os.Getpagesize())) / 1e6
}

// rate measures n things of weight each by some clients.
func (x *bench) rate(clients, n, weight int, unit string, do func(i int)) {
	begun, before := time.Now(), x.cpu()
	x.share(clients, n, do)
	took, used := time.Since(begun), x.cpu()-before
	x.ReportMetric(float64(n*weight)/took.Seconds(), unit+"/s")
	x.ReportMetric(float64(used.Microseconds())/float64(n*weight), "server-us/"+unit)
	x.ReportMetric(0, "ns/op")
}

// BenchmarkSyncedAppend is the limit of one client at a time: 2.5 KB appended to a file and synced.
func BenchmarkSyncedAppend(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	record := make([]byte, 2500)
	const n = 2000
	begun := time.Now()
	for range n {
		if _, err := f.Write(record); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(n/time.Since(begun).Seconds(), "syncs/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkBareLoop is the limit of jobs and of publishing: net/http and a synced append, without a dispatcher. A job is a GET and
// a POST.
func BenchmarkBareLoop(b *testing.B) {
	for _, c := range []struct{ clients, n int }{{1, 3000}, {8, 12_000}} {
		for _, unit := range []string{"event", "job"} {
			b.Run(fmt.Sprintf("%ss/clients=%d", unit, c.clients), func(b *testing.B) {
				x := newBench(b, bareVariable+"=1")
				body := make([]byte, 2500)
				x.rate(c.clients, c.n, 1, unit, func(int) {
					if unit == "job" {
						x.poll("bare", 1, "")
					}
					x.post("binary", body)
				})
			})
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, c := range []struct{ clients, batch, n int }{{1, 1, 3000}, {32, 1, 20_000}, {8, 100, 600}} {
		b.Run(fmt.Sprintf("clients=%d/batch=%d", c.clients, c.batch), func(b *testing.B) {
			x := newBench(b)
			x.post("binary", x.events(1, nil)) // makes the source's topics
			bodies := make([][]byte, c.n)
			for i := range bodies {
				bodies[i] = x.events(c.batch, nil)
			}
			x.rate(c.clients, c.n, c.batch, "event", func(i int) { x.post("binary", bodies[i-1]) })
		})
	}
}

func BenchmarkJobs(b *testing.B) {
	for _, c := range []struct{ workers, plugins, n int }{{1, 1, 3000}, {8, 1, 12_000}, {20, 20, 20_000}} {
		b.Run(fmt.Sprintf("workers=%d/plugins=%d", c.workers, c.plugins), func(b *testing.B) {
			x := newBench(b)
			x.publish(c.n / c.plugins)
			for p := range c.plugins {
				x.poll(fmt.Sprint("P", p), 1, "&r-source=none") // connections and topics, not this consumer
			}
			x.rate(c.workers, c.n, 1, "job", func(i int) {
				name := fmt.Sprint("P", i%c.plugins)
				id, ok := x.poll(name, 10, "")
				if !ok {
					x.Errorf("no job for %s", name)
					return
				}
				x.finish(name, id)
			})
		})
	}
}

// BenchmarkSkips lets 20 plugins reject 200,000 events.
func BenchmarkSkips(b *testing.B) {
	const plugins, events = 20, 200_000
	x := newBench(b)
	x.publish(events)
	begun, before := time.Now(), x.cpu()
	x.share(plugins, plugins, func(i int) {
		if _, ok := x.poll(fmt.Sprint("P", i), 20, "&r-streams=content,image/&r-over-content-size=1000000"); ok {
			x.Error("an event that nobody wants was handed out")
		}
	})
	took := time.Since(begun)
	x.ReportMetric(float64((x.cpu()-before).Nanoseconds())/(plugins*events), "server-ns/skip")
	x.ReportMetric(took.Seconds(), "s-with-idle-wait")
	x.ReportMetric(0, "ns/op")
}

// quantile of sorted durations, in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	return float64(sorted[int(float64(len(sorted)-1)*q)].Microseconds()) / 1000
}

// BenchmarkLatency is the time from a publication to the answer of a poll that waits.
func BenchmarkLatency(b *testing.B) {
	x := newBench(b)
	x.post("binary", x.events(1, nil))
	for {
		id, ok := x.poll("P", 1, "")
		if !ok {
			break
		}
		x.finish("P", id)
	}
	var took []time.Duration
	for range 2000 {
		got := make(chan time.Time)
		go func() {
			id, ok := x.poll("P", 10, "")
			got <- time.Now()
			if ok {
				x.finish("P", id)
			}
			got <- time.Time{}
		}()
		body := x.events(1, nil)
		<-time.After(2 * time.Millisecond) // the poll takes a tenth of that to reach the server
		begun := time.Now()
		x.post("binary", body)
		took = append(took, (<-got).Sub(begun))
		<-got
	}
	slices.Sort(took)
	b.ReportMetric(quantile(took, .5), "p50-ms")
	b.ReportMetric(quantile(took, .99), "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkBacklog is a dispatcher with a million waiting events: what they cost, and what becomes of an expedited one while
// eight workers are busy with jobs of 10 ms.
func BenchmarkBacklog(b *testing.B) {
	const waiting, workers, urgent = 1_000_000, 8, 300
	x := newBench(b)
	x.poll("P", 1, "") // the consumer is older than the events: they are live
	before := x.megabytes()
	x.publish(waiting)
	x.stop()
	begun := time.Now()
	x.start()
	b.ReportMetric(float64(time.Since(begun).Milliseconds()), "ms-to-start")

	ctx, stop := context.WithCancel(b.Context())
	var handed sync.Map // key of an expedited event → when it was handed out
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for ctx.Err() == nil {
				id, ok := x.poll("P", 10, "")
				if !ok {
					continue
				}
				if job, parsed := event.ParseJobID(id); parsed && job.Feed == 'e' {
					handed.Store(job.Key, time.Now())
				}
				<-time.After(10 * time.Millisecond) // the job
				x.finish("P", id)
			}
		})
	}
	<-time.After(time.Second) // all are busy
	b.ReportMetric(x.megabytes(), "MB-with-backlog")
	b.ReportMetric(before, "MB-before")
	sent := map[string]time.Time{}
	for range urgent {
		body := x.events(1, func(ev *event.Binary) {
			ev.Flags.Expedite = true
			if err := event.KeysV2.Assign(ev); err != nil {
				b.Fatal(err)
			}
			sent[ev.KafkaKey] = time.Now()
		})
		x.post("binary", body)
		<-time.After(5 * time.Millisecond) // not all at once: that would measure the queue
	}
	<-time.After(time.Second)
	stop()
	group.Wait()
	var took []time.Duration
	for key, at := range sent {
		if when, ok := handed.Load(key); ok {
			took = append(took, when.(time.Time).Sub(at))
		}
	}
	if len(took) != urgent {
		b.Fatalf("%d of %d expedited events were handed out", len(took), urgent)
	}
	slices.Sort(took)
	b.ReportMetric(quantile(took, .5), "expedite-p50-ms")
	b.ReportMetric(quantile(took, .99), "expedite-p99-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkIdle has 200 plugins poll an idle dispatcher, as azul-runner does.
func BenchmarkIdle(b *testing.B) {
	const plugins = 200
	x := newBench(b)
	x.post("binary", x.events(1, nil))
	ctx, stop := context.WithCancel(b.Context())
	var group sync.WaitGroup
	for i := range plugins {
		group.Go(func() {
			for name := fmt.Sprint("P", i); ctx.Err() == nil; {
				if id, ok := x.poll(name, 10, ""); ok {
					x.finish(name, id)
				}
			}
		})
	}
	<-time.After(5 * time.Second) // all are known and have done the one job
	begun, before := time.Now(), x.cpu()
	<-time.After(20 * time.Second)
	b.ReportMetric(100*(x.cpu()-before).Seconds()/time.Since(begun).Seconds(), "%core")
	b.ReportMetric(x.megabytes(), "MB")
	b.ReportMetric(0, "ns/op")
	stop()
	group.Wait()
}
