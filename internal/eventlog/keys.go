package eventlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// What the embedded log keeps in Pebble. Numbers in keys are big-endian, so that they sort; uvarint and varint are those
// of encoding/binary. A topic's id is a number that is given once and never again; the first is 1.
//
//	key                                                        value
//	'F'                                                        uint32 format: 1
//	't' name                                                   topic: uvarint id, uvarint partitions, byte flags,
//	                                                             uvarint retention in ns (0 keeps records)
//	'b' uint32 id  uint32 partition                            bounds: uvarint start, uvarint end,
//	                                                             varint µs since 1970 of the newest record
//	'r' uint32 id  uint32 partition  uint64 offset             record: byte flags, varint µs since 1970,
//	                                                             uvarint length and bytes of key, the same of header,
//	                                                             then the value up to the end
//	'k' uint32 id  0x00 key (up to 128 bytes)                  uint32 partition, uint64 offset of the newest record
//	'k' uint32 id  0x01 SHA-256 of the key (a longer one)        with that key; compacted topics only
//	'g' name 0x00 uint32 id  uint32 partition                  uint64 offset: the next one that the group reads
//
// Flags of a topic: 1 compacted; 2 may have gaps because it is or was compacted. Flags of a record: 1 tombstone, which has
// no value. Flags that are not known make a topic or a record unreadable; a release that adds one raises the format.
//
// One append is one Pebble batch: its records, the bounds of the partitions that it touched, and for compacted topics the
// new 'k' entries and the removal of the records that they pointed at. What holds after every batch:
//
//   - every 'r' lies in [start, end) of its partition, and start ≤ end;
//   - in a topic that never was compacted, every offset of [start, end) has its 'r';
//   - in a compacted topic the 'k' entries and the 'r' entries are one to one.
//
// Beside Pebble's files lies GUARD, see guard.go.
const (
	formatKnown = 1

	prefixFormat = 'F'
	prefixTopic  = 't'
	prefixBounds = 'b'
	prefixRecord = 'r'
	prefixLatest = 'k'
	prefixGroup  = 'g'

	topicCompact = 1
	topicGaps    = 2

	recordTombstone = 1

	longestPlainKey = 128
)

var formatKey = []byte{prefixFormat}

// errMalformed tells of stored bytes that passed Pebble's checksum and are not what this file describes.
var errMalformed = errors.New("stored entry is malformed")

func topicKey(name string) []byte { return append([]byte{prefixTopic}, name...) }

// storedTopic is the value of a 't' entry.
type storedTopic struct {
	id   uint32
	gaps bool
	Topic
}

func (t *storedTopic) encode() []byte {
	buf := binary.AppendUvarint(nil, uint64(t.id))
	buf = binary.AppendUvarint(buf, uint64(t.Partitions))
	var flags byte
	if t.Compact {
		flags |= topicCompact
	}
	if t.gaps {
		flags |= topicGaps
	}
	buf = append(buf, flags)
	return binary.AppendUvarint(buf, uint64(t.Retention))
}

func decodeTopic(key, value []byte) (storedTopic, error) {
	d := decoder{rest: value}
	id, partitions, flags, retention := d.uvarint(), d.uvarint(), d.byte(), d.uvarint()
	t := storedTopic{id: uint32(id), gaps: flags&topicGaps != 0, Topic: Topic{
		Name:       string(key[1:]),
		Partitions: int32(min(partitions, math.MaxInt32)),
		Compact:    flags&topicCompact != 0,
		Retention:  time.Duration(min(retention, math.MaxInt64)),
	}}
	if d.bad || id == 0 || id > math.MaxUint32 || flags > topicCompact|topicGaps || t.Validate() != nil {
		return t, fmt.Errorf("%w: topic %q", errMalformed, t.Name)
	}
	return t, nil
}

func boundsKey(id uint32, partition int32) []byte {
	return partitionPrefix(make([]byte, 0, 9), prefixBounds, id, partition)
}

func partitionPrefix(buf []byte, prefix byte, id uint32, partition int32) []byte {
	buf = append(buf, prefix)
	buf = binary.BigEndian.AppendUint32(buf, id)
	return binary.BigEndian.AppendUint32(buf, uint32(partition))
}

// storedBounds is the value of a 'b' entry. newest is in µs since 1970.
type storedBounds struct{ start, end, newest int64 }

func (b storedBounds) encode() []byte {
	buf := binary.AppendUvarint(make([]byte, 0, 3*binary.MaxVarintLen64), uint64(b.start))
	buf = binary.AppendUvarint(buf, uint64(b.end))
	return binary.AppendVarint(buf, b.newest)
}

func decodeBounds(value []byte) (storedBounds, error) {
	d := decoder{rest: value}
	b := storedBounds{start: int64(d.uvarint()), end: int64(d.uvarint()), newest: d.varint()}
	if d.bad || b.start < 0 || b.end < b.start {
		return b, fmt.Errorf("%w: bounds", errMalformed)
	}
	return b, nil
}

