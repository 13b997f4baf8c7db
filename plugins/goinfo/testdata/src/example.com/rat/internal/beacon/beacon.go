// Package beacon has types of many kinds.
package beacon

import "errors"

type Config struct {
	Host string
	Port int
	keys Keys
}

type Keys [4]uint32
type Table map[string]Config
type Hook func(*Config) error
type Sender interface {
	Send(data []byte) error
	close()
}

var ErrClosed = errors.New("closed")

//go:noinline
func (c *Config) Send(data []byte) error {
	if len(data) == 0 {
		return ErrClosed
	}
	c.keys[len(data)%4]++
	return nil
}

func (c *Config) close() { c.Host = "" }

//go:noinline
func (k Keys) Sum() uint32 { return k[0] ^ k[1] ^ k[2] ^ k[3] }

//go:noinline
func Run(s Sender) error {
	defer s.close()
	f := func() error { return s.Send([]byte("hello")) }
	return f()
}

//go:noinline
func Show(v interface{}) { Shown = append(Shown, v) }

var Shown []interface{}
