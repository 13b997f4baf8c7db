package inspect

import (
	"context"
	"errors"
	"time"
)

// Limits of a query for strings.
const (
	DefaultMinLength = 4
	DefaultMaxLength = 200
	LeastMinLength   = 2 // with one, every letter of a UTF-16 string is a string
	MostMinLength    = 1000
	MostMaxLength    = 10_000
	DefaultTake      = 1000
	MostTake         = 100_000
	DefaultWindow    = 10 << 20 // bytes
)

// StringsQuery says which strings are looked for. The zero value of a field stands for its default.
type StringsQuery struct {
	Offset   int64 // strings begin here or behind
	MaxBytes int64 // and less than this many bytes behind it; DefaultWindow

	// MinLength and MaxLength are in characters. What is longer is found in parts of MaxLength; nothing is left out.
	MinLength, MaxLength int

	Take      int           // ends the page after so many that were found; DefaultTake
	TimeLimit time.Duration // ends the page; ten seconds

	Filter  string // part of the string, in upper or lower case
	Regex   string // of RE2, matches a part of the string
	NoNoise bool   // leaves out what does not look as if somebody had meant it as text, see IsNoise
}

// FindStrings returns the strings of a file, in ASCII, UTF-8 and UTF-16 of both byte orders, by their offsets; in UTF-16 those
// of the scripts between Latin and Arabic (see alphabets). A string that begins in the part that is searched is found as a
// whole; when a page begins within one, the rest of it is found. When the time is over, what was found until then is returned; it
// is an error only if that is nothing because the file could not be read in time.
func FindStrings(ctx context.Context, src Source, q StringsQuery) (*Found, error) {
	if q.MaxBytes == 0 {
		q.MaxBytes = DefaultWindow
	}
	lengths, err := checkLengths(q.MinLength, q.MaxLength)
	if err != nil {
		return nil, err
	}
	take, err := checkTake(q.Take, DefaultTake)
	if err != nil {
		return nil, err
	}
	wanted, err := newWanted(q.Filter, q.Regex, q.NoNoise)
	if err != nil {
		return nil, err
	}
	from, to, err := span(src, q.Offset, q.MaxBytes)
	if err != nil {
		return nil, err
	}
	limit, err := startLimit(ctx, q.TimeLimit)
	if err != nil {
		return nil, err
	}
	defer limit.stop()
	page := &page{Found: Found{Strings: []String{}}, take: take}
	next, err := eachString(limit, src, from, to, lengths, func(at stretch, offset int64, text []byte) (more bool) {
		if !wanted.match(text) {
			return true
		}
		return page.add(String{string(text), offset, int64(at.end - at.start), at.coding.encoding(), at.coding})
	})
	if err := limit.settle(err, next > from); err != nil {
		return nil, err
	}
	return page.end(next, src.Size(), limit.over), nil
}

func checkLengths(minLength, maxLength int) (lengths, error) {
	if minLength == 0 {
		minLength = DefaultMinLength
	}
	if maxLength == 0 {
		maxLength = max(DefaultMaxLength, minLength)
	}
	switch {
	case minLength < LeastMinLength || minLength > MostMinLength:
		return lengths{}, queryf("min_length is %d and must be %d to %d", minLength, LeastMinLength, MostMinLength)
	case maxLength > MostMaxLength:
		return lengths{}, queryf("max_length is %d and must be at most %d", maxLength, MostMaxLength)
	case maxLength < minLength:
		return lengths{}, queryf("max_length %d is less than min_length %d", maxLength, minLength)
	}
	return lengths{minLength, maxLength}, nil
}

func checkTake(take, otherwise int) (int, error) {
	if take == 0 {
		return otherwise, nil
	}
	if take < 0 || take > MostTake {
		return 0, queryf("%d results are asked for, it must be 1 to %d", take, MostTake)
	}
	return take, nil
}

// stringsBetweenLooks is how many strings are handled before the clock is looked at; a match of one may take a while.
const stringsBetweenLooks = 256

// eachString hands over the strings that begin in [from, to), until take returns false or the time is over, and returns where
// the search would go on. The text is take's until it returns.
func eachString(limit *timeLimit, src Source, from, to int64, l lengths, take func(at stretch, offset int64, text []byte) bool) (int64, error) {
	s, err := newScanner(limit.ctx, src, from, to, l)
	if err != nil {
		return from, err
	}
	defer s.w.close()
	var text []byte
	for n := 1; ; {
		if more, err := s.read(); err != nil || !more {
			return s.pos, err
		}
		for {
			at, ok := s.find()
			if !ok {
				break
			}
			content := s.w.buf[at.start:at.end]
			if at.coding != UTF8 {
				text = appendText(text[:0], at.coding, content)
				content = text
			}
			if !take(at, s.w.base+int64(at.start), content) {
				return s.pos, nil
			}
			if n++; n%stringsBetweenLooks == 0 && limit.isOver() {
				return s.pos, nil
			}
		}
		if limit.isOver() {
			return s.pos, nil
		}
	}
}

// page gathers what was found.
type page struct {
	Found
	take  int
	bytes int
}

// add returns false when the page is full.
func (p *page) add(s String) bool {
	p.Strings = append(p.Strings, s)
	p.bytes += len(s.Text)
	return len(p.Strings) < p.take && p.bytes < maxFoundBytes
}

func (p *page) end(next, size int64, over bool) *Found {
	p.NextOffset = min(next, size)
	p.HasMore = p.NextOffset < size
	p.TimeOut = over && p.HasMore
	return &p.Found
}

// timeLimit ends work without losing what was done. Reads end with its context.
type timeLimit struct {
	ctx    context.Context
	cancel context.CancelFunc
	caller context.Context
	over   bool
}

func startLimit(ctx context.Context, d time.Duration) (*timeLimit, error) {
	if d < 0 {
		return nil, queryf("the time limit %v is negative", d)
	}
	if d == 0 {
		d = defaultTimeLimit
	}
	limited, cancel := context.WithTimeout(ctx, d)
	return &timeLimit{ctx: limited, cancel: cancel, caller: ctx}, nil
}

func (l *timeLimit) stop() { l.cancel() }

func (l *timeLimit) isOver() bool {
	l.over = l.ctx.Err() != nil
	return l.over
}

// settle tells whether an answer is an error: a caller that has left, a read that failed, or nothing done in time.
func (l *timeLimit) settle(err error, progress bool) error {
	if left := l.caller.Err(); left != nil {
		return left
	}
	if err != nil && errors.Is(l.ctx.Err(), context.DeadlineExceeded) {
		l.over = true
		if progress {
			return nil
		}
	}
	return err
}
