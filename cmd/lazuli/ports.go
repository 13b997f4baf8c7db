package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"lazuli/internal/auth"
	"lazuli/internal/config"
	"lazuli/internal/dispatcher"
	"lazuli/internal/serve"
)

// ports are what the platform listens on: pages and REST; plugins; and, where there are workers, a port for those alone, on
// loopback and with a token that only they know. So they work whatever certificate and users the port for plugins asks for.
type ports struct {
	pages, plugins, workers              *port
	gate                                 *auth.Gate // of the port for plugins; nil lets everybody in
	workerToken                          string
	pagesCertificate, pluginsCertificate *serve.Certificate
}

type port struct {
	net.Listener
	scheme string
}

func (p *port) url() string { return p.scheme + "://" + p.Addr().String() }

// drainTime is how long requests may go on when the platform stops, after the workers have ended.
const drainTime = 2 * time.Second

// openPorts reads credentials and certificates and listens for pages, REST and plugins. What is wrong with them is the user's
// to mend.
func (p *platform) openPorts() error {
	cfg, err := p.cfg, error(nil)
	if p.ports.pagesCertificate, err = p.certificate("tls", cfg.TLS); err != nil {
		return err
	}
	if p.ports.pages, err = p.listen(cfg.Listen, p.ports.pagesCertificate); err != nil {
		return fmt.Errorf("listen for pages and REST: %w (give --listen another address)", err)
	}
	return p.openPluginPort()
}

// openPluginPort does that for plugins alone.
func (p *core) openPluginPort() error {
	cfg, err := p.cfg, error(nil)
	if !cfg.DispatcherAuth.Empty() {
		if p.ports.gate, err = auth.New(cfg.DispatcherAuth, p.logger.With("part", "auth")); err != nil {
			return &usageError{fmt.Errorf("dispatcher_auth: %w", err)}
		}
	}
	if p.ports.pluginsCertificate, err = p.certificate("dispatcher_tls", cfg.DispatcherTLS); err != nil {
		return err
	}
	if p.ports.plugins, err = p.listen(cfg.DispatcherListen, p.ports.pluginsCertificate); err != nil {
		return fmt.Errorf("listen for plugins: %w (give --dispatcher-listen another address)", err)
	}
	if !config.Loopback(cfg.DispatcherListen) && !cfg.DispatcherTLS.On() {
		p.logger.Warn("passwords and files go over the network in the clear: set dispatcher_tls, or make sure that the network is safe", "listen", cfg.DispatcherListen)
	}
	return nil
}

// openWorkerPort listens for the workers, if there are any.
func (p *platform) openWorkerPort() (err error) {
	if !p.cfg.Plugins {
		return nil
	}
	p.ports.workerToken = rand.Text()
	if p.ports.workers, err = p.listen("127.0.0.1:0", nil); err != nil {
		return fmt.Errorf("listen for the workers: %w", err)
	}
	return nil
}

// certificate returns nil where none is configured.
func (p *core) certificate(key string, files config.TLS) (*serve.Certificate, error) {
	if !files.On() {
		return nil, nil
	}
	c, err := serve.LoadCertificate(files.CertFile, files.KeyFile, p.logger.With("part", key))
	if err != nil {
		return nil, &usageError{fmt.Errorf("%s: %w", key, err)}
	}
	return c, nil
}

func (p *core) listen(addr string, c *serve.Certificate) (*port, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	p.closing(ignoreClosed(l.Close))
	if c != nil {
		return &port{l, "https"}, nil
	}
	return &port{l, "http"}, nil
}

// servers answer on the platform's ports.
type servers []*serve.Server

// serve begins to answer on every port, as parts of group.
func (p *platform) serve(group *errgroup.Group) servers {
	all := servers{
		p.serveOn(group, p.ports.plugins, p.guarded(p.dispatcherHandler()), p.ports.pluginsCertificate),
		p.serveOn(group, p.ports.pages, p.pagesHandler(), p.ports.pagesCertificate),
	}
	if p.ports.workers != nil {
		all = append(all, p.serveOn(group, p.ports.workers, p.guard(auth.ForToken(p.ports.workerToken), p.dispatcher.Handler()), nil))
	}
	return all
}

func (p *core) serveOn(group *errgroup.Group, l *port, h http.Handler, c *serve.Certificate) *serve.Server {
	s := serve.New(h, serve.Options{Certificate: c, Logger: p.logger})
	group.Go(func() error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", l.Addr(), err)
		}
		return nil
	})
	return s
}

// shutdown lets requests under way end, on all ports at once.
func (all servers) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	errs := make([]error, len(all))
	var ended sync.WaitGroup
	for i, s := range all {
		ended.Go(func() { errs[i] = s.Shutdown(ctx) })
	}
	ended.Wait()
	return errors.Join(errs...)
}

// guarded asks plugins who they are, where users or tokens are configured. The root, which says no more than that a
// dispatcher is here, stays open for probes.
func (p *core) guarded(h http.Handler) http.Handler {
	if p.ports.gate == nil {
		return h
	}
	return p.guard(p.ports.gate, h, "/")
}

func (p *core) guard(g *auth.Gate, h http.Handler, open ...string) http.Handler {
	return g.Guard(h, dispatcher.WriteProblem, func(o auth.Outcome) { p.dispatcher.CountRefused(string(o)) }, open...)
}
