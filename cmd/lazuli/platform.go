package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"lazuli/event"
	"lazuli/internal/api"
	apiaccess "lazuli/internal/api/access"
	"lazuli/internal/api/notes"
	"lazuli/internal/config"
	"lazuli/internal/dispatcher"
	"lazuli/internal/index"
	"lazuli/internal/ingest"
	"lazuli/internal/web"
	"lazuli/internal/worker"
)

// platform is everything that `lazuli up` runs, in the order in which it is put together. Closing goes backwards.
type platform struct {
	core
	data   *dataDir
	index  *index.Switch
	ingest *ingest.Ingest
	api    *api.API
	host   *worker.Host // nil without plugins
}

// localWorkers begins the names of the workers that are children of this process; see docs/decisions/003.
const localWorkers = "local-"

// openPlatform opens the data directory and puts the parts together. Nothing runs yet but the dispatcher, which follows its log.
func openPlatform(ctx context.Context, cfg *config.Config, logger *slog.Logger) (p *platform, err error) {
	p = &platform{core: newCore(cfg, logger)}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.data, err = openDataDir(cfg.Data, true); err != nil {
		return p, err
	}
	p.closing(func() error { p.data.close(); return nil })

	// Listen first: a port that is taken should be told before anything is opened.
	if err = p.openPorts(); err != nil {
		return p, err
	}
	if err = p.openWorkerPort(); err != nil {
		return p, err
	}
	if err = p.open(ctx, p.data.log(), p.data.store(), filepath.Join(p.data.tmp(), "uploads")); err != nil {
		return p, err
	}
	if !cfg.Kafka.On() {
		p.dispatcher.ReleaseWorkers(localWorkers) // whose workers these were, this process is its successor
	}
	idx, err := index.OpenSQLite(p.data.index(cfg.Kafka.On()))
	if err != nil {
		return p, err
	}
	p.index = index.NewSwitch(idx)
	p.closing(p.index.Close)
	p.ingest = ingest.New(p.log, p.index, ingest.Options{Prefix: cfg.TopicPrefix, Security: p.labels, Logger: logger.With("part", "ingest")})
	if cfg.Plugins {
		if p.host, err = p.newHost(); err != nil {
			return p, err
		}
	}
	said := notes.New(p.log, p.ingest, cfg.TopicPrefix)
	if err = said.Ensure(ctx); err != nil {
		return p, fmt.Errorf("make the topic of tags: %w", err)
	}
	p.api = api.New(api.Deps{
		Index: p.index, Dispatcher: apiDispatcher{p.dispatcher}, Settler: p.ingest, Reindexer: &reindexer{p: p}, Topics: p.log, Store: p.store, Metrics: p.registry,
		Notes: said, Scheme: p.labels, Config: cfg,
		Access: apiaccess.Anybody(p.labels), // REST is on loopback alone, see config
		Logger: logger.With("part", "api"),
		Ready: []api.Check{
			{Name: "index", Ready: func(context.Context) error { return p.ingest.Err() }},
			{Name: "store", Ready: p.store.Check},
		},
	}, api.Options{Version: buildVersion().Version})
	return p, nil
}

func (p *platform) newHost() (*worker.Host, error) {
	return worker.NewHost(worker.Options{
		ID:            localWorkers + strings.ToLower(rand.Text()[:8]),
		Workers:       p.cfg.Workers,
		DispatcherURL: p.ports.workers.url(),
		Token:         p.ports.workerToken,
		Grace:         workerGrace,
		Settings:      p.cfg.PluginSettings,
		MemoryLimit:   p.cfg.Limits.WorkerMemoryBytes,
		TempDir:       filepath.Join(p.data.tmp(), "workers"),
		Logger:        p.logger.With("part", "workers"),
		OnGone: func(id string, state event.State, message string) {
			p.dispatcher.WorkerGone(id, state, message)
		},
	})
}

// workers begins the names of this process's workers.
func (p *platform) workers() string {
	if p.host == nil {
		return localWorkers
	}
	return p.host.ID()
}

func (p *platform) pagesURL() string      { return p.ports.pages.url() }
func (p *platform) dispatcherURL() string { return p.ports.plugins.url() }

