package xz

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"lazuli/plugins/unbox/branch"
	"lazuli/plugins/unbox/lzma"
)

// block reads one block.
type block struct {
	r     *Reader
	from  int64     // where its data begins
	data  io.Reader // through all filters
	sum   hash.Hash // nil for none that is known
	size  uint64    // bytes that came out
	sized bool      // the header says how many there will be
	want  uint64
}

// Flags of a block (3.1.2).
const (
	flagFilters  = 0x03 // their number less one
	flagPacked   = 0x40
	flagUnpacked = 0x80
	flagReserved = 0x3c
)

// Filters (5.3).
const (
	filterDelta = 0x03
	filterLZMA2 = 0x21
)

// branches are the filters for machine code (5.3.2).
var branches = map[uint64]branch.Kind{
	4: branch.X86, 5: branch.PowerPC, 6: branch.IA64, 7: branch.ARM, 8: branch.ARMThumb, 9: branch.SPARC, 10: branch.ARM64,
}

var crc64Table = crc64.MakeTable(crc64.ECMA)

func newBlock(r *Reader, header []byte) (*block, error) {
	body := header[:len(header)-4]
	if binary.LittleEndian.Uint32(header[len(body):]) != crc32.ChecksumIEEE(body) {
		return nil, errSum
	}
	b := &block{r: r, from: r.in.n}
	flags := body[1]
	if flags&flagReserved != 0 {
		return nil, damaged("a block has flags that nobody knows")
	}
	fields := bytes.NewReader(body[2:])
	if flags&flagPacked != 0 {
		if _, err := number(fields); err != nil {
			return nil, err
		}
	}
	if flags&flagUnpacked != 0 {
		var err error
		if b.want, err = number(fields); err != nil {
			return nil, err
		}
		b.sized = true
	}
	if err := b.filters(fields, int(flags&flagFilters)+1); err != nil {
		return nil, err
	}
	switch r.check {
	case 1:
		b.sum = crc32.NewIEEE()
	case 4:
		b.sum = crc64.New(crc64Table)
	case 10:
		b.sum = sha256.New()
	}
	return b, nil
}

// filter is one of a block, as its header describes it.
type filter struct {
	id    uint64
	props []byte
}

// filters reads the chain of filters. The last one is LZMA2, and what it unpacks goes through the others, the first one last.
func (b *block) filters(fields *bytes.Reader, n int) error {
	chain := make([]filter, n)
	for i := range chain {
		id, err := number(fields)
		if err != nil {
			return err
		}
		size, err := number(fields)
		if err != nil {
			return err
		}
		if size > uint64(fields.Len()) {
			return damaged("a filter has more properties than the header holds")
		}
		chain[i] = filter{id, make([]byte, size)}
		_, _ = fields.Read(chain[i].props) // they are there
	}
	last := chain[n-1]
	if last.id != filterLZMA2 || len(last.props) != 1 {
		return fmt.Errorf("xz: filter %#x cannot be the last one", last.id)
	}
	size, err := lzma.DictionarySize(last.props[0])
	if err != nil {
		return err
	}
	if b.sized {
		size = int64(min(uint64(size), b.want))
	}
	b.data = lzma.NewReader2(b.r.in, size, b.r.dictionary)
	for i := n - 2; i >= 0; i-- {
		if b.data, err = chain[i].over(b.data); err != nil {
			return err
		}
	}
	return nil
}

// over puts a filter over data.
func (f filter) over(data io.Reader) (io.Reader, error) {
	kind, known := branches[f.id]
	switch {
	case f.id == filterDelta && len(f.props) == 1:
		return branch.NewDelta(data, int(f.props[0])+1), nil
	case !known:
		return nil, fmt.Errorf("xz: filter %#x is not known", f.id)
	case len(f.props) == 0:
		return branch.New(kind, data, 0), nil
	case len(f.props) != 4:
		return nil, damaged("a filter has properties of a wrong length")
	}
	start := binary.LittleEndian.Uint32(f.props)
	if start%kind.Alignment() != 0 {
		return nil, damaged("a filter begins where no instruction can")
	}
	return branch.New(kind, data, start), nil
}

func (b *block) Read(p []byte) (int, error) {
	n, err := b.data.Read(p)
	b.size += uint64(n)
	if b.sum != nil {
		b.sum.Write(p[:n])
	}
	switch {
	case err == io.EOF:
		return n, b.end()
	case b.sized && b.size > b.want:
		return n, damaged("a block has more than its header says")
	}
	return n, err
}

// end reads what follows the data of a block: padding and a checksum. Its error is io.EOF if all is well.
func (b *block) end() error {
	if b.sized && b.size != b.want {
		return damaged("a block has less than its header says")
	}
	for (b.r.in.n-b.from)%4 != 0 {
		if c, err := b.r.in.ReadByte(); err != nil || c != 0 {
			return damaged("the padding of a block is not zero")
		}
	}
	sum := make([]byte, [16]int{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[b.r.check])
	if err := b.r.full(sum); err != nil {
		return err
	}
	if b.sum == nil {
		return io.EOF
	}
	got := b.sum.Sum(nil)
	for i, c := range got {
		if b.r.check != 10 { // the standard library has numbers with the highest byte first
			c = got[len(got)-1-i]
		}
		if c != sum[i] {
			return errSum
		}
	}
	return io.EOF
}
