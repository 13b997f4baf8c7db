package inno

import (
	"bufio"
	"cmp"
	"compress/bzip2"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"slices"
	"time"

	"github.com/klauspost/compress/zlib"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/branch"
	"lazuli/plugins/unbox/lzma"
)

// method is how chunks are compressed that are.
type method byte

const (
	stored method = iota
	deflated
	bzipped
	lzma1
	lzma2

	unknown method = 255 // it is seen from what chunks begin with
)

var methodNames = map[method]string{stored: "stored", deflated: "zlib", bzipped: "bzip2", lzma1: "LZMA", lzma2: "LZMA2"}

// place is where a file is stored: in a chunk, which may have several.
type place struct {
	slice, last uint32 // of the installer's data that the chunk begins and ends in
	offset      int64  // of the chunk in its slice
	packed      int64  // bytes of the chunk
	at          int64  // of the file in what the chunk unpacks to
	size        int64
	sum         []byte
	changed     time.Time

	filtered, encrypted, compressed bool
}

// places reads where the files are.
func (s *setup) places(f *fields, count int) ([]place, error) {
	n := s.version.locationBytes()
	var list []place
	for range min(count, mostPlaces) {
		p := f.bytes(n)
		if f.err != nil {
			return list, f.err
		}
		list = append(list, s.place(p))
	}
	if count > mostPlaces {
		return list, archive.Damagef(f.off, "%d files", count)
	}
	return list, nil
}

// place takes the record of a location.
func (s *setup) place(p []byte) place {
	v, le := s.version, binary.LittleEndian
	take := func(n int) []byte {
		q := p[:n]
		p = p[n:]
		return q
	}
	size := func() int64 { return int64(le.Uint64(take(large))) }
	l := place{slice: le.Uint32(take(number)), last: le.Uint32(take(number))}
	if v.from(6, 5, 2) {
		l.offset = size()
	} else {
		l.offset = int64(le.Uint32(take(number)))
	}
	l.at, l.size, l.packed = size(), size(), size()
	l.sum = take(v.checksumBytes())
	l.changed = fileTime(le.Uint64(take(large)))
	take(2 * number) // the file's version
	flags := uint16(take(1)[0])
	if v.from(6, 4, 3) {
		l.filtered, l.encrypted, l.compressed = flags&4 != 0, flags&8 != 0, flags&16 != 0
		return l
	}
	l.filtered, l.encrypted, l.compressed = flags&16 != 0, flags&64 != 0, flags&128 != 0
	return l
}

// sound tells whether its numbers can be.
func (l *place) sound() bool { return l.offset >= 0 && l.at >= 0 && l.size >= 0 && l.packed >= 0 }

// fileTime is a time of Windows, in 100 ns since 1601.
func fileTime(t uint64) time.Time {
	if t == 0 || t > 1<<62 {
		return time.Time{}
	}
	const until1970 = 11644473600
	return time.Unix(int64(t/1e7)-until1970, int64(t%1e7)*100).UTC()
}

// sum is what the checksums of a version are made by.
func (v version) sum() hash.Hash {
	switch v.checksumBytes() {
	case sha256.Size:
		return sha256.New()
	case sha1.Size:
		return sha1.New()
	}
	return md5.New()
}

const (
	chunkMagic   = "zlb\x1a"
	mostRestarts = 8 // of chunks that files lie in over one another
)

// data gives the contents of files, whose chunks it goes through forwards.
type data struct {
	ctx        context.Context
	r          io.ReaderAt
	table      *table
	version    version
	method     method
	key        *key // nil without a password
	dictionary int64

	chunk    *chunk
	restarts int
}

// chunk is a chunk that is being unpacked.
type chunk struct {
	place place // of a file in it
	off   int64 // in the installer
	src   *source
	r     io.Reader
	at    int64
	err   error // why there is no more of it
}

// content is the content of a file.
func (d *data) content(l *place) io.Reader {
	begin := d.table.data + l.offset
	if !l.sound() {
		return archive.Broken{Err: archive.Damagef(d.table.data, "a place that cannot be")}
	}
	c := d.chunk
	if c == nil || c.place.offset != l.offset || c.place.encrypted != l.encrypted || c.place.compressed != l.compressed || c.at > l.at {
		if c != nil && c.place.offset == l.offset {
			if d.restarts++; d.restarts > mostRestarts {
				return archive.Broken{Err: archive.Damagef(begin, "files are stored over one another")}
			}
		}
		d.chunk = d.open(l)
		c = d.chunk
	}
	c.skip(d.ctx, l.at)
	if c.err != nil {
		return archive.Broken{Err: c.err}
	}
	var r io.Reader = io.LimitReader(c, l.size)
	if l.filtered {
		r = d.unfiltered(r)
	}
	return &archive.Content{R: r, Off: begin, Size: l.size, Sum: d.version.sum(), Want: l.sum}
}

