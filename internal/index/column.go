package index

import (
	"encoding/binary"
	"errors"
	"slices"
)

// Columns are arrays of numbers by document or by file, in chunks of 4,096, where nothing is 0. Their row is column<<32|chunk.
const (
	chunkBits = 12
	chunkSize = 1 << chunkBits
)

// The columns by document, and the first of those by file and label: there are columnsByLabel for each label.
const (
	columnBin        = 1 // of the document
	columnTime       = 2 // of the document
	columnSourceTime = 3 // of the document
	columnLabels     = 16

	columnsByLabel = 4
	fileSeen       = 0 // newest document of the file with the label
	fileSubmitted  = 1 // newest source time, of them
	fileSize       = 2 // 1 + size
)

// fileColumn is the number of a column by file.
func fileColumn(label int64, kind int) int64 {
	return columnLabels + label*columnsByLabel + int64(kind)
}

var errColumn = errors.New("a column is damaged")

// chunk is a part of a column. Chunks in the cache are never changed.
type chunk [chunkSize]int64

// encode writes differences, from the number before, as zigzag varints; zeros at the end are left out.
func (c *chunk) encode() []byte {
	n := chunkSize
	for n > 0 && c[n-1] == 0 {
		n--
	}
	b := make([]byte, 0, 2*n)
	last := int64(0)
	for _, v := range c[:n] {
		b = binary.AppendVarint(b, v-last)
		last = v
	}
	return b
}

func (c *chunk) decode(b []byte) error {
	last := int64(0)
	for i := 0; len(b) > 0; i++ {
		d, n := binary.Varint(b)
		if n <= 0 || i >= chunkSize {
			return errColumn
		}
		b = b[n:]
		last += d
		c[i] = last
	}
	return nil
}

// maxCachedChunks bounds the decoded chunks of all columns: 160 MiB, enough for what searches need of 4,000,000 documents. With less than they need each
// reads everything anew, because the chunk that was used longest ago is the next one.
const maxCachedChunks = 160 << 20 / (chunkSize * 8)

// chunkID is a chunk as one transaction wrote it.
type chunkID struct{ id, rev int64 }

// readChunk is a chunk with its largest number and the places of those that are not 0.
type readChunk struct {
	*chunk
	max int64
	set bitset
}

func (c *chunk) set() bitset {
	set := newBitset(chunkSize)
	for i, n := range c {
		if n != 0 {
			set.add(uint32(i))
		}
	}
	return set
}

func (c *chunk) empty() bool { return *c == chunk{} }

func (c *chunk) forReaders() readChunk { return readChunk{c, slices.Max(c[:]), c.set()} }

// column is a whole column as a view sees it: chunks are nil where all is 0.
type column struct{ chunks []readChunk }

func (c column) at(n uint32) int64 {
	i := int(n >> chunkBits)
	if i >= len(c.chunks) || c.chunks[i].chunk == nil {
		return 0
	}
	return c.chunks[i].chunk[n&(chunkSize-1)]
}

// addTo adds the places of what is not 0 to a set, as far as it reaches.
func (c column) addTo(set bitset) {
	for i := range c.chunks {
		if at := i << (chunkBits - 6); at < len(set) {
			set[at:].or(c.chunks[i].set)
		}
	}
}

// column reads a column; only chunks that are not in the cache are read from the file.
func (v view) column(number int64) (column, error) {
	latest, err := v.latest()
	if err != nil {
		return column{}, err
	}
	c := column{make([]readChunk, len(latest.chunks[number]))}
	for i := range c.chunks {
		of := latest.chunk(number<<32 | int64(i))
		if of == (chunkID{}) {
			continue
		}
		var ok bool
		if c.chunks[i], ok = v.s.chunks.get(of); ok {
			continue
		}
		var data []byte
		if err := v.one(`SELECT data FROM columns WHERE id = ?`, []any{of.id}, &data); err != nil {
			return c, err
		}
		ch := new(chunk)
		if err := ch.decode(data); err != nil {
			return c, err
		}
		c.chunks[i] = ch.forReaders()
		v.s.chunks.put(of, c.chunks[i], 1)
	}
	return c, nil
}
