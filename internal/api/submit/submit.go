// Package submit makes events of files that people submit: it takes them out of the containers that they travel in, and says of
// them what a submission says. It keeps nothing and publishes nothing.
package submit

import (
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/cart"
	"lazuli/internal/config"
)

// maxMalPZ is the largest content of a MalPZ, in bytes: it is unwrapped in memory.
const maxMalPZ = 50 << 20

// Unwrap returns what is in r if that is a container, and under which name it is known: the one that was given, unless that is the
// container's or missing.
func Unwrap(r io.Reader, filename string) (io.Reader, string, error) {
	c, err := cart.Open(r, cart.Key{}, maxMalPZ)
	if err != nil {
		return nil, "", err
	}
	if c.Kind == cart.Raw {
		return c, filename, nil
	}
	inner := strings.TrimSuffix(strings.TrimSuffix(filename, ".cart"), ".malpz")
	if told := path.Base(strings.ReplaceAll(c.Metadata.Name(), `\`, "/")); inner != filename || filename == "" {
		if told != "." && told != "/" {
			inner = told
		}
	}
	return c, inner, nil
}

// Damaged tells whether an error comes from a container that cannot be unwrapped.
func Damaged(err error) bool {
	return errors.Is(err, cart.ErrFormat) || errors.Is(err, cart.ErrKey) || errors.Is(err, cart.ErrDigest)
}

// Bad is what is wrong with what is said of a file, whatever is in the file.
type Bad struct {
	What string // source, references or security
	Err  error
}

func (b *Bad) Error() string { return b.Err.Error() }
func (b *Bad) Unwrap() error { return b.Err }

// Check returns nil for what may be said of a submission to a source, else a *Bad. Every way in asks it before a file is read.
func Check(cfg *config.Config, source string, references map[string]string) error {
	if err := cfg.SourceAllowed(source); err != nil {
		return &Bad{"source", err}
	}
	if err := cfg.CheckReferences(source, references); err != nil {
		return &Bad{"references", err}
	}
	return nil
}

// Said is what is said of a file that is submitted.
type Said struct {
	Source, Filename string
	User             string
	Label            string // of the file, and of what the user says of it
	Time             time.Time
	References       map[string]string
	Settings         map[string]string
}

func (s *Said) author() event.Author {
	return event.Author{Category: "user", Name: s.User, Security: s.Label}
}

// Sourced is the event of a file that came in. streams are those that are kept, its content first.
func Sourced(said Said, streams ...event.Datastream) *event.Binary {
	return said.event(event.Sourced, Entity(said.Filename, streams...))
}

// Mapped is the event of what is said of a file that did not come in. streams are those that are kept, none of them content.
func Mapped(said Said, sha256 string, streams ...event.Datastream) *event.Binary {
	e := event.Entity{SHA256: sha256, Datastreams: streams, Features: features(said.Filename, event.Datastream{})}
	return said.event(event.Mapped, e)
}

func (s *Said) event(action event.Action, entity event.Entity) *event.Binary {
	at := event.At(s.Time)
	return &event.Binary{
		Head:   event.Head{ModelVersion: event.ModelVersion, Timestamp: event.Now(), Author: s.author()},
		Action: action,
		Entity: entity,
		Source: event.Source{Name: s.Source, Timestamp: at, References: s.References, Settings: s.Settings, Security: s.Label, Path: event.Path{{Author: s.author(),
			Action: action, SHA256: entity.SHA256, Timestamp: at, FileFormat: entity.FileFormat, Filename: s.Filename, Size: entity.Size}}},
	}
}

// Entity is what streams say of a file, of which the first is the content.
func Entity(filename string, streams ...event.Datastream) event.Entity {
	c := streams[0]
	return event.Entity{SHA256: c.SHA256, SHA512: c.SHA512, SHA1: c.SHA1, MD5: c.MD5, SSDeep: c.SSDeep, TLSH: c.TLSH,
		Size: c.Size, MIME: c.MIME, Magic: c.Magic, FileFormat: c.FileFormat, FileExtension: c.FileExtension,
		Datastreams: streams, Features: features(filename, c)}
}

func features(filename string, content event.Datastream) []event.Feature {
	var list []event.Feature
	for _, f := range []event.Feature{
		{Name: "filename", Type: event.Filepath, Value: filename}, {Name: "file_format", Type: event.String, Value: content.FileFormat},
		{Name: "file_extension", Type: event.String, Value: content.FileExtension}, {Name: "magic", Type: event.String, Value: content.Magic},
		{Name: "mime", Type: event.String, Value: content.MIME},
	} {
		if f.Value != "" {
			list = append(list, f)
		}
	}
	return list
}
