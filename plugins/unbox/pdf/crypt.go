package pdf

import (
	"encoding/hex"
	"fmt"
	"slices"
)

// method is how strings or streams are encrypted (table 25 of 7.6.6).
type method uint8

const (
	methodNone   method = iota
	methodRC4           // V2
	methodAES128        // AESV2
	methodAES256        // AESV3
	methodLocked        // in a way that is not known, or without a password that opens it
)

func (m method) String() string {
	return [...]string{"none", "RC4", "AESV2", "AESV3", "unknown"}[m]
}

// crypt is the encryption of a file (7.6).
type crypt struct {
	report   Encryption
	key      []byte // of the file; nil while no password opened it
	self     ID     // the object that describes the encryption, which is not encrypted
	streams  method
	strings  method
	files    method // of embedded files
	named    map[Name]method
	metadata bool // streams of metadata are encrypted, too
}

// locked tells whether the file is encrypted and was not opened.
func (c *crypt) locked() bool { return c != nil && c.key == nil }

// decrypt opens the file with the first password that does: the empty one, or one of those given.
func (d *document) decrypt(passwords []string) {
	d.crypt = nil
	stated := d.trailer.Get("Encrypt")
	dict := d.dict(stated)
	if dict == nil {
		return
	}
	d.crypt = d.encryption(dict)
	if ref, ok := stated.(Ref); ok {
		d.crypt.self = ID(ref)
	}
	d.clearCache()
	handler, ok := d.standard(dict)
	if !ok {
		return
	}
	for _, password := range slices.Concat([]string{""}, passwords) {
		if d.ctx.Err() != nil {
			return
		}
		for _, encoded := range handler.encodings(password) {
			if key, owner := handler.open(encoded); key != nil {
				d.crypt.key = key
				d.crypt.report.Opened, d.crypt.report.Password, d.crypt.report.Owner = true, password, owner
				return
			}
		}
	}
}

// encryption reads what the dictionary says of methods.
func (d *document) encryption(dict Dict) *crypt {
	number := func(key Name) int64 { n, _ := integer(d.resolve(dict.Get(key))); return n }
	c := &crypt{metadata: true, named: map[Name]method{"Identity": methodNone}}
	c.report.Handler = d.name(dict.Get("Filter")).text()
	c.report.Version, c.report.Revision = int(number("V")), int(number("R"))
	c.report.Permissions = int32(number("P"))
	if encrypted, ok := d.resolve(dict.Get("EncryptMetadata")).(bool); ok {
		c.metadata = encrypted
	}
	switch c.report.Version {
	case 1, 2, 3:
		c.streams, c.strings, c.files = methodRC4, methodRC4, methodRC4
	case 4, 5:
		d.cryptFilters(c, dict)
	default:
		c.streams, c.strings, c.files = methodLocked, methodLocked, methodLocked
	}
	c.report.Method = c.streams.String()
	if c.streams == methodNone { // only strings or attachments are encrypted
		c.report.Method = max(c.strings, c.files).String()
	}
	c.report.Bits = 8 * keyBytes(c.report.Version, number("Length"))
	return c
}

// cryptFilters reads which method is which (7.6.6).
func (d *document) cryptFilters(c *crypt, dict Dict) {
	filters := d.dict(dict.Get("CF"))
	for _, pair := range filters[:min(len(filters), 100)] {
		m := methodLocked
		switch d.name(d.dict(pair.Value).Get("CFM")) {
		case "None":
			m = methodNone
		case "V2":
			m = methodRC4
		case "AESV2":
			m = methodAES128
		case "AESV3":
			m = methodAES256
		}
		if pair.Key != "Identity" {
			c.named[pair.Key] = m
		}
	}
	chosen := func(key Name, otherwise method) method {
		name := d.name(dict.Get(key))
		if name == "" {
			return otherwise
		}
		return c.filter(name)
	}
	c.streams = chosen("StmF", methodNone)
	c.strings = chosen("StrF", methodNone)
	c.files = chosen("EFF", c.streams)
}

func (c *crypt) filter(name Name) method {
	if m, ok := c.named[name]; ok {
		return m
	}
	return methodLocked
}

// keyBytes is the length of the file's key. Length is in bits; some writers have bytes.
func keyBytes(version int, length int64) int {
	switch version {
	case 1:
		return 5
	case 4:
		return 16
	case 5:
		return 32
	}
	if length >= 40 {
		length /= 8
	}
	if length < 5 || length > 16 {
		return 5
	}
	return int(length)
}

// method tells how a stream is encrypted.
func (c *crypt) method(d *document, s *Stream, filters []Name, parms []Dict) method {
	if c == nil {
		return methodNone
	}
	m := c.streams
	kind := s.Dict.Get("Type")
	i := slices.Index(filters, "Crypt")
	switch {
	case kind == Name("XRef"):
		m = methodNone
	case i >= 0:
		m = methodNone
		if name := d.name(parms[i].Get("Name")); name != "" {
			m = c.filter(name)
		}
	case kind == Name("Metadata") && !c.metadata:
		m = methodNone
	case kind == Name("EmbeddedFile"):
		m = c.files
	}
	if m != methodNone && c.key == nil {
		return methodLocked
	}
	return m
}

// object decrypts the strings of an object in the file, in place.
func (c *crypt) object(o Object, id ID) Object {
	if c.key == nil || id == c.self || c.strings == methodNone || c.strings == methodLocked || dictOf(o).Get("Type") == Name("XRef") {
		return o
	}
	key := c.objectKey(c.strings, id)
	return c.strip(o, key)
}

func (c *crypt) strip(o Object, key []byte) Object {
	switch o := o.(type) {
	case String:
		return String(decryptString(c.strings, key, []byte(o)))
	case Array:
		for i := range o {
			o[i] = c.strip(o[i], key)
		}
	case Dict:
		signature := o.Get("ByteRange") != nil
		for i := range o {
			if signature && o[i].Key == "Contents" {
				continue // signatures are not encrypted (7.6.2)
			}
			o[i].Value = c.strip(o[i].Value, key)
		}
	case *Stream:
		c.strip(o.Dict, key)
	}
	return o
}

// Encryption says how a file is encrypted.
type Encryption struct {
	Handler     string // the security handler: Standard, or another one's name
	Version     int    // V
	Revision    int    // R
	Method      string // of streams: RC4, AESV2, AESV3, none or unknown
	Bits        int    // of the key
	Permissions int32  // P
	Opened      bool
	Password    string // that opened it; often the empty one
	Owner       bool   // it is the owner's password, not the user's
}

func (e Encryption) String() string {
	return fmt.Sprintf("%s V%d R%d %s %d", e.Handler, e.Version, e.Revision, e.Method, e.Bits)
}

// fileID is the first half of the file's identifier, or nothing.
func (d *document) fileID() []byte {
	list, _ := d.resolve(d.trailer.Get("ID")).(Array)
	if len(list) == 0 {
		return nil
	}
	first, _ := d.resolve(list[0]).(String)
	return []byte(first)
}

// fileIDs are both halves, in hexadecimal digits.
func (d *document) fileIDs() []string {
	list, _ := d.resolve(d.trailer.Get("ID")).(Array)
	var ids []string
	for _, o := range list[:min(len(list), 2)] {
		if s, ok := d.resolve(o).(String); ok {
			ids = append(ids, hex.EncodeToString([]byte(s[:min(len(s), 64)])))
		}
	}
	return ids
}
