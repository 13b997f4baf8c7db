// Package serve is how the platform listens: one HTTP server with limits for slow, silent and too many clients, and TLS
// with certificates that are read anew when their files change.
//
// What is here bounds what a client may hold before a handler knows of it: a connection, a header. Bodies and answers are
// the handlers' to bound, because a stream of a gigabyte may take its time as long as it moves. So the server has neither a
// ReadTimeout nor a WriteTimeout. Begin with New.
package serve

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options of a server. Zero values mean the default in brackets.
type Options struct {
	// HeaderTimeout is how long a client may take for the TLS handshake, and from there or from a request's first byte to
	// the end of the request's header. [10 s]
	HeaderTimeout time.Duration
	// IdleTimeout is how long a connection may stay open without a request. Plugins poll within seconds. [2 min]
	IdleTimeout time.Duration
	// HeaderBytes bounds a request's header; what is larger is answered 431. A poll's query can name many sources. [64 KiB]
	HeaderBytes int
	// Connections bounds how many are open at a time. Further ones wait in the system's queue until one ends: a plugin that
	// is refused would end itself, one that waits does not. [4096]
	Connections int

	Certificate *Certificate // nil is plain HTTP
	Logger      *slog.Logger // of clients that do not speak HTTP, at level debug
}

func (o *Options) defaults() {
	if o.HeaderTimeout == 0 {
		o.HeaderTimeout = 10 * time.Second
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = 2 * time.Minute
	}
	if o.HeaderBytes == 0 {
		o.HeaderBytes = 64 << 10
	}
	if o.Connections == 0 {
		o.Connections = 4096
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Server answers on one listener.
type Server struct {
	http  http.Server
	slots chan struct{} // one for each open connection
	tls   bool
}

// New makes a server for a handler. Nothing is served yet.
func New(h http.Handler, o Options) *Server {
	o.defaults()
	s := &Server{slots: make(chan struct{}, o.Connections), tls: o.Certificate != nil}
	s.http = http.Server{
		Handler: h, ReadHeaderTimeout: o.HeaderTimeout, IdleTimeout: o.IdleTimeout,
		// net/http allows 4 KiB more than it is told.
		MaxHeaderBytes: max(o.HeaderBytes-4<<10, 1),
		ErrorLog:       slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed || state == http.StateHijacked {
				<-s.slots
			}
		},
	}
	if s.tls {
		s.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: o.Certificate.get}
	}
	return s
}

// Serve answers until Shutdown or Close, and then returns http.ErrServerClosed. It may be called once.
func (s *Server) Serve(l net.Listener) error {
	limited := &limitedListener{Listener: l, slots: s.slots, closed: make(chan struct{})}
	if s.tls {
		return s.http.ServeTLS(limited, "", "")
	}
	return s.http.Serve(limited)
}

// Shutdown takes no new connections, and waits until requests under way are answered or ctx ends; then it cuts what is left.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

// limitedListener accepts a connection when there is a slot for it. The connections are not wrapped, so that files can go
// straight from disk to socket; the server's ConnState gives the slots back.
type limitedListener struct {
	net.Listener
	slots  chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
	}
	return c, err
}

func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
