package eventlog

import (
	"fmt"
	"hash/crc32"

	"github.com/cockroachdb/pebble/v2"
)

// What tests of the outside need to make states that the log itself does not make.

// GuardText adds the checksum to the lines of a guard file.
func GuardText(lines string) string {
	return lines + fmt.Sprintf("crc32c %08x\n", crc32.Checksum([]byte(lines), castagnoli))
}

// DB gives the tests the database, to break the promises of keys.go.
func (l *Embedded) DB() *pebble.DB { return l.db }

// The keys that the tests change.
var (
	FormatKey = formatKey
	RecordKey = recordKey
	LatestKey = latestKey
)
