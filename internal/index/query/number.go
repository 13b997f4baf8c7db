package query

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units of sizes: kb is a thousand bytes and kib 1,024, as the reference has them.
var units = map[string]int64{
	"": 1, "b": 1,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// quote makes an error of a text, cut to a length that one can read.
func quote(text, what string) error {
	if runes := []rune(text); len(runes) > 40 {
		text = string(runes[:40]) + "…"
	}
	return fmt.Errorf("%q %s", text, what)
}

// parseInteger reads a whole number, decimal or with 0x, or a size with a unit, which may have a fraction.
func parseInteger(text string) (int64, error) {
	sign, digits := "", text
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		sign, digits = digits[:1], digits[1:]
	}
	if len(digits) > 2 && strings.EqualFold(digits[:2], "0x") {
		n, err := strconv.ParseInt(sign+digits[2:], 16, 64)
		if errors.Is(err, strconv.ErrRange) {
			return 0, quote(text, "is too large")
		}
		if err != nil || !hexDigit(digits[2]) { // a second sign
			return 0, quote(text, "is no whole number")
		}
		return n, nil
	}
	number := strings.TrimRight(digits, "bBgGiIkKmMtT")
	unit, ok := units[strings.ToLower(digits[len(number):])]
	number = strings.TrimRight(number, " ")
	whole, fraction, _ := strings.Cut(number, ".")
	if !ok || !decimal(whole) || strings.Contains(number, ".") && (!decimal(fraction) || unit == 1) {
		return 0, quote(text, "is no whole number")
	}
	if fraction != "" {
		f, err := strconv.ParseFloat(sign+number, 64)
		if f = math.Round(f * float64(unit)); err != nil || math.Abs(f) >= 1<<63 {
			return 0, quote(text, "is too large")
		}
		return int64(f), nil
	}
	n, err := strconv.ParseInt(sign+number, 10, 64)
	if err != nil || n > math.MaxInt64/unit || n < math.MinInt64/unit {
		return 0, quote(text, "is too large")
	}
	return n * unit, nil
}

// decimal tells whether a text is digits, at least one.
func decimal(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// parseFloat reads a number in decimal, without what Go's own syntax adds.
func parseFloat(text string) (float64, error) {
	if strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, quote(text, "is no number")
	}
	n, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, quote(text, "is too large")
	}
	if err != nil {
		return 0, quote(text, "is no number")
	}
	if n == 0 {
		n = 0 // not -0, which is the same but does not look so
	}
	return n, nil
}