// unfiltered undoes what is done to programs before they are compressed.
func (d *data) unfiltered(r io.Reader) io.Reader {
	if d.version.before(5, 2) {
		return branch.NewInnoOld(r)
	}
	return branch.NewInno(r, d.version.from(5, 3, 9))
}

// open opens a chunk.
func (d *data) open(l *place) *chunk {
	c := &chunk{place: *l, off: d.table.data + l.offset}
	var magic [len(chunkMagic)]byte
	if c.err = archive.ReadAt(d.r, magic[:], c.off, "a chunk"); c.err != nil {
		return c
	}
	if string(magic[:]) != chunkMagic {
		c.err = archive.Damagef(c.off, "no chunk")
		return c
	}
	size := l.packed
	if l.encrypted && d.key.lock.sum != nil {
		size += arcSalt
	}
	c.src = &source{r: archive.Section(d.ctx, d.r, c.off+int64(len(magic)), size, "a chunk")}
	r, err := d.unpack(c.src, l)
	if err != nil {
		c.fail(err)
	}
	c.r = r
	return c
}

// unpack decrypts and decompresses.
func (d *data) unpack(src io.Reader, l *place) (io.Reader, error) {
	if l.encrypted {
		var err error
		if src, err = d.key.reader(src, l); err != nil {
			return nil, err
		}
	}
	if !l.compressed {
		return src, nil
	}
	in := bufio.NewReaderSize(src, 64<<10)
	m := d.method
	if m == unknown {
		m = seen(in)
	}
	switch m {
	case stored:
		return in, nil
	case deflated:
		var r io.Reader
		err := archive.Guard(func() (err error) {
			r, err = zlib.NewReader(in)
			return err
		})
		if err != nil {
			return nil, err
		}
		return archive.Guarded(r), nil
	case bzipped:
		return archive.Guarded(bzip2.NewReader(in)), nil
	case lzma1:
		return openLZMA(in, d.dictionary)
	case lzma2:
		props, err := in.ReadByte()
		if err != nil {
			return nil, err
		}
		size, err := lzma.DictionarySize(props)
		if err != nil {
			return nil, err
		}
		return lzma.NewReader2(in, size, d.dictionary), nil
	}
	return nil, archive.Damage("a method of compression that is not known")
}

// seen tells a method from what it writes first.
func seen(in *bufio.Reader) method {
	p, _ := in.Peek(4) // what fails, fails again
	switch {
	case len(p) < 4:
		return stored
	case string(p[:3]) == "BZh":
		return bzipped
	case p[0] == 0x78 && (int(p[0])<<8|int(p[1]))%31 == 0:
		return deflated
	case p[0] <= 40 && (p[1] == 1 || p[1] >= 0xe0):
		return lzma2
	case p[0] == 0x5d:
		return lzma1
	}
	return stored
}

func (c *chunk) fail(err error) { c.err = c.src.wrong(c.off, err) }

// skip goes on to a place in what the chunk unpacks to.
func (c *chunk) skip(ctx context.Context, to int64) {
	for c.err == nil && c.at < to {
		if err := ctx.Err(); err != nil {
			c.err = err
			return
		}
		_, _ = io.CopyN(io.Discard, c, min(to-c.at, 1<<20)) // c has the error
	}
	if c.err == io.EOF && c.at < to {
		c.err = archive.Damagef(c.off, "%w", errShort)
	}
}

func (c *chunk) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p)
	c.at += int64(n)
	switch {
	case err == io.EOF:
		c.err = err
	case err != nil:
		c.fail(err)
	}
	if n > 0 {
		return n, nil
	}
	return 0, c.err
}

// inOrder sorts places as they are stored, and returns their numbers.
func inOrder(list []place) []int {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := &list[i], &list[j]
		return cmp.Or(cmp.Compare(a.slice, b.slice), cmp.Compare(a.offset, b.offset), cmp.Compare(a.at, b.at))
	})
	return order
}
