package client

import "time"

// WithIdleTime changes how long a stream may stand still.
func WithIdleTime(limit time.Duration) DispatcherOption {
	return func(d *Dispatcher) { d.idleTime = limit }
}
