package index

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// DeadLetter is a job that was given up. ID is unique for consumer and event.
type DeadLetter struct {
	ID       string    `json:"id"`
	SHA256   string    `json:"sha256"`
	Consumer string    `json:"consumer"`
	Plugin   string    `json:"plugin"`
	Version  string    `json:"version"`
	Attempts int       `json:"attempts"`
	Reason   string    `json:"reason"`
	Position string    `json:"position"` // of the event, "topic/partition/offset"
	Time     time.Time `json:"time"`
	Closed   bool      `json:"-"` // true removes it: it was retried or ended well after all

	// What reading adds: the shortest beginning of the ID that no other has now, and why it cannot be tried again, if so.
	Short   string `json:"short,omitempty"`
	NoRetry string `json:"no_retry,omitempty"`
}

// The consumers of letters that are not about jobs.
const (
	ConsumerIngest = "ingest" // a record that could not be indexed
	ConsumerInsert = "insert" // a child that could not be added under its parent
)

func (d *DeadLetter) noRetry() string {
	switch d.Consumer {
	case ConsumerIngest:
		return "it is no job of a plugin: ingest could not read what is in the log there"
	case ConsumerInsert:
		return "it is no job of a plugin: a child could not be added; submit its parent again"
	}
	return ""
}

// DeadPage is a page of dead letters. Next is the cursor for more, "" at the end.
type DeadPage struct {
	Dead []DeadLetter `json:"dead"`
	Next string       `json:"next,omitempty"`
}

// AmbiguousError tells that several IDs begin with a text.
type AmbiguousError struct {
	Text string
	IDs  []string // some of them, sorted
	More bool     // there are others
}

func (e *AmbiguousError) Error() string {
	list := strings.Join(e.IDs, ", ")
	if e.More {
		list += ", …"
	}
	return fmt.Sprintf("%s is the beginning of several IDs: %s: give more of one", e.Text, list)
}

const maxDeadPage = 1000

// The neighbours of an ID tell how much of it is unique.
const deadColumns = `d.letter, (SELECT max(id) FROM dead WHERE id < d.id), (SELECT min(id) FROM dead WHERE id > d.id)`

const (
	deadPageSQL = `SELECT ` + deadColumns + ` FROM dead d WHERE d.time <= ?1 AND (d.time < ?1 OR d.id > ?2) ORDER BY d.time DESC, d.id LIMIT ?3`
	deadFromSQL = `SELECT ` + deadColumns + ` FROM dead d WHERE d.id >= ? ORDER BY d.id LIMIT ?`
)

// DeadLetters: see Index.
func (s *SQLite) DeadLetters(ctx context.Context, limit int, cursor string) (DeadPage, error) {
	after, err := parseDeadCursor(cursor)
	if err != nil {
		return DeadPage{}, err
	}
	limit = min(max(limit, 1), maxDeadPage)
	list, err := s.dead(ctx, deadPageSQL, after.micros, after.id, limit+1)
	page := DeadPage{Dead: list}
	if err == nil && len(list) > limit {
		page.Dead = list[:limit]
		last := &list[limit-1]
		page.Next = deadPlace{last.Time.UnixMicro(), last.ID}.cursor()
	}
	return page, err
}

// maxCandidates is how many IDs an AmbiguousError names.
const maxCandidates = 10

// DeadLetter: see Index.
func (s *SQLite) DeadLetter(ctx context.Context, id string) (DeadLetter, error) {
	list, err := s.dead(ctx, deadFromSQL, id, maxCandidates+1)
	if err != nil {
		return DeadLetter{}, err
	}
	n := 0
	for n < len(list) && strings.HasPrefix(list[n].ID, id) {
		n++
	}
	switch {
	case id == "" || n == 0:
		return DeadLetter{}, ErrNotFound
	case n == 1 || list[0].ID == id: // whole, though others go on after it: …-0-1 and …-0-12
		return list[0], nil
	}
	ambiguous := &AmbiguousError{Text: id, More: n > maxCandidates}
	for _, d := range list[:min(n, maxCandidates)] {
		ambiguous.IDs = append(ambiguous.IDs, d.ID)
	}
	return DeadLetter{}, ambiguous
}

// dead reads letters by a query for deadColumns.
func (s *SQLite) dead(ctx context.Context, query string, args ...any) ([]DeadLetter, error) {
	list := []DeadLetter{}
	err := s.view(ctx, func(v view) error {
		return v.rows(query, args, func(scan scanner) error {
			var letter string
			var before, after *string
			if err := scan(&letter, &before, &after); err != nil {
				return err
			}
			var d DeadLetter
			err := json.Unmarshal([]byte(letter), &d)
			d.Short, d.NoRetry = shortest(d.ID, before, after), d.noRetry()
			list = append(list, d)
			return err
		})
	})
	return list, err
}

// minShort is how many bytes of an ID are shown at least, so that what was noted down stays unique for a while.
const minShort = 8

// shortest returns the shortest beginning of an ID that its neighbours in the order of bytes do not have, whole characters.
func shortest(id string, neighbours ...*string) string {
	n := minShort
	for _, other := range neighbours {
		if other != nil {
			n = max(n, common(id, *other)+1)
		}
	}
	for n < len(id) && !utf8.RuneStart(id[n]) {
		n++
	}
	return id[:min(n, len(id))]
}

// common returns how many bytes two texts begin with in common.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// deadPlace is a place in the order of dead letters.
type deadPlace struct {
	micros int64
	id     string
}

func (p deadPlace) cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%s", p.micros, p.id))
}

func parseDeadCursor(cursor string) (deadPlace, error) {
	if cursor == "" {
		return deadPlace{micros: math.MaxInt64}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return deadPlace{}, ErrCursor
	}
	micros, id, _ := strings.Cut(string(raw), ".")
	n, err := strconv.ParseInt(micros, 10, 64)
	if err != nil {
		return deadPlace{}, ErrCursor
	}
	return deadPlace{n, id}, nil
}
