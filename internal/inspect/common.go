package inspect

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"time"
)

// DefaultTakeCommon is how many strings CommonStrings returns when the query does not say.
const DefaultTakeCommon = 5000

// CommonQuery says which strings of several files are compared. The zero value of a field stands for its default.
type CommonQuery struct {
	MinLength, MaxLength int           // as in StringsQuery
	Take                 int           // at most so many; DefaultTakeCommon
	TimeLimit            time.Duration // ten seconds
}

// Common is what files have in common.
type Common struct {
	Strings    []string `json:"strings"`    // never nil
	Incomplete bool     `json:"incomplete"` // there are more, or the time was over
}

// CommonStrings returns the strings that are in each of two files or more, in whatever coding. First come those that look most
// like meant text (TextScore), of these the longest, so that of too many the best remain.
//
// The strings of the smallest file go into a set, in batches of half a million, and with each batch the other files are read
// once. So memory is bounded, to some 50 MiB, whatever the files hold.
func CommonStrings(ctx context.Context, files []Source, q CommonQuery) (*Common, error) {
	if len(files) < 2 || len(files) > maxCompared {
		return nil, queryf("%d files are to be compared, it must be 2 to %d", len(files), maxCompared)
	}
	lengths, err := checkLengths(q.MinLength, q.MaxLength)
	if err != nil {
		return nil, err
	}
	take, err := checkTake(q.Take, DefaultTakeCommon)
	if err != nil {
		return nil, err
	}
	limit, err := startLimit(ctx, q.TimeLimit)
	if err != nil {
		return nil, err
	}
	defer limit.stop()
	files = slices.SortedFunc(slices.Values(files), func(a, b Source) int { return cmp.Compare(a.Size(), b.Size()) })
	c := &comparison{limit: limit, files: files, lengths: lengths, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	best := &bestStrings{take: take, has: map[string]bool{}}
	for from := int64(0); from < files[0].Size() && !limit.over; {
		if from, err = c.batch(from, best); err != nil {
			break
		}
	}
	if err := limit.settle(err, true); err != nil {
		return nil, err
	}
	strings, dropped := best.result()
	return &Common{strings, dropped || limit.over}, nil
}

// maxCompared is how many files are compared at once; a counter of them fits into a byte.
const maxCompared = 100

// batchStrings is how many different strings are compared at a time.
var batchStrings = 1 << 19 // smaller in tests

// comparison compares files by hashes of their strings. They have 128 bits and seeds that nobody knows, so that two strings
// never have the same.
type comparison struct {
	limit   *timeLimit
	files   []Source
	lengths lengths
	seeds   [2]maphash.Seed
}

func (c *comparison) hash(text []byte) [2]uint64 {
	return [2]uint64{maphash.Bytes(c.seeds[0], text), maphash.Bytes(c.seeds[1], text)}
}

// batch compares the strings of the first file from an offset on, as many as there may be in a set, with the others. It
// returns where the next batch begins.
func (c *comparison) batch(from int64, best *bestStrings) (next int64, err error) {
	in := map[[2]uint64]uint8{} // how many of the files have a string, one after another
	next, err = eachString(c.limit, c.files[0], from, c.files[0].Size(), c.lengths, func(_ stretch, _ int64, text []byte) bool {
		in[c.hash(text)] = 1
		return len(in) < batchStrings
	})
	for i, file := range c.files[1:] {
		if err != nil || c.limit.over || len(in) == 0 {
			break
		}
		before, last := uint8(i+1), i+2 == len(c.files)
		_, err = eachString(c.limit, file, 0, file.Size(), c.lengths, func(_ stretch, _ int64, text []byte) bool {
			if hash := c.hash(text); in[hash] == before {
				in[hash]++
				if last {
					best.add(string(text))
				}
			}
			return true
		})
	}
	return next, err
}

// bestStrings keeps the best of many strings.
type bestStrings struct {
	take    int
	all     []scored
	has     map[string]bool
	bytes   int
	dropped bool
}

type scored struct {
	text  string
	score float64
}

func (b *bestStrings) add(text string) {
	if b.has[text] {
		return // in another batch
	}
	b.has[text] = true
	b.all = append(b.all, scored{text, TextScore(text)})
	b.bytes += len(text)
	if len(b.all) >= 2*b.take || b.bytes >= maxFoundBytes {
		b.drop(maxFoundBytes / 2)
	}
}

// drop leaves the best ones.
func (b *bestStrings) drop(maxBytes int) {
	slices.SortFunc(b.all, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(len(b.text), len(a.text)), strings.Compare(a.text, b.text))
	})
	b.bytes = 0
	for i, s := range b.all {
		if b.bytes += len(s.text); i == b.take || b.bytes > maxBytes {
			b.bytes -= len(s.text)
			for _, s := range b.all[i:] {
				delete(b.has, s.text)
			}
			clear(b.all[i:])
			b.all, b.dropped = b.all[:i], true
			return
		}
	}
}

func (b *bestStrings) result() (texts []string, dropped bool) {
	b.drop(maxFoundBytes)
	texts = make([]string, len(b.all))
	for i, s := range b.all {
		texts[i] = s.text
	}
	return texts, b.dropped
}
