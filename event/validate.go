package event

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// The limits of a legal event. They are far above what real plugins make, and keep one event from filling the memory of
// everybody who reads it.
const (
	MaxPathNodes       = 100
	MaxFeatures        = 10_000 // of one entity, and of one registration
	MaxDatastreams     = 1_000  // of one entity
	MaxResults         = 10_000 // of one status
	MaxPairs           = 1_000  // entries of references, settings, relationship or config
	MaxIDs             = 100_000
	MaxIdentifierBytes = 4 << 10
	MaxTextBytes       = 64 << 10 // values of references, settings and relationships, file names, URLs
)

// fieldError says what is wrong with a field, which is its place in the JSON of the event.
type fieldError struct{ field, problem string }

func (e *fieldError) Error() string { return e.field + " " + e.problem }

// in puts the place of a part before the field that err names; a nil err stays nil.
func in(place string, err error) error {
	var wrong *fieldError
	if errors.As(err, &wrong) {
		return &fieldError{place + "." + wrong.field, wrong.problem}
	}
	return err
}

// inList does what in does, for the i-th element of a list.
func inList(list string, i int, err error) error {
	return in(fmt.Sprintf("%s[%d]", list, i), err)
}

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func missing(field string) error { return &fieldError{field, "is missing"} }

// unknown tells that a value is none of those that readers know.
func unknown[T ~string](field string, value T) error {
	if value == "" {
		return missing(field)
	}
	return &fieldError{field, fmt.Sprintf("%.40q is not known", string(value))}
}

// oneOf checks a field that must have one of a few values.
func oneOf(field, value string, known []string) error {
	if !slices.Contains(known, value) {
		return unknown(field, value)
	}
	return nil
}

// text is a field with its value.
type text struct{ field, value string }

// required checks identifiers that must be there.
func required(texts ...text) error {
	for _, t := range texts {
		if t.value == "" {
			return missing(t.field)
		}
	}
	return identifiers(texts...)
}

// identifiers checks the length of names, hashes, labels and the like.
func identifiers(texts ...text) error { return shorter(MaxIdentifierBytes, texts...) }

func shorter(limit int, texts ...text) error {
	for _, t := range texts {
		if len(t.value) > limit {
			return &fieldError{t.field, fmt.Sprintf("has %d bytes, the limit is %d", len(t.value), limit)}
		}
	}
	return nil
}

func atMost(field string, n, limit int) error {
	if n > limit {
		return &fieldError{field, fmt.Sprintf("has %d entries, the limit is %d", n, limit)}
	}
	return nil
}

func pairs(field string, m map[string]string) error {
	if err := atMost(field, len(m), MaxPairs); err != nil {
		return err
	}
	for key, value := range m {
		if len(key) > MaxIdentifierBytes {
			return &fieldError{field, fmt.Sprintf("has a key of %d bytes, the limit is %d", len(key), MaxIdentifierBytes)}
		}
		if len(value) > MaxTextBytes {
			return &fieldError{field, fmt.Sprintf("has %d bytes at key %.40q, the limit is %d", len(value), key, MaxTextBytes)}
		}
	}
	return nil
}

// signed checks that a number fits the signed 64 bits that Avro and the index have for it.
func signed(field string, n uint64) error {
	if n > math.MaxInt64 {
		return &fieldError{field, fmt.Sprintf("%d is larger than 2^63-1", n)}
	}
	return nil
}

// moment checks a time. One that is not given is legal, as it is in the reference.
func moment(field string, t Time) error {
	if err := t.check(); err != nil {
		return &fieldError{field, err.Error()}
	}
	return nil
}

func (h *Head) validate() error {
	if h.ModelVersion < 0 {
		return &fieldError{"model_version", "is negative"}
	}
	return first(
		in("author", h.Author.validate()),
		identifiers(text{"kafka_key", h.KafkaKey}),
		moment("timestamp", h.Timestamp),
	)
}

func (a *Author) validate() error {
	return first(
		required(text{"name", a.Name}),
		identifiers(text{"category", a.Category}, text{"version", a.Version}, text{"security", a.Security}),
	)
}