// workerGrace is how long a job may go on after its time-out, and when the platform stops. With what a worker may take to
// leave and with drainTime a stop takes less than ten seconds.
const workerGrace = 5 * time.Second

// run serves until ctx ends or a part fails; ready is called once, when every part answers and every plugin polls. It stops
// in order: polls that wait are answered and nothing more is handed out; workers end their jobs and report; requests under
// way are answered.
func (p *platform) run(ctx context.Context, ready func()) error {
	group, ctx := errgroup.WithContext(ctx)
	all := p.serve(group)
	group.Go(func() error { return p.ingest.Run(ctx) })
	workersGone := make(chan struct{})
	group.Go(func() error {
		defer close(workersGone)
		if p.host == nil {
			return nil
		}
		return p.host.Run(ctx)
	})
	group.Go(func() error {
		err := p.dispatcher.AwaitOwners(ctx)
		if err == nil && p.host != nil {
			err = p.host.Ready(ctx)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("start the workers: %w", err)
		}
		ready()
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		p.dispatcher.Drain()
		p.api.Drain()
		<-workersGone
		return all.shutdown()
	})
	err := group.Wait()
	p.dispatcher.ReleaseWorkers(p.workers()) // what they had not finished goes out again at the next start
	return err
}

func (p *platform) pagesHandler() http.Handler {
	mux := http.NewServeMux()
	h := p.api.Handler()
	for _, path := range []string{"/api", "/api/", "/healthz", "/readyz", "/metrics"} {
		mux.Handle(path, h)
	}
	mux.Handle("/", web.New(p.api).Handler())
	// Without authentication, another site's page must not be able to use the reader's browser: neither by posting here nor by a
	// name of its own that it lets point to loopback.
	return http.NewCrossOriginProtection().Handler(loopbackHost(mux))
}

// loopbackHost refuses requests whose Host is neither a loopback address nor localhost (DNS rebinding).
func loopbackHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, fmt.Sprintf("this platform is for this machine alone: use http://%s", r.Context().Value(http.LocalAddrContextKey)), http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// apiDispatcher is the dispatcher as REST needs it.
type apiDispatcher struct{ d *dispatcher.Dispatcher }

func (a apiDispatcher) Store(ctx context.Context, source, label string, r io.Reader) (event.Datastream, error) {
	return a.d.Upload(ctx, source, label, r, dispatcher.UploadOptions{})
}

func (a apiDispatcher) Invalid(err error) bool { return dispatcher.IsInvalid(err) }

func (a apiDispatcher) Publish(ctx context.Context, events ...event.Event) error {
	published, err := a.d.Publish(ctx, events...)
	if err == nil && published.Expired > 0 {
		return errors.New("the source lets events of that age expire")
	}
	return err
}

func (a apiDispatcher) Pending(ctx context.Context, positions []string) ([]api.PendingJob, []api.Silent, error) {
	jobs, silent, err := a.d.Pending(ctx, positions)
	list := make([]api.PendingJob, len(jobs))
	for i, j := range jobs {
		list[i] = api.PendingJob(j)
	}
	return list, silentInstances(silent), err
}

func (a apiDispatcher) Explain(ctx context.Context, positions []string) ([]api.Explanation, []api.Silent, error) {
	all, silent, err := a.d.ExplainEverywhere(ctx, positions)
	list := make([]api.Explanation, len(all))
	for i, e := range all {
		list[i] = api.Explanation(e)
	}
	return list, silentInstances(silent), err
}

func silentInstances(list []dispatcher.Silent) (out []api.Silent) {
	for _, s := range list {
		out = append(out, api.Silent(s))
	}
	return out
}

func (a apiDispatcher) Event(ctx context.Context, position string) ([]byte, error) {
	text, err := a.d.Event(ctx, position)
	if errors.Is(err, dispatcher.ErrEventGone) {
		return nil, api.ErrEventGone
	}
	return text, err
}

func (a apiDispatcher) Retry(ctx context.Context, id string) error {
	err := a.d.Retry(ctx, id)
	switch {
	case errors.Is(err, dispatcher.ErrNoLetter):
		return api.ErrNoLetter
	case errors.Is(err, dispatcher.ErrEventGone):
		return api.ErrEventGone
	}
	return err
}
