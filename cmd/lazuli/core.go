package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lazuli/event"
	"lazuli/internal/blob"
	"lazuli/internal/config"
	"lazuli/internal/dispatcher"
	"lazuli/internal/eventlog"
	"lazuli/internal/eventlog/kafka"
	"lazuli/internal/security"
)

// core is what `lazuli up` and `lazuli dispatch` have in common: log, store and dispatcher. Closing goes backwards.
type core struct {
	cfg    *config.Config
	logger *slog.Logger

	log        eventlog.Log
	store      blob.Store
	dispatcher *dispatcher.Dispatcher
	labels     *security.Scheme

	ports    ports
	registry *prometheus.Registry

	closers []func() error
}

func newCore(cfg *config.Config, logger *slog.Logger) core {
	c := core{cfg: cfg, logger: logger, registry: prometheus.NewRegistry()}
	c.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return c
}

// awayPause is how long a start waits before it asks a server again that is not there.
const awayPause = 2 * time.Second

// progressPartitions is into how many parts the work is shared out among instances; see docs/architecture.md.
const progressPartitions = 64

// open opens log and store and starts the dispatcher. logDir is for the embedded log, storeDir for a store that is not
// somewhere else, and scratch for uploads to one that is; "" is the system's own place.
func (c *core) open(ctx context.Context, logDir, storeDir, scratch string) error {
	cfg := c.cfg
	labels, err := security.New(cfg.Security)
	if err != nil {
		return &usageError{fmt.Errorf("security.%w", err)}
	}
	c.labels = labels
	opts := dispatcher.Options{
		Prefix: cfg.TopicPrefix, Keys: event.Keys(cfg.Keys), Sources: cfg, Topics: cfg.TopicSettings, Security: labels, Lease: cfg.Lease, MaxAttempts: cfg.MaxAttempts,
		MaxEventBytes: cfg.Limits.MaxEventBytes, MaxPostBytes: cfg.Limits.MaxPostBytes, MaxUploadBytes: cfg.Limits.MaxUploadBytes, AllowDelete: cfg.AllowDelete,
		Registry: c.registry, Logger: c.logger.With("part", "dispatcher"),
	}
	if cfg.Kafka.On() {
		err = c.openKafka(ctx, &opts)
	} else if c.log, err = eventlog.Open(logDir, eventlog.Options{Logger: c.logger}); err != nil {
		err = fmt.Errorf("open the event log in %s: %w", logDir, err)
	}
	if err != nil {
		return err
	}
	c.closing(c.log.Close)
	if err := c.openStore(ctx, storeDir, scratch); err != nil {
		return err
	}
	c.closing(c.store.Close)
	if c.dispatcher, err = dispatcher.New(ctx, c.log, c.store, opts); err != nil {
		return fmt.Errorf("start the dispatcher: %w", err)
	}
	c.closing(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return c.dispatcher.Close(ctx)
	})
	return nil
}

// openStore opens the store of the configuration, which may be started together with this process.
func (c *core) openStore(ctx context.Context, location, scratch string) error {
	if c.cfg.Store != "" {
		location = c.cfg.Store
	}
	if err := blob.CheckLocation(location); err != nil {
		return &usageError{fmt.Errorf("store: %w", err)}
	}
	key, err := storeKey(c.cfg.StoreKey, c.cfg.StoreKeyFile)
	if err != nil {
		return err
	}
	opts := blob.Options{Scratch: scratch, Key: key, CacheBytes: c.cfg.Limits.StoreCacheBytes}
	c.store, err = blob.Open(ctx, location, opts)
	for errors.Is(err, blob.ErrAway) && ctx.Err() == nil {
		c.logger.Warn("the store does not answer; the start waits for it", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(awayPause):
		}
		c.store, err = blob.Open(ctx, location, opts)
	}
	if err != nil {
		return fmt.Errorf("open the store in %s: %w", location, err)
	}
	return nil
}

// storeKey returns the key of an encrypted store, or nil if it has none.
func storeKey(text, file string) (key []byte, err error) {
	from := "LAZULI_STORE_KEY"
	content := []byte(text)
	if file != "" {
		from = file
		if content, err = os.ReadFile(file); err != nil {
			return nil, &usageError{fmt.Errorf("store_key_file: %w", err)}
		}
	} else if text == "" {
		return nil, nil
	}
	if key, err = blob.ParseKey(content); err != nil {
		return nil, &usageError{fmt.Errorf("%s: %w", from, err)}
	}
	return key, nil
}

// openKafka opens the log on Kafka and makes this process one of several instances.
func (c *core) openKafka(ctx context.Context, opts *dispatcher.Options) error {
	cfg := &c.cfg.Kafka
	kafkaOpts := kafka.Options{
		Brokers: cfg.List(), ClientID: "lazuli", Only: "azul." + c.cfg.TopicPrefix + ".", Replicas: int16(cfg.Replicas),
		Logger: c.logger.With("part", "kafka"),
	}
	log, err := kafka.Open(ctx, kafkaOpts)
	for errors.Is(err, eventlog.ErrAway) && ctx.Err() == nil { // they may be started together
		c.logger.Warn("Kafka does not answer; the start waits for it", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(awayPause):
		}
		log, err = kafka.Open(ctx, kafkaOpts)
	}
	if err != nil {
		return err
	}
	c.log = log
	opts.Ownership = log.Owning(c.cfg.TopicPrefix+"-lazuli-dispatch", dispatcher.ProgressTopic(c.cfg.TopicPrefix), progressPartitions)
	opts.Address = cfg.Address
	if opts.Address == "" {
		opts.Address = c.ports.plugins.url()
	}
	if cfg.TokenFile != "" {
		token, err := os.ReadFile(cfg.TokenFile)
		if err != nil {
			return errors.Join(&usageError{fmt.Errorf("kafka.token_file: %w", err)}, log.Close())
		}
		opts.PeerAuth = "Bearer " + strings.TrimSpace(string(token))
	}
	return nil
}

func (c *core) dispatcherURL() string { return c.ports.plugins.url() }

func (c *core) dispatcherHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", c.dispatcher.Handler())
	mux.Handle("GET /metrics", promhttp.HandlerFor(c.registry, promhttp.HandlerOpts{}))
	return mux
}

func (c *core) closing(f func() error) { c.closers = append(c.closers, f) }

// close releases everything, last first.
func (c *core) close() error {
	var errs []error
	for i := len(c.closers) - 1; i >= 0; i-- {
		errs = append(errs, c.closers[i]())
	}
	c.closers = nil
	return errors.Join(errs...)
}

func ignoreClosed(f func() error) func() error {
	return func() error {
		if err := f(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}
