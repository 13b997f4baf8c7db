package index

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
)

// body is what a document keeps beside its columns and features: JSON, compressed with a dictionary of what is in most of them.
type body struct {
	Position       string            `json:"at"`
	AuthorSecurity string            `json:"as,omitempty"`
	Input          string            `json:"in,omitempty"`
	Run            string            `json:"run,omitempty"`
	SourceSecurity string            `json:"ss,omitempty"`
	References     map[string]string `json:"ref,omitempty"`
	Settings       map[string]string `json:"set,omitempty"`
	Track          string            `json:"tr,omitempty"`
	Links          []string          `json:"tl,omitempty"`
	Authors        []string          `json:"ta,omitempty"`
	Path           []bodyNode        `json:"path,omitempty"`
	Streams        []Stream          `json:"streams,omitempty"`
	Same           bool              `json:"same,omitempty"` // what the facts say is left out of streams that are the file
	Info           json.RawMessage   `json:"info,omitempty"`
}

type bodyNode struct {
	SHA256       string            `json:"h"`
	Action       string            `json:"a,omitempty"`
	Filename     string            `json:"n,omitempty"`
	FileFormat   string            `json:"f,omitempty"`
	Language     string            `json:"l,omitempty"`
	Category     string            `json:"c,omitempty"`
	Name         string            `json:"p,omitempty"`
	Version      string            `json:"v,omitempty"`
	Security     string            `json:"s,omitempty"`
	Relationship map[string]string `json:"r,omitempty"`
	Size         int64             `json:"z,omitempty"`
	Time         int64             `json:"t,omitempty"` // microseconds
	TrackLink    string            `json:"k,omitempty"`
}

func bodyOf(d *Document) *body {
	b := &body{Position: d.Position, AuthorSecurity: d.Author.Security, Input: d.Input, Run: d.Run, SourceSecurity: d.SourceSecurity,
		References: d.SourceReferences, Settings: d.SourceSettings, Track: d.TrackSourceReferences, Links: d.TrackLinks, Authors: d.TrackAuthors, Streams: d.Streams}
	if string(d.Info) != "null" {
		b.Info = d.Info
	}
	f := factsOf(d)
	for i := range d.Streams {
		if s := &d.Streams[i]; d.own(s) && f.said(s) {
			if !b.Same {
				b.Same, b.Streams = true, slices.Clone(d.Streams)
			}
			facts{}.say(&b.Streams[i])
			b.Streams[i].SHA256 = ""
		}
	}
	for i := range d.Path {
		n := &d.Path[i]
		sha := n.SHA256
		if sha == d.SHA256 {
			sha = "" // own
		}
		b.Path = append(b.Path, bodyNode{sha, n.Action, n.Filename, n.FileFormat, n.Language, n.Author.Category, n.Author.Name, n.Author.Version, n.Author.Security,
			n.Relationship, n.Size, micros(n.Timestamp), n.TrackLink})
	}
	return b
}

// restore fills in what was left out because it is the file's.
func (b *body) restore(sha256 string, f *facts) {
	for i := range b.Path {
		if n := &b.Path[i]; n.SHA256 == "" {
			n.SHA256 = sha256
		}
	}
	for i := range b.Streams {
		if s := &b.Streams[i]; b.Same && s.SHA256 == "" {
			s.SHA256 = sha256
			f.say(s)
		}
	}
}

// said tells whether a stream says what the facts say.
func (f facts) said(s *Stream) bool {
	return s.Size == f.size && s.SHA512 == f.sha512 && s.SHA1 == f.sha1 && s.MD5 == f.md5 && s.SSDeep == f.ssdeep && s.TLSH == f.tlsh && s.MIME == f.mime &&
		s.Magic == f.magic && s.FileFormat == f.fileFormat && s.Extension == f.extension
}

// say has a stream say what the facts say.
func (f facts) say(s *Stream) {
	s.Size, s.SHA512, s.SHA1, s.MD5, s.SSDeep, s.TLSH = f.size, f.sha512, f.sha1, f.md5, f.ssdeep, f.tlsh
	s.MIME, s.Magic, s.FileFormat, s.Extension = f.mime, f.magic, f.fileFormat, f.extension
}

