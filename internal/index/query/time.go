package query

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// parseTime reads a time: ISO 8601 to any precision, now with offsets, or milliseconds since 1970. It covers all that begins
// so: a year, a day, a second, …. Without a zone it is UTC. Four digits are a year, eight that can be one a day.
func parseTime(text string, now time.Time) (span, error) {
	if len(text) >= 3 && strings.EqualFold(text[:3], "now") {
		return relativeTime(text, now)
	}
	if len(text) == 8 && decimal(text) && "19700101" <= text && text <= "20991231" {
		text = text[:4] + "-" + text[4:6] + "-" + text[6:] // nobody means a minute in 1970
	}
	if digits := strings.TrimPrefix(text, "-"); decimal(digits) && (len(text) != 4 || len(digits) != 4) {
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil || ms > math.MaxInt64/1000-1 || ms < math.MinInt64/1000 {
			return span{}, quote(text, "is too large for a time")
		}
		return stretch(ms*1000, ms*1000+1000), nil
	}
	c := clock{rest: text, month: 1, day: 1}
	from, end, ok := c.read()
	if !ok {
		return span{}, quote(text, "is no time")
	}
	if year := from.UTC().Year(); year < 0 || year > 9999 { // a zone can do that
		return span{}, quote(text, "is too far away")
	}
	return stretch(from.UnixMicro(), end.UnixMicro()), nil
}

// clock reads a date and a time from the left.
type clock struct {
	rest                                   string
	year, month, day, hour, minute, second int
	micro                                  int
}

// read returns the first moment of what the text says and the first one behind it.
func (c *clock) read() (from, end time.Time, ok bool) {
	if !c.number(4, &c.year) {
		return from, end, false
	}
	step := func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }
	zone := time.UTC
	if c.skip("-") {
		if !c.number(2, &c.month) {
			return from, end, false
		}
		step = func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }
		if c.skip("-") {
			if !c.number(2, &c.day) {
				return from, end, false
			}
			step = func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }
			if c.skip("Tt ") {
				precision, ok := c.time()
				if !ok {
					return from, end, false
				}
				step = func(t time.Time) time.Time { return t.Add(precision) }
				if zone, ok = c.zone(); !ok {
					return from, end, false
				}
			}
		}
	}
	from = time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.micro*1000, zone)
	same := from.Month() == time.Month(c.month) && from.Day() == c.day // not 30 February
	return from, step(from), same && c.rest == "" && c.hour < 24 && c.minute < 60 && c.second < 60
}

// time reads hours, and perhaps minutes, seconds and a fraction, and returns how exact that is.
func (c *clock) time() (precision time.Duration, ok bool) {
	if !c.number(2, &c.hour) {
		return 0, false
	}
	if !c.skip(":") {
		return time.Hour, true
	}
	if !c.number(2, &c.minute) {
		return 0, false
	}
	if !c.skip(":") {
		return time.Minute, true
	}
	if !c.number(2, &c.second) {
		return 0, false
	}
	if !c.skip(".,") {
		return time.Second, true
	}
	digits := 0
	for precision = time.Second; c.rest != "" && decimal(c.rest[:1]); c.rest = c.rest[1:] {
		if digits++; digits > 6 { // finer than what is kept
			continue
		}
		precision /= 10
		c.micro += int(c.rest[0]-'0') * int(precision/time.Microsecond)
	}
	return precision, 0 < digits && digits <= 9
}

// zone reads Z, +10, +10:00 or +1000.
func (c *clock) zone() (*time.Location, bool) {
	if c.rest == "" || c.skip("Zz") {
		return time.UTC, true
	}
	sign := 1
	if c.rest[0] == '-' {
		sign = -1
	}
	var hours, minutes int
	if !c.skip("+-") || !c.number(2, &hours) {
		return nil, false
	}
	if c.skip(":") || c.rest != "" {
		if !c.number(2, &minutes) {
			return nil, false
		}
	}
	return time.FixedZone("", sign*(hours*60+minutes)*60), hours < 24 && minutes < 60
}

func (c *clock) skip(any string) bool {
	if c.rest == "" || strings.IndexByte(any, c.rest[0]) < 0 {
		return false
	}
	c.rest = c.rest[1:]
	return true
}

func (c *clock) number(digits int, n *int) bool {
	if len(c.rest) < digits || !decimal(c.rest[:digits]) {
		return false
	}
	*n, _ = strconv.Atoi(c.rest[:digits])
	c.rest = c.rest[digits:]
	return true
}

// relativeTime reads now, now-7d, now-1M+12h. Its ends are as exact as microseconds are.
func relativeTime(text string, now time.Time) (span, error) {
	t := now.UTC().Truncate(time.Microsecond)
	for rest := text[len("now"):]; rest != ""; {
		end := 1
		for end < len(rest) && decimal(rest[end:end+1]) {
			end++
		}
		if rest[0] != '-' && rest[0] != '+' || end == 1 || end == len(rest) {
			return span{}, quote(text, "is no time")
		}
		if end > 7 {
			return span{}, quote(text, "is too far away")
		}
		n, _ := strconv.Atoi(rest[:end])
		switch rest[end] {
		case 's':
			t = t.Add(time.Duration(n) * time.Second)
		case 'm':
			t = t.Add(time.Duration(n) * time.Minute)
		case 'h':
			t = t.Add(time.Duration(n) * time.Hour)
		case 'd':
			t = t.AddDate(0, 0, n)
		case 'w':
			t = t.AddDate(0, 0, 7*n)
		case 'M':
			t = addMonths(t, n)
		case 'y':
			t = addMonths(t, 12*n)
		default:
			return span{}, quote(text, "is no time")
		}
		if t.Year() < 0 || t.Year() > 9999 {
			return span{}, quote(text, "is too far away")
		}
		rest = rest[end+1:]
	}
	at := t.UnixMicro()
	b := Bound{Value: at, Set: true, Relative: strings.ToLower(text[:3]) + text[3:]}
	open := b
	open.Open = true
	return span{from: b, after: b, to: open, before: open}, nil
}

// addMonths stays in the month: a month before 31 March is the last day of February.
func addMonths(t time.Time, n int) time.Time {
	moved := t.AddDate(0, n, 0)
	if moved.Day() != t.Day() {
		return moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}
