package goinfo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// buildInfo is what the go command wrote of a build: runtime/debug.BuildInfo, as much of it as can be read.
type buildInfo struct {
	version  string // of the compiler: "go1.22.1"
	path     string // of the main package
	main     module
	deps     []module
	settings []setting
}

type module struct {
	path, version string
	replacement   *module // what was built in its place; nil mostly
}

// local tells whether a module's source lay beside that of the program, and not in the cache of what was downloaded.
func (m module) local() bool {
	return m.version == "(devel)" || m.replacement != nil && m.replacement.version == "(devel)"
}

type setting struct{ key, value string }

// buildInfoMagic begins the block that the linker writes (cmd/link, "buildinfo"). It is aligned to 16 bytes.
var buildInfoMagic = []byte("\xff Go buildinf:")

const (
	buildInfoHead  = 32
	buildInfoAlign = 16
	mostModuleInfo = 4 << 20 // bytes
	mostModules    = 5000    // every package is compared with those of the program's author
	flagBigEndian  = 1
	flagInline     = 2 // since 1.18: the strings follow
)

// readBuildInfo reads the block at an address.
func (m *image) readBuildInfo(addr uint64) (*buildInfo, bool) {
	b := m.bytes(addr)
	if len(b) < buildInfoHead || !bytes.HasPrefix(b, buildInfoMagic) {
		return nil, false
	}
	ptrSize, flags := int(b[14]), b[15]
	var version, modules string
	if flags&flagInline != 0 {
		rest := b[buildInfoHead:]
		version, rest = inlineString(rest)
		modules, _ = inlineString(rest)
	} else {
		if ptrSize != 4 && ptrSize != 8 {
			m.notes.damaged("the build information is damaged")
			return nil, false
		}
		order := binary.ByteOrder(binary.LittleEndian)
		if flags&flagBigEndian != 0 {
			order = binary.BigEndian
		}
		version = m.stringHeader(word(order, ptrSize, b[16:]))
		modules = m.stringHeader(word(order, ptrSize, b[16+ptrSize:]))
	}
	info := parseModules(modules, m.notes)
	info.version = version
	return info, true
}

// inlineString reads a string with its length in front.
func inlineString(b []byte) (text string, rest []byte) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) || n > mostModuleInfo {
		return "", nil
	}
	return string(b[size : size+int(n)]), b[size+int(n):]
}

// stringHeader reads the string that the two words at an address describe.
func (m *image) stringHeader(addr uint64) string {
	b := m.bytes(addr)
	if len(b) < 2*m.ptrSize {
		return ""
	}
	text, size := m.bytes(m.word(b)), m.word(b[m.ptrSize:])
	if size > uint64(len(text)) || size > mostModuleInfo {
		return ""
	}
	return string(text[:size])
}

// sentinel is the length of what stands in front of and behind the module information in memory.
const sentinel = 16

// parseModules reads module information as `go version -m` prints it. Lines that make no sense are passed over.
func parseModules(text string, n *notes) *buildInfo {
	info := &buildInfo{}
	if len(text) < 2*sentinel {
		return info
	}
	text = text[sentinel : len(text)-sentinel]
	bad := 0
	for line := range strings.Lines(text) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		fields := strings.Split(rest, "\t")
		switch {
		case kind == "path":
			info.path = rest
		case kind == "mod" && len(fields) >= 2:
			info.main = module{path: fields[0], version: fields[1]}
		case kind == "dep" && len(fields) >= 2 && len(info.deps) >= mostModules:
			n.left(fmt.Sprintf("there are more than %d dependencies", mostModules))
			return info
		case kind == "dep" && len(fields) >= 2:
			info.deps = append(info.deps, module{path: fields[0], version: fields[1]})
		case kind == "=>" && len(fields) >= 2 && len(info.deps) > 0:
			info.deps[len(info.deps)-1].replacement = &module{path: fields[0], version: fields[1]}
		case kind == "build":
			if s, ok := parseSetting(rest); ok {
				info.settings = append(info.settings, s)
				break
			}
			bad++
		case line != "\n":
			bad++
		}
	}
	if bad > 0 {
		n.damaged("the build information is damaged")
	}
	return info
}

// parseSetting reads key=value, each of which is quoted when it has characters that would be in the way.
func parseSetting(text string) (setting, bool) {
	var s setting
	if strings.HasPrefix(text, `"`) || strings.HasPrefix(text, "`") {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return s, false
		}
		s.key, err = strconv.Unquote(quoted)
		if err != nil || !strings.HasPrefix(text[len(quoted):], "=") {
			return s, false
		}
		s.value = text[len(quoted)+1:]
	} else {
		found := false
		if s.key, s.value, found = strings.Cut(text, "="); !found {
			return s, false
		}
	}
	if strings.HasPrefix(s.value, `"`) || strings.HasPrefix(s.value, "`") {
		value, err := strconv.Unquote(s.value)
		if err != nil {
			return s, false
		}
		s.value = value
	}
	return s, s.key != ""
}