const recordKeyBytes = 1 + 4 + 4 + 8

func recordKey(buf []byte, id uint32, partition int32, offset int64) []byte {
	buf = partitionPrefix(buf[:0], prefixRecord, id, partition)
	return binary.BigEndian.AppendUint64(buf, uint64(offset))
}

// recordOffset is the offset in a record's key that came out of an iterator bounded to one partition.
func recordOffset(key []byte) (int64, error) {
	if len(key) != recordKeyBytes {
		return 0, fmt.Errorf("%w: record key of %d bytes", errMalformed, len(key))
	}
	return int64(binary.BigEndian.Uint64(key[recordKeyBytes-8:])), nil
}

// recordBytes is the size of the value of an 'r' entry.
func recordBytes(r *Record, micros int64) int {
	var scratch [binary.MaxVarintLen64]byte
	return 1 + binary.PutVarint(scratch[:], micros) +
		binary.PutUvarint(scratch[:], uint64(len(r.Key))) +
		binary.PutUvarint(scratch[:], uint64(len(r.Header))) + r.Size()
}

// appendRecord adds the value of an 'r' entry to buf.
func appendRecord(buf []byte, r *Record, micros int64) []byte {
	var flags byte
	if r.Value == nil {
		flags |= recordTombstone
	}
	buf = append(buf, flags)
	buf = binary.AppendVarint(buf, micros)
	buf = binary.AppendUvarint(buf, uint64(len(r.Key)))
	buf = append(buf, r.Key...)
	buf = binary.AppendUvarint(buf, uint64(len(r.Header)))
	buf = append(buf, r.Header...)
	return append(buf, r.Value...)
}

// decodeRecord reads the value of an 'r' entry. Key, Header and Value are parts of value.
func decodeRecord(value []byte) (Record, error) {
	d := decoder{rest: value}
	flags := d.byte()
	r := Record{Time: time.UnixMicro(d.varint()).UTC(), Key: d.bytes(), Header: d.bytes()}
	if d.bad || flags > recordTombstone || flags&recordTombstone != 0 && len(d.rest) > 0 {
		return Record{}, fmt.Errorf("%w: record", errMalformed)
	}
	if flags&recordTombstone == 0 {
		r.Value = d.rest[:len(d.rest):len(d.rest)]
	}
	return r, nil
}

func latestPrefix(id uint32) []byte { return binary.BigEndian.AppendUint32([]byte{prefixLatest}, id) }

// latestKey is the key of the 'k' entry of a record's key. Long keys are hashed to keep Pebble's blocks small.
func latestKey(buf []byte, id uint32, key []byte) []byte {
	buf = binary.BigEndian.AppendUint32(append(buf[:0], prefixLatest), id)
	if len(key) <= longestPlainKey {
		return append(append(buf, 0), key...)
	}
	sum := sha256.Sum256(key)
	return append(append(buf, 1), sum[:]...)
}

// place is the value of a 'k' entry.
type place struct {
	partition int32
	offset    int64
}

func (p place) encode() []byte {
	buf := binary.BigEndian.AppendUint32(make([]byte, 0, 12), uint32(p.partition))
	return binary.BigEndian.AppendUint64(buf, uint64(p.offset))
}

func decodePlace(value []byte) (place, error) {
	if len(value) != 12 {
		return place{}, fmt.Errorf("%w: place of a key", errMalformed)
	}
	return place{int32(binary.BigEndian.Uint32(value)), int64(binary.BigEndian.Uint64(value[4:]))}, nil
}

func groupPrefix(group string) []byte { return append(append([]byte{prefixGroup}, group...), 0) }

func groupKey(group string, id uint32, partition int32) []byte {
	buf := binary.BigEndian.AppendUint32(groupPrefix(group), id)
	return binary.BigEndian.AppendUint32(buf, uint32(partition))
}

// splitGroupKey takes the key of a 'g' entry apart.
func splitGroupKey(key []byte) (group string, id uint32, partition int32, err error) {
	end := bytes.IndexByte(key, 0)
	if end < 1 || len(key) != end+1+8 {
		return "", 0, 0, fmt.Errorf("%w: group key", errMalformed)
	}
	rest := key[end+1:]
	return string(key[1:end]), binary.BigEndian.Uint32(rest), int32(binary.BigEndian.Uint32(rest[4:])), nil
}

// after is the smallest key that is larger than every key with this prefix. No prefix ends in 0xff throughout.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// decoder reads fields until one does not fit; then it is bad and reads zeros.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) take(n int) []byte {
	if n <= 0 || n > len(d.rest) {
		d.bad, d.rest = true, nil
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	d.take(n)
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	d.take(n)
	return v
}

// bytes reads a length and that many bytes; none is nil.
func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n == 0 {
		return nil
	}
	return d.take(int(min(n, math.MaxInt32)))
}
