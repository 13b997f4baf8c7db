package index

import (
	"strconv"
)

// PartsOf returns the parts of a feature's value by which it can be searched, as text: the field of each, such as
// features.enriched.hostname, with what it holds.
func PartsOf(kind, value string) map[string]string {
	parts := map[string]string{}
	partsOf(&Feature{Type: kind, Value: value}, func(field, text string) {
		switch field {
		case partTree, partReversed:
			return
		case partInteger, partFloat, partDatetime:
			text = value // the other is for sorting
		case partIP:
			text = parts[partHostname]
		case partPort:
			n, err := strconv.ParseUint(text, 16, 64)
			if err != nil {
				return
			}
			text = strconv.FormatUint(n^1<<63, 10)
		}
		parts[field] = text
	})
	return parts
}
