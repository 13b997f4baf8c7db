package goinfo

import (
	"strconv"
	"strings"
)

// mostMembers bounds how many members of an archive are looked at.
const mostMembers = 2000

// members returns the files in an archive of objects, as -buildmode=c-archive makes it; nil if it is none.
func members(f file) []file {
	const magic, head = "!<arch>\n", 60
	if b, err := f.exactly(0, int64(len(magic))); err != nil || string(b) != magic {
		return nil
	}
	list := []file{}
	for at := int64(len(magic)); len(list) < mostMembers; {
		b, err := f.exactly(at, head)
		if err != nil || string(b[58:]) != "`\n" {
			return list
		}
		size, err := strconv.ParseInt(strings.TrimRight(string(b[48:58]), " "), 10, 64)
		if err != nil || size < 0 {
			return list
		}
		member, err := f.within(at+head, min(size, f.size-at-head))
		if err != nil {
			return list
		}
		if long, found := strings.CutPrefix(string(b[:16]), "#1/"); found { // BSD's long names stand in front of the content
			if n, err := strconv.ParseInt(strings.TrimRight(long, " "), 10, 64); err == nil && n >= 0 && n <= member.size {
				member, _ = member.within(n, member.size-n)
			}
		}
		list = append(list, member)
		at += head + size + size&1
	}
	return list
}
