package worker

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"

	"lazuli/client"
	"lazuli/plugin"
)

// EnvOptions names the environment variable through which a Host tells a child its ChildOptions, as JSON. They hold the
// dispatcher's URL and a token, credentials that must not stand in a list of processes.
const EnvOptions = "LAZULI_WORKER"

// reportFD is the pipe on which a child reports its states, one line of JSON each.
const reportFD = 3

// exitOrphan is the code of a child whose host is gone.
const exitOrphan = 3

// ChildOptions are what a Host gives a child.
type ChildOptions struct {
	Worker        string                       `json:"worker"`
	DispatcherURL string                       `json:"dispatcher"`
	Token         string                       `json:"token,omitempty"`    // shown to the dispatcher
	CA            string                       `json:"ca,omitempty"`       // PEM of who may sign its certificate
	Settings      map[string]map[string]string `json:"settings,omitempty"` // of plugins, by their names
	MemoryLimit   int64                        `json:"memory"`             // bytes
	Grace         time.Duration                `json:"grace"`
	TempDir       string                       `json:"temp"`
}

// ChildOptionsFromEnv reads the options, and takes them out of the environment.
func ChildOptionsFromEnv() (ChildOptions, error) {
	text, ok := os.LookupEnv(EnvOptions)
	if !ok {
		return ChildOptions{}, errors.New("a worker is started by lazuli itself: use lazuli up, or lazuli plugin run to run one plugin")
	}
	if err := os.Unsetenv(EnvOptions); err != nil {
		return ChildOptions{}, fmt.Errorf("clear %s: %w", EnvOptions, err)
	}
	var o ChildOptions
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return ChildOptions{}, fmt.Errorf("read %s: %w", EnvOptions, err)
	}
	if o.Worker == "" || o.DispatcherURL == "" || o.MemoryLimit <= 0 || !filepath.IsAbs(o.TempDir) {
		return ChildOptions{}, fmt.Errorf("%s lacks the worker's name, dispatcher, memory limit or folder", EnvOptions)
	}
	return o, nil
}

// Main is a child's whole life: it confines the process and runs plugins until ctx ends, SIGTERM comes, or the host goes
// away, upon which the process exits at once. The caller exits when it returns.
func Main(ctx context.Context, o ChildOptions, plugins []plugin.Plugin) error {
	reports := os.NewFile(reportFD, "reports")
	if _, err := reports.Stat(); err != nil {
		return errors.New("a worker needs the pipe of the lazuli that started it")
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when the host does
		_ = empty(o.TempDir)
		os.Exit(exitOrphan)
	}()
	signal.Ignore(os.Interrupt, syscall.SIGHUP) // a terminal sends these to the host as well, and that decides
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()

	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	access, err := o.access()
	if err != nil {
		return err
	}
	d, err := client.NewDispatcher(o.DispatcherURL, client.WithUserAgent("lazuli-worker"), client.WithAccess(access))
	if err != nil {
		return err
	}
	defer d.Close()
	debug.SetMemoryLimit(o.MemoryLimit / 10 * 9) // collect hard before the host kills
	if err := limitResources(o.MemoryLimit); err != nil {
		return fmt.Errorf("limit the worker's resources: %w", err)
	}
	if err := confine(o, d.URL(), logger); err != nil {
		return fmt.Errorf("put the worker into its sandbox: %w", err)
	}
	c := &child{o: o, reports: json.NewEncoder(reports), logger: logger}
	runner, err := plugin.NewRunner(d, plugin.RunnerOptions{
		Worker: o.Worker, TempDir: o.TempDir, Grace: o.Grace, Supervised: true, OnJob: c.report, Logger: logger,
	}, plugins...)
	if err != nil {
		return err
	}
	return runner.Run(ctx)
}

func (o ChildOptions) access() (client.Access, error) {
	a := client.Access{Token: o.Token}
	if o.CA != "" {
		a.RootCAs = x509.NewCertPool()
		if !a.RootCAs.AppendCertsFromPEM([]byte(o.CA)) {
			return a, errors.New("there is no certificate in the CA file")
		}
	}
	return a, nil
}

// child is the state of this process as a worker.
type child struct {
	o       ChildOptions
	reports *json.Encoder
	logger  *slog.Logger
}

// report tells the host what the runner is at. Between jobs it cleans up first.
func (c *child) report(s plugin.JobState) {
	if s.Idle() {
		if err := empty(c.o.TempDir); err != nil {
			c.logger.Warn("a job's files stay behind", "err", err)
		}
		c.releaseMemory()
	}
	if err := c.reports.Encode(s); err != nil {
		os.Exit(exitOrphan) // nobody listens any more
	}
}

// releaseMemory gives back to the system what a large job needed, so that the next one is not blamed for it.
func (c *child) releaseMemory() {
	held := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(held)
	if int64(held[0].Value.Uint64()-held[1].Value.Uint64()) > c.o.MemoryLimit/4 {
		debug.FreeOSMemory()
	}
}

// empty removes what is in a folder.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}