// into fills in a document.
func (b *body) into(d *Document) {
	d.Position, d.Author.Security, d.Input, d.Run, d.SourceSecurity = b.Position, b.AuthorSecurity, b.Input, b.Run, b.SourceSecurity
	d.SourceReferences, d.SourceSettings, d.TrackSourceReferences, d.TrackLinks, d.TrackAuthors = b.References, b.Settings, b.Track, b.Links, b.Authors
	d.Streams, d.Info = b.Streams, b.Info
	for i := range b.Path {
		n := &b.Path[i]
		d.Path = append(d.Path, PathNode{n.SHA256, n.Action, n.Filename, n.FileFormat, n.Language, Author{n.Category, n.Name, n.Version, n.Security},
			n.Relationship, n.Size, moment(n.Time), n.TrackLink})
	}
}

// micros is the time in a row; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is the opposite.
func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// bodyDictionary is what most bodies have. It belongs to the schema: what was compressed with another one cannot be read.
const bodyDictionary = `{"label":"content","sha256":"","sha512":"","sha1":"","md5":"","ssdeep":"","tlsh":"T1","size":,"file_format":"executable/windows/pe32",` +
	`"file_extension":"exe","mime":"application/x-dosexec","magic":"PE32 executable (GUI) Intel 80386, for MS Windows","language":"","identify_version":1,` +
	`"plugin":"","source":""}],"info":{"entropy":{"overall":,"block_size":,"blocks":[` +
	`{"at":"azul.lazuli.binary.enriched/0/","in":"","run":"","ref":{"user":"","description":""},"tr":".","tl":["."],"ta":["user..","plugin.."],` +
	`"path":[{"h":"","a":"sourced","n":"","f":"text/plain","c":"user","p":"","z":,"t":17},{"h":"","a":"extracted","n":"","f":"","c":"plugin","p":"","v":"",` +
	`"s":"OFFICIAL TLP:CLEAR","r":{"action":"extracted","label":""},"z":,"t":17,"k":""},{"h":"","a":"enriched","c":"plugin","p":"","t":17}],"streams":[`

const maxBody = 64 << 20 // no event is as large

var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithEncoderDictRaw(1, []byte(bodyDictionary)), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(64<<10))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBody), zstd.WithDecoderDictRaw(1, []byte(bodyDictionary)))
)

func pack(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w: %w", v, ErrRefused, err)
	}
	return packer.EncodeAll(text, nil), nil
}

func unpack(b []byte, v any) error {
	text, err := unpacker.DecodeAll(b, nil)
	if err != nil {
		return fmt.Errorf("a row is damaged: %w", err)
	}
	return json.Unmarshal(text, v)
}

// value is a feature in a document's own list: the field of terms that its name is, and what was said.
type value struct {
	field          int64
	text           string
	typ, label     int64 // words; 0 is no label
	offset, length *uint64
}

// Flags of a value.
const (
	hasLabel  = 1
	hasOffset = 2
	hasLength = 4
)

// appendValue writes its field, its type's word<<3|flags, what the flags name, and the text behind its length, all numbers varints.
func appendValue(b []byte, v value) []byte {
	flags := uint64(0)
	if v.label != 0 {
		flags |= hasLabel
	}
	if v.offset != nil {
		flags |= hasOffset
	}
	if v.length != nil {
		flags |= hasLength
	}
	b = binary.AppendUvarint(b, uint64(v.field))
	b = binary.AppendUvarint(b, uint64(v.typ)<<3|flags)
	if v.label != 0 {
		b = binary.AppendUvarint(b, uint64(v.label))
	}
	if v.offset != nil {
		b = binary.AppendUvarint(b, *v.offset)
	}
	if v.length != nil {
		b = binary.AppendUvarint(b, *v.length)
	}
	b = binary.AppendUvarint(b, uint64(len(v.text)))
	return append(b, v.text...)
}

var errValues = errors.New("a document's list of features is damaged")

func readValues(b []byte, fn func(value)) error {
	texts := string(b) // of which the texts are parts
	bad := false
	next := func() uint64 {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			bad = true
			b = nil
			return 0
		}
		b = b[size:]
		return n
	}
	for len(b) > 0 {
		v := value{field: int64(next())}
		kind := next()
		v.typ = int64(kind >> 3)
		if kind&hasLabel != 0 {
			v.label = int64(next())
		}
		if kind&hasOffset != 0 {
			n := next()
			v.offset = &n
		}
		if kind&hasLength != 0 {
			n := next()
			v.length = &n
		}
		size := next()
		if bad || size > uint64(len(b)) {
			return errValues
		}
		v.text = texts[len(texts)-len(b):][:size]
		b = b[size:]
		fn(v)
	}
	return nil
}
