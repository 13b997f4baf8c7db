package eventlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Pebble's write-ahead log is a row of records in chunks, in blocks of 32 KiB (package record of Pebble). A chunk of the
// kind in use begins with this header, little-endian:
//
//	uint32 CRC-32C of all that follows, masked as in LevelDB
//	uint16 length of the payload
//	byte   9 whole record, 10 first chunk, 11 middle, 12 last
//	uint32 number of the log, which is that of its file
//	uint64 how much of the file was synced when the chunk was made
const (
	walBlockBytes  = 32 << 10
	walHeaderBytes = 4 + 2 + 1 + 4 + 8
	walFirstKind   = 9
	walLastKind    = 12
)

// checkNewestWAL returns an error if the newest write-ahead log has damage in the midst of what was synced.
//
// Pebble goes on with what it can read of that file, because a crash may tear its last record. It tells damage from that
// only if a later block of 32 KiB holds a chunk made after the bad place was synced: the last block of a log, some tens of
// records, has no such witness. Here every later chunk is one. Only damage to the very last record looks like a torn write.
func checkNewestWAL(fs vfs.FS, dir string, names []string) error {
	name, number := newestWAL(names)
	if name == "" {
		return nil
	}
	f, err := fs.Open(fs.PathJoin(dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	good := readableWAL(f, number)
	rest, err := tailOf(f, good)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if at := witness(rest, good, number); at >= 0 {
		return fmt.Errorf("%w: %s can be read up to byte %d, and was whole when it was written on at byte %d", ErrDamaged, name, good, at)
	}
	return nil
}

func newestWAL(names []string) (newest string, number uint32) {
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, ".log")
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(digits, 10, 32); err == nil && uint32(n) >= number {
			newest, number = name, uint32(n)
		}
	}
	return newest, number
}

// readableWAL returns where the last readable record ends. A read error ends it too, and comes again behind.
func readableWAL(f io.Reader, number uint32) (good int64) {
	records := record.NewReader(f, fileNumber(pebble.WALCreateInfo{}.FileNum, number))
	for {
		r, err := records.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil {
			break
		}
		good = records.Offset()
	}
	if left := walBlockBytes - good%walBlockBytes; left < walHeaderBytes {
		good += left // no chunk fits: the rest of the block is filled and counts as synced
	}
	return good
}

// fileNumber makes a number of the type of an example, whose name Pebble does not export.
func fileNumber[T ~uint64](_ T, n uint32) T { return T(n) }

// tailOf reads a file from an offset to its end.
func tailOf(f vfs.File, from int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil || info.Size() <= from {
		return nil, err
	}
	rest := make([]byte, info.Size()-from)
	_, err = f.ReadAt(rest, from)
	if err == io.EOF {
		err = nil
	}
	return rest, err
}

// witness returns where, behind good, there is a chunk that was made when more than good was synced; -1 if nowhere. rest is
// the file from good on.
func witness(rest []byte, good int64, number uint32) int64 {
	const before = 4 + 2 + 1 // the number
	mark := binary.LittleEndian.AppendUint32(nil, number)
	for at := before; at < len(rest); at++ {
		next := bytes.Index(rest[at:], mark)
		if next < 0 {
			return -1
		}
		at += next
		start := at - before
		if synced, ok := walChunk(rest[start:]); ok && synced > uint64(good) {
			return good + int64(start)
		}
	}
	return -1
}

// walChunk checks the chunk that b begins with, and returns how much was synced when it was made.
func walChunk(b []byte) (synced uint64, ok bool) {
	if len(b) < walHeaderBytes || b[6] < walFirstKind || b[6] > walLastKind {
		return 0, false
	}
	end := walHeaderBytes + int(binary.LittleEndian.Uint16(b[4:]))
	if end > len(b) {
		return 0, false
	}
	sum := crc32.Checksum(b[6:end], castagnoli)
	masked := (sum>>15 | sum<<17) + 0xa282ead8
	return binary.LittleEndian.Uint64(b[11:]), binary.LittleEndian.Uint32(b) == masked
}
