package goinfo

import (
	"bytes"
	_ "embed"
	"regexp"
	"strings"
)

// releaseList has the day of every release, one a line, from go.dev/doc/devel/release. Of 1.25.14 and from 1.26.6 on it is the day on which the release was tagged, up
// to a week before it.
//
//go:embed releases.txt
var releaseList string

var releases = func() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(releaseList) {
		if f := strings.Fields(line); len(f) == 2 {
			all[f[0]] = f[1]
		}
	}
	return all
}()

// released returns the day on which a compiler was released, as 2024-03-05; "" if it is not known. Names of experiments, and what distributions add, follow the version.
func released(version string) string {
	end := strings.IndexFunc(version, func(c rune) bool { return c != '.' && c != 'g' && c != 'o' && (c < '0' || c > '9') })
	if end > 0 && (version[end] == ' ' || version[end] == '-' || version[end] == '+') {
		version = version[:end]
	}
	return releases[version]
}

var versionForm = regexp.MustCompile(`^go1(\.\d{1,2}){0,2}((rc|beta)\d{1,2})?$`)

const (
	mostVersionPlaces = 4096 // at which "go1" stands
	longestVersion    = 16
)

// findVersion looks for the string that runtime.Version returns, for files without build information: two words that are the address and the length of a text that is
// a version as a whole. The text alone is not enough, since strings lie side by side.
func (m *image) findVersion() string {
	texts := map[uint64][]byte{}
	m.eachData(func(r *region, data []byte) bool {
		for at := 0; len(texts) < mostVersionPlaces; at++ {
			i := bytes.Index(data[at:], []byte("go1"))
			if i < 0 {
				break
			}
			at += i
			texts[r.addr+uint64(at)] = data[at:min(len(data), at+longestVersion)]
		}
		return true
	})
	found := ""
	m.eachData(func(r *region, data []byte) bool {
		for at := int(-r.addr % uint64(m.ptrSize)); at+2*m.ptrSize <= len(data); at += m.ptrSize {
			text, there := texts[m.word(data[at:])]
			if !there {
				continue
			}
			if n := m.word(data[at+m.ptrSize:]); n <= uint64(len(text)) && versionForm.Match(text[:n]) {
				found = string(text[:n])
				return false
			}
		}
		return true
	})
	return found
}

// eachData calls fn for every region that is not code, until it returns false.
func (m *image) eachData(fn func(r *region, data []byte) bool) {
	for _, r := range m.regions {
		if r.executable {
			continue
		}
		if data, err := m.load(r); err == nil && !fn(r, data) {
			return
		}
	}
}

// release tells which releases a function table without a module can be of.
func (t *pclntab) release() string {
	switch {
	case t.magic == magic12:
		return "go1.2–go1.15"
	case t.magic == magic116:
		return layouts116[0].release
	case t.magic == magic118:
		return layouts118[0].release
	case t.magic == magic120:
		return "go1.20 or newer"
	}
	return ""
}