func (n *PathNode) validate() error {
	if !n.Action.Valid() {
		return unknown("action", n.Action)
	}
	return first(
		in("author", n.Author.validate()),
		required(text{"sha256", n.SHA256}),
		identifiers(text{"file_format", n.FileFormat}, text{"language", n.Language}),
		shorter(MaxTextBytes, text{"filename", n.Filename}),
		pairs("relationship", n.Relationship),
		signed("size", n.Size),
		moment("timestamp", n.Timestamp),
	)
}

func (s *Source) validate() error {
	if err := first(
		required(text{"name", s.Name}),
		identifiers(text{"security", s.Security}),
		pairs("references", s.References),
		pairs("settings", s.Settings),
		moment("timestamp", s.Timestamp),
		atMost("path", len(s.Path), MaxPathNodes),
	); err != nil {
		return err
	}
	for i := range s.Path {
		node := &s.Path[i]
		if err := node.validate(); err != nil {
			return inList("path", i, err)
		}
		if node.Action == Enriched && i < len(s.Path)-1 {
			return inList("path", i, &fieldError{"action", "is enriched, which has no children"})
		}
	}
	return nil
}

func (e *Entity) validate() error {
	if err := first(
		required(text{"sha256", e.SHA256}),
		identifiers(
			text{"sha512", e.SHA512}, text{"sha1", e.SHA1}, text{"md5", e.MD5}, text{"ssdeep", e.SSDeep}, text{"tlsh", e.TLSH},
			text{"mime", e.MIME}, text{"file_format", e.FileFormat}, text{"file_extension", e.FileExtension}),
		shorter(MaxTextBytes, text{"magic", e.Magic}),
		signed("size", e.Size),
		atMost("features", len(e.Features), MaxFeatures),
		atMost("datastreams", len(e.Datastreams), MaxDatastreams),
	); err != nil {
		return err
	}
	for i := range e.Features {
		if err := e.Features[i].validate(); err != nil {
			return inList("features", i, err)
		}
	}
	for i := range e.Datastreams {
		if err := e.Datastreams[i].validate(); err != nil {
			return inList("datastreams", i, err)
		}
	}
	return checkObject("info", e.Info)
}

func (f *Feature) validate() error {
	if !f.Type.Valid() {
		return unknown("type", f.Type)
	}
	if err := first(required(text{"name", f.Name}), shorter(MaxTextBytes, text{"label", f.Label})); err != nil {
		return err
	}
	if f.Offset != nil {
		if err := signed("offset", *f.Offset); err != nil {
			return err
		}
	}
	if f.Size != nil {
		return signed("size", *f.Size)
	}
	return nil
}

func (d *Datastream) validate() error {
	if !d.Label.Valid() {
		return unknown("label", d.Label)
	}
	if !isSHA256(d.SHA256) {
		return &fieldError{"sha256", fmt.Sprintf("%.80q is not 64 lower-case hex digits", d.SHA256)}
	}
	if d.IdentifyVersion < 0 {
		return &fieldError{"identify_version", "is negative"}
	}
	return first(
		identifiers(
			text{"sha512", d.SHA512}, text{"sha1", d.SHA1}, text{"md5", d.MD5}, text{"ssdeep", d.SSDeep}, text{"tlsh", d.TLSH},
			text{"mime", d.MIME}, text{"file_format", d.FileFormat}, text{"file_extension", d.FileExtension},
			text{"language", d.Language}),
		shorter(MaxTextBytes, text{"magic", d.Magic}),
		signed("size", d.Size),
	)
}

// isSHA256 tells whether s may become the name of an object in the file store.
func isSHA256(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return len(s) == 64
}

// checkStreams checks that a binary has the streams that its action wants, and none that it forbids (protocol 2.2).
func checkStreams(action Action, streams []Datastream) error {
	content, other := false, false
	for i := range streams {
		if streams[i].Label == LabelContent {
			content = true
		} else {
			other = true
		}
	}
	problem := ""
	switch action {
	case Sourced, Extracted:
		if !content {
			problem = "must have one with label content"
		}
	case Augmented:
		if !content || !other {
			problem = "must have one with label content and one with another label"
		}
	case Mapped:
		if content {
			problem = "must have none with label content"
		}
	case Enriched:
		if len(streams) > 0 {
			problem = "must be empty"
		}
	}
	if problem == "" {
		return nil
	}
	return &fieldError{"entity.datastreams", problem + " when action is " + string(action)}
}
