package index

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The fields of parts of values.
const (
	enriched      = "features.enriched."
	partInteger   = enriched + "integer"
	partFloat     = enriched + "float"
	partDatetime  = enriched + "datetime"
	partText      = enriched + "binary_string"
	partScheme    = enriched + "scheme"
	partNetloc    = enriched + "netloc"
	partPath      = enriched + "filepath"
	partTree      = enriched + "filepath.tree"
	partReversed  = enriched + "filepath.tree_reversed"
	partParams    = enriched + "params"
	partQuery     = enriched + "query"
	partFragment  = enriched + "fragment"
	partUsername  = enriched + "username"
	partPassword  = enriched + "password"
	partHostname  = enriched + "hostname"
	partPort      = enriched + "port"
	partIP        = enriched + "ip"
	maxPartsBytes = 8_000 // values that are longer have no parts
)

// partsOf calls fn with the parts of a value. Numbers, times and addresses come as keys, whose order is theirs.
func partsOf(f *Feature, fn func(field, text string)) {
	if len(f.Value) > maxPartsBytes {
		return
	}
	switch f.Type {
	case "integer":
		if n, err := strconv.ParseInt(f.Value, 10, 64); err == nil {
			fn(partInteger, integerKey(n))
		}
	case "float":
		if x, err := strconv.ParseFloat(f.Value, 64); err == nil && !math.IsNaN(x) {
			fn(partFloat, floatKey(x))
		}
	case "datetime":
		if t, ok := parseTime(f.Value); ok {
			fn(partDatetime, integerKey(t.UnixMicro()))
		}
	case "binary":
		if b, err := base64.StdEncoding.DecodeString(f.Value); err == nil && len(b) > 0 && utf8.Valid(b) {
			fn(partText, string(b))
		}
	case "filepath":
		if p := normalPath(f.Value); p != "" {
			fn(partPath, p)
			fn(partReversed, reversedPath(p))
		}
	case "uri":
		partsOfURI(f.Value, fn)
	}
}

// normalPath puts / between the parts of a path of Windows: one without any /, or with a back-slash before the first one.
func normalPath(text string) string {
	slash, back := strings.IndexByte(text, '/'), strings.IndexByte(text, '\\')
	if back >= 0 && (slash < 0 || back < slash) {
		text = strings.ReplaceAll(text, `\`, "/")
	}
	return text
}

// reversedPath writes the parts of a path from the last to the first.
func reversedPath(text string) string {
	parts := strings.Split(text, "/")
	slices.Reverse(parts)
	return strings.Join(parts, "/")
}

// partsOfURI reads what can be read of a URI. One that says no scheme is read as if one were there.
func partsOfURI(text string, fn func(field, text string)) {
	own := true
	if lower := strings.ToLower(text); !strings.Contains(text, "://") && !strings.HasPrefix(lower, "mailto:") && !strings.HasPrefix(lower, "http:") &&
		!strings.HasPrefix(lower, "https:") {
		text, own = "x://"+text, false
	}
	u, err := url.Parse(text)
	if err != nil {
		return
	}
	part := func(field, text string) {
		if text != "" {
			fn(field, text)
		}
	}
	if own {
		part(partScheme, u.Scheme)
	}
	netloc := u.Host
	if u.User != nil {
		netloc = u.User.String() + "@" + netloc
		part(partUsername, u.User.Username())
		password, _ := u.User.Password()
		part(partPassword, password)
	}
	part(partNetloc, netloc)
	host := u.Hostname()
	part(partHostname, strings.ToLower(host))
	if ip, err := netip.ParseAddr(host); err == nil {
		fn(partIP, addressKey(ip))
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err == nil && port > 0 {
		fn(partPort, integerKey(int64(port)))
	}
	path := u.Path
	if path == "" {
		path = u.Opaque
	}
	if last := strings.LastIndexByte(path, '/'); strings.Contains(path[last+1:], ";") {
		semicolon := last + 1 + strings.IndexByte(path[last+1:], ';')
		part(partParams, path[semicolon+1:])
		path = path[:semicolon]
	}
	part(partPath, path)
	part(partQuery, u.RawQuery)
	part(partFragment, u.Fragment)
}

// integerKey is a text whose order, among such texts, is that of the numbers: 16 hex digits.
func integerKey(n int64) string { return fmt.Sprintf("%016x", uint64(n)^1<<63) }

func floatKey(x float64) string {
	b := math.Float64bits(x + 0) // -0 is 0
	if b>>63 != 0 {
		b = ^b
	} else {
		b ^= 1 << 63
	}
	return fmt.Sprintf("%016x", b)
}

// addressKey orders addresses, those of IPv4 first: 8 or 32 hex digits behind a letter.
func addressKey(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return fmt.Sprintf("4%x", ip.As4())
	}
	return fmt.Sprintf("6%x", ip.As16())
}

// parseTime reads the times that plugins write: with or without a zone (UTC then), with or without a time of the day.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999",
		"2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// keyFloat is the number of a key.
func keyFloat(key string) float64 {
	b, _ := strconv.ParseUint(key, 16, 64)
	if b>>63 != 0 {
		b ^= 1 << 63
	} else {
		b = ^b
	}
	return math.Float64frombits(b)
}
