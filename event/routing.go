package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// Routing is the header of a record in the log: whatever a filter or a follower looks at, so that neither has to decode
// the event. It is written by Route and read by ParseRouting; its bytes are described in docs/formats.md.
type Routing struct {
	Model     Model
	SHA256    string // of the entity; "" where the model has none
	Author    string // author.name
	Version   string // author.version
	Source    string
	Action    Action
	Security  string    // source.security
	Submitted time.Time // source.timestamp
	Depth     int       // nodes of the path
	Streams   []RoutingStream
	Flags     Flags
	Settings  string // source.settings.expedite_plugin

	// Of statuses only.
	State    State
	Dequeued string

	// Input and Run tie a result or a status to its job: the key of the event that was handed out, and the hand-out
	// (the job id without attempt and time; see JobID.Run). Empty for what did not come from a job.
	Input, Run string

	// Of binary events only, and not in headers of version 1: what deletions name.
	Made   time.Time // timestamp of the event
	Tracks []uint64  // TrackHash of the submission, the authors and the links; never empty for an event with tracking fields
}

// RoutingStream is what filters look at of a stream. Size is in bytes.
type RoutingStream struct {
	Label  Label
	Format string
	Size   uint64
}

// routingVersion is what Append writes. ParseRouting reads every version up to it.
const routingVersion = 2

// ErrRouting tells that a header is not a routing record of a known version; the event itself must be decoded.
var ErrRouting = errors.New("no routing record of a known version")

// Route makes the header of an event. Input and Run are the caller's to set.
func Route(ev Event) Routing {
	h := ev.Header()
	r := Routing{Model: ev.Model(), Author: h.Author.Name, Version: h.Author.Version}
	switch e := ev.(type) {
	case *Binary:
		r.binary(e)
		r.Made, r.Tracks = e.Timestamp.Time, trackHashes(e)
	case *Status:
		r.binary(&e.Entity.Input)
		r.State, r.Dequeued = e.Entity.Status, e.Entity.Input.Dequeued
		r.Streams = nil // statuses are not filtered by streams
	case *Download:
		r.source(&e.Source)
		r.SHA256 = e.Entity.Hash
	case *Plugin:
	case *Insert:
		r.SHA256 = e.Entity.ParentSHA256
	}
	return r
}

func (r *Routing) binary(b *Binary) {
	r.source(&b.Source)
	r.SHA256, r.Action, r.Flags = b.Entity.SHA256, b.Action, b.Flags
	if len(b.Entity.Datastreams) > 0 {
		r.Streams = make([]RoutingStream, len(b.Entity.Datastreams))
		for i, s := range b.Entity.Datastreams {
			r.Streams[i] = RoutingStream{s.Label, s.FileFormat, s.Size}
		}
	}
}

func (r *Routing) source(s *Source) {
	r.Source, r.Security, r.Submitted, r.Depth = s.Name, s.Security, s.Timestamp.Time, len(s.Path)
	r.Settings = s.Settings["expedite_plugin"]
}

// Append adds the record's bytes to buf: a version byte, then every field in the order of the struct; text and lists carry
// their length as a uvarint, a time is a varint of Unix microseconds (0 for none), the flags are one byte, a hash eight.
func (r *Routing) Append(buf []byte) []byte {
	text := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	buf = append(buf, routingVersion)
	text(string(r.Model))
	text(r.SHA256)
	text(r.Author)
	text(r.Version)
	text(r.Source)
	text(string(r.Action))
	text(r.Security)
	moment := func(t time.Time) {
		var micros int64
		if !t.IsZero() {
			micros = t.UnixMicro()
		}
		buf = binary.AppendVarint(buf, micros)
	}
	moment(r.Submitted)
	buf = binary.AppendUvarint(buf, uint64(r.Depth))
	buf = binary.AppendUvarint(buf, uint64(len(r.Streams)))
	for _, s := range r.Streams {
		text(string(s.Label))
		text(s.Format)
		buf = binary.AppendUvarint(buf, s.Size)
	}
	var flags byte
	for i, on := range []bool{r.Flags.BypassCache, r.Flags.Expedite, r.Flags.Retry} {
		if on {
			flags |= 1 << i
		}
	}
	buf = append(buf, flags)
	text(r.Settings)
	text(string(r.State))
	text(r.Dequeued)
	text(r.Input)
	text(r.Run)
	moment(r.Made)
	buf = binary.AppendUvarint(buf, uint64(len(r.Tracks)))
	for _, hash := range r.Tracks {
		buf = binary.BigEndian.AppendUint64(buf, hash)
	}
	return buf
}

// ParseRouting reads what Append wrote. ErrRouting for an empty header or an unknown version; bytes past the known fields are
// ignored.
//
// All text shares one copy of the header, so that a record costs two allocations at most; header may be used again.
func ParseRouting(header []byte) (Routing, error) {
	if len(header) == 0 || header[0] == 0 || header[0] > routingVersion {
		return Routing{}, ErrRouting
	}
	d := routingReader{rest: header[1:], text: string(header[1:])}
	var r Routing
	r.Model = Model(d.string())
	r.SHA256 = d.string()
	r.Author = d.string()
	r.Version = d.string()
	r.Source = d.string()
	r.Action = Action(d.string())
	r.Security = d.string()
	r.Submitted = d.time()
	depth := d.uvarint()
	if depth > math.MaxInt32 {
		d.fail()
	}
	r.Depth = int(depth)
	if n := d.uvarint(); n > uint64(len(d.rest)/minStreamBytes) {
		d.fail()
	} else if n > 0 {
		r.Streams = make([]RoutingStream, n)
		for i := range r.Streams {
			r.Streams[i] = RoutingStream{Label: Label(d.string()), Format: d.string(), Size: d.uvarint()}
		}
	}
	flags := d.byte()
	r.Flags = Flags{BypassCache: flags&1 != 0, Expedite: flags&2 != 0, Retry: flags&4 != 0}
	r.Settings = d.string()
	r.State = State(d.string())
	r.Dequeued = d.string()
	r.Input = d.string()
	r.Run = d.string()
	if header[0] >= 2 {
		r.Made = d.time()
		r.Tracks = d.hashes()
	}
	if d.bad {
		return Routing{}, fmt.Errorf("%w: it is cut short or damaged", ErrRouting)
	}
	return r, nil
}

// minStreamBytes is what the shortest RoutingStream takes: two lengths and a size.
const minStreamBytes = 3

// routingReader reads fields until one does not fit; then it reads zeros. rest is the end of text.
type routingReader struct {
	rest []byte
	text string
	bad  bool
}

func (d *routingReader) fail() { d.bad, d.rest = true, nil }

func (d *routingReader) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *routingReader) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *routingReader) time() time.Time {
	if micros := d.varint(); micros != 0 {
		return time.UnixMicro(micros).UTC()
	}
	return time.Time{}
}

func (d *routingReader) hashes() []uint64 {
	n := d.uvarint()
	if n > uint64(len(d.rest)/8) {
		d.fail()
		return nil
	}
	if n == 0 {
		return nil
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = binary.BigEndian.Uint64(d.rest[8*i:])
	}
	d.rest = d.rest[8*n:]
	return list
}

func (d *routingReader) byte() byte {
	if len(d.rest) == 0 {
		d.fail()
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *routingReader) string() string {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.fail()
		return ""
	}
	from := len(d.text) - len(d.rest)
	d.rest = d.rest[n:]
	return d.text[from : from+int(n)]
}
