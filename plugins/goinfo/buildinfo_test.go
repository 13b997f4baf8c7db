package goinfo

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

func TestParseModules(t *testing.T) {
	framed := func(lines ...string) string {
		return strings.Repeat("<", sentinel) + strings.Join(lines, "\n") + "\n" + strings.Repeat(">", sentinel)
	}
	for _, c := range []struct {
		name, text string
		want       buildInfo
		damaged    bool
	}{
		{"all", framed(
			"path\texample.com/rat/cmd", "mod\texample.com/rat\tv1.2.3\th1:x=", "dep\ta\tv1", "dep\tb\tv2\th1:y=", "=>\t../b\t(devel)\t", "dep\tc\tv3",
			"build\t-ldflags=\"-s -w\"", "build\t`odd key`=\"a\\tb\"", "build\tCGO_CFLAGS=", "build\tvcs=git"),
			buildInfo{
				path: "example.com/rat/cmd", main: module{"example.com/rat", "v1.2.3", nil},
				deps:     []module{{"a", "v1", nil}, {"b", "v2", &module{"../b", "(devel)", nil}}, {"c", "v3", nil}},
				settings: []setting{{"-ldflags", "-s -w"}, {"odd key", "a\tb"}, {"CGO_CFLAGS", ""}, {"vcs", "git"}},
			}, false},
		{"nothing", "", buildInfo{}, false},
		{"short", "<<<<", buildInfo{}, false},
		{"frame alone", framed()[:2*sentinel], buildInfo{}, false},
		{"damage", framed("path\tp", "garbage", "mod\tno version", "=>\tof nothing\tv1", "dep", "build\tno value", "build\t\"open=x", "build\ta=\"open", "build\tok=1"),
			buildInfo{path: "p", settings: []setting{{"ok", "1"}}}, true},
	} {
		n := &notes{}
		if got := parseModules(c.text, n); !reflect.DeepEqual(*got, c.want) || n.damage != c.damaged {
			t.Errorf("%s: %+v, damaged %v, want %+v", c.name, *got, n.damage, c.want)
		}
	}
}

// TestBuildInfoByPointers: before 1.18 the block has the addresses of strings.
func TestBuildInfoByPointers(t *testing.T) {
	for _, m := range machines {
		const addr = 0x10000
		w := &writer{machine: m}
		w.bytes(buildInfoMagic...)
		flags := byte(0)
		if m.order == binary.ByteOrder(binary.BigEndian) {
			flags = flagBigEndian
		}
		w.bytes(byte(m.ptrSize), flags)
		w.word(addr+64, addr+80)
		w.padTo(64)
		w.word(addr+112, 8)
		w.padTo(80)
		w.word(addr+128, uint64(len(madeInfo)))
		w.padTo(112)
		w.text("go1.17.1 and more")
		w.padTo(128)
		w.text(madeInfo)
		image := openMade(t, elfOf(m, []part{{addr: addr, data: w.b, write: true}}))
		info, ok := image.readBuildInfo(addr)
		if !ok || info.version != "go1.17.1" || info.main.path != "github.com/eve/rat" {
			t.Errorf("%s: %+v", m, info)
		}
	}
}
