package pdf

import (
	"errors"
	"io"

	"lazuli/plugins/unbox/archive"
)

// decoded is a stream as far as it can be decoded.
type decoded struct {
	r       io.Reader // decodes while it is read, once; nil if the stream cannot be decrypted
	filters []Name    // all of them, by their full names
	left    []Name    // those that were not applied: of images, mostly

	encrypted bool
}

// fullNames are those of filters that may be abbreviated (table 92 of 8.9.7). It is for images in a page's content, but readers
// accept them in streams.
var fullNames = map[Name]Name{
	"AHx": "ASCIIHexDecode", "A85": "ASCII85Decode", "LZW": "LZWDecode", "Fl": "FlateDecode", "RL": "RunLengthDecode",
	"CCF": "CCITTFaxDecode", "DCT": "DCTDecode",
}

// decode opens a stream's data. What comes out of each filter is work.
func (d *document) decode(s *Stream, w *work) decoded {
	filters, parms := d.filters(s.Dict)
	out := decoded{filters: filters}
	in := &stage{r: d.src.section(s.at, s.size), work: w, most: d.limits.stream, name: "the data"}
	if s.open {
		in.then = damaged("the data go on to the end of the file")
	}
	out.r = in
	method := d.crypt.method(d, s, filters, parms)
	out.encrypted = method != methodNone
	if method == methodLocked {
		out.r, out.left = nil, filters
		return out
	}
	if method != methodNone {
		out.r = &stage{r: d.crypt.reader(out.r, method, s.id), work: w, most: d.limits.stream, name: "decryption"}
	}
	for i, name := range filters {
		if i >= d.limits.filters {
			_ = d.notes.reach("a stream of too many filters") // told in the report
			out.left = filters[i:]
			break
		}
		r := d.filter(name, parms[i], out.r)
		if r == nil {
			out.left = filters[i:]
			break
		}
		if r != out.r {
			out.r = &stage{r: r, work: w, most: d.limits.stream, name: string(name)}
		}
	}
	return out
}

// filters returns the names of a stream's filters, with as many parameters.
func (d *document) filters(dict Dict) (names []Name, parms []Dict) {
	const most = 64 // beyond the limit that is told
	filter, parm := d.resolve(dict.Get("Filter")), d.resolve(dict.Get("DecodeParms"))
	if parm == nil {
		parm = d.resolve(dict.Get("DP"))
	}
	list, ok := filter.(Array)
	if !ok {
		if filter == nil {
			return nil, nil
		}
		list = Array{filter}
	}
	for i, o := range list[:min(len(list), most)] {
		name := d.name(o)
		if full, ok := fullNames[name]; ok {
			name = full
		}
		var p Dict
		switch parm := parm.(type) {
		case Array:
			if i < len(parm) {
				p = d.dict(parm[i])
			}
		case Dict:
			if len(list) == 1 || i == 0 {
				p = parm
			}
		}
		names, parms = append(names, name), append(parms, p)
	}
	return names, parms
}

// filter returns what decodes r, r itself if there is nothing to do, or nil for a filter that is not known: those of images
// are left as they are.
func (d *document) filter(name Name, parms Dict, r io.Reader) io.Reader {
	number := func(key Name, otherwise int64) int64 {
		if n, ok := integer(d.resolve(parms.Get(key))); ok {
			return n
		}
		return otherwise
	}
	predicted := func(r io.Reader) io.Reader {
		return newPredictor(r, number("Predictor", 1), number("Colors", 1), number("BitsPerComponent", 8), number("Columns", 1))
	}
	switch name {
	case "FlateDecode":
		return predicted(newInflater(r))
	case "LZWDecode":
		return predicted(newLZW(r, number("EarlyChange", 1) != 0))
	case "ASCIIHexDecode":
		return newHexReader(r)
	case "ASCII85Decode":
		return newBase85Reader(r)
	case "RunLengthDecode":
		return newRunLengthReader(r)
	case "Crypt":
		return r // was seen to when the data were decrypted
	}
	return nil
}

// stage is one step on the way from the file to a stream's content. It counts what comes out of it, and tells damage apart
// from other trouble.
type stage struct {
	r    io.Reader
	work *work
	most int64
	name string
	then error // in place of the end
	err  error
}

func (s *stage) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if s.err = s.work.spend(int64(n)); s.err != nil {
		return 0, s.err
	}
	if s.most -= int64(n); s.most < 0 {
		s.err = s.work.notes.reach("a stream of too many bytes")
		return n + int(s.most), s.err
	}
	s.err = s.judge(err)
	return n, s.err
}

func (s *stage) judge(err error) error {
	var read *readError
	switch {
	case err == io.EOF && s.then != nil:
		return s.then
	case err == nil, err == io.EOF, errors.Is(err, archive.ErrDamaged), errors.Is(err, ErrLimit), errors.As(err, &read):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return damaged("%s: the data are cut short", s.name)
	}
	return damaged("%s: %v", s.name, err)
}
