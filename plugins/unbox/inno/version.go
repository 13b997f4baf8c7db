package inno

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// version is that of the format, which is the latest version of Inno Setup that changed it: 6.2.2 writes 6.1.0.
type version struct {
	number [4]int
	wide   bool // texts are UTF-16
}

const (
	versionBytes  = 64 // of the text that has the version, with zeros behind it
	versionBegins = "Inno Setup Setup Data ("
)

var versionText = regexp.MustCompile(`^` + regexp.QuoteMeta(versionBegins) + `(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?[a-z]?\)(?: \(([uU])\))?\x00`)

func parseVersion(p []byte) (v version, ok bool) {
	m := versionText.FindSubmatch(p)
	if m == nil {
		return v, false
	}
	for i := range v.number {
		v.number[i], _ = strconv.Atoi(string(m[1+i])) // digits, or nothing
	}
	v.wide = len(m[5]) > 0 || v.from(6, 3)
	return v, true
}

// from tells whether it is a version or a later one.
func (v version) from(number ...int) bool { return slices.Compare(v.number[:], number) >= 0 }

// before tells whether it is an earlier version.
func (v version) before(number ...int) bool { return !v.from(number...) }

// known tells whether its records are described here.
func (v version) known() bool { return v.from(5, 1) && v.before(7, 1) }

func (v version) String() string {
	n := v.number
	if n[3] != 0 {
		return fmt.Sprintf("Inno Setup %d.%d.%d.%d", n[0], n[1], n[2], n[3])
	}
	return fmt.Sprintf("Inno Setup %d.%d.%d", n[0], n[1], n[2])
}
