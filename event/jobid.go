package event

import (
	"strconv"
	"strings"
)

// JobID names one hand-out of one event to one consumer. It is what the dispatcher writes into `dequeued` and what comes back
// in every status, so a status finds its job with nothing kept in between. Clients treat it as opaque, but some read what
// follows the last dot as a time in Unix seconds (protocol 2.5).
//
// Its text is
//
//	<Key>.<Consumer>.<Feed><Cell as 8 hex digits>-<Partition>-<Offset>-<Attempt>.<Unix>
//
// with decimal numbers that are not negative. Key has no dot; Consumer may hold anything. Neither is empty.
type JobID struct {
	Key       string // of the event
	Consumer  string // "name.version"
	Feed      byte   // e, r, l, h or p
	Cell      uint32 // hash of the topic
	Partition int32
	Offset    int64
	Attempt   int
	Unix      int64 // seconds, when it was handed out
}

const feedLetters = "erlhp"

func (id JobID) String() string {
	b := id.appendRun(make([]byte, 0, len(id.Key)+len(id.Consumer)+64))
	b = append(b, '-')
	b = strconv.AppendInt(b, int64(id.Attempt), 10)
	b = append(b, '.')
	return string(strconv.AppendInt(b, id.Unix, 10))
}

// Run names the job whatever the attempt: the text without attempt and time.
func (id JobID) Run() string {
	return string(id.appendRun(make([]byte, 0, len(id.Key)+len(id.Consumer)+40)))
}

func (id JobID) appendRun(b []byte) []byte {
	b = append(b, id.Key...)
	b = append(b, '.')
	b = append(b, id.Consumer...)
	b = append(b, '.', id.Feed)
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[id.Cell>>shift&0xf])
	}
	b = append(b, '-')
	b = strconv.AppendInt(b, int64(id.Partition), 10)
	b = append(b, '-')
	return strconv.AppendInt(b, id.Offset, 10)
}

// ParseJobID reads what String wrote. Anything else, such as the ids that other dispatchers and pushers make, gives false:
// what is accepted, String gives back to the letter.
func ParseJobID(s string) (JobID, bool) {
	place, unix := cutLast(s, '.')
	place, attempt := cutLast(place, '-')
	place, offset := cutLast(place, '-')
	place, partition := cutLast(place, '-')
	names, cell := cutLast(place, '.') // what could not be cut leaves names empty
	key, consumer, _ := strings.Cut(names, ".")
	if key == "" || consumer == "" || len(cell) != 9 || strings.IndexByte(feedLetters, cell[0]) < 0 {
		return JobID{}, false
	}
	hash, ok1 := parseHex(cell[1:])
	p, ok2 := parseDecimal(partition, 31)
	o, ok3 := parseDecimal(offset, 63)
	a, ok4 := parseDecimal(attempt, 31)
	u, ok5 := parseDecimal(unix, 63)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return JobID{}, false
	}
	return JobID{
		Key: key, Consumer: consumer, Feed: cell[0], Cell: hash,
		Partition: int32(p), Offset: o, Attempt: int(a), Unix: u,
	}, true
}

// cutLast cuts s at the last sep. Without one both parts are empty.
func cutLast(s string, sep byte) (before, after string) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return "", ""
	}
	return s[:i], s[i+1:]
}

// parseDecimal reads a number below 2^bits in its shortest form.
func parseDecimal(s string, bits uint) (int64, bool) {
	if s == "" || len(s) > 19 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var v uint64 // 19 digits fit
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v = v*10 + uint64(s[i]-'0')
	}
	return int64(v), v>>bits == 0
}

// parseHex reads at most eight lower-case hex digits.
func parseHex(s string) (uint32, bool) {
	var v uint32
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			v = v<<4 | uint32(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint32(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}
