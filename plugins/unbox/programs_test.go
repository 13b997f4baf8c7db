package unbox

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"lazuli/event"
)

// TestUPXThatIsNotUnpacked: a program that was packed for a system that is not known here is told with version, format and method.
func TestUPXThatIsNotUnpacked(t *testing.T) {
	header := []byte{'U', 'P', 'X', '!', 13, 34, 14, 9} // version 13, macho/amd64, LZMA
	for _, v := range []uint32{1, 1, 0, 0, 0} {         // checksums and sizes of nothing
		header = binary.LittleEndian.AppendUint32(header, v)
	}
	header = append(header, 0, 0, 0)
	sum := 0
	for _, c := range header[4:] {
		sum += int(c)
	}
	header = append(header, byte(sum%251))
	content := slices.Concat([]byte("\xcf\xfa\xed\xfe\x07\x00\x00\x01\x03\x00\x00\x00\x02\x00\x00\x00"), make([]byte, 84),
		[]byte("\x00\x00\x00\x00UPX!\x00\x00\x0d\x22aaaabbbbcccc$Id: UPX 3.94 Copyright"), header)
	out := run(t, content, identified(content))
	if out.State != event.CompletedWithErrors || out.Message != "macho/amd64, UPX 3.94, method LZMA: cannot be unpacked" || len(out.Children) != 0 {
		t.Errorf("%s: %s %s with %d children", identified(content), out.State, out.Message, len(out.Children))
	}
	if fmt.Sprint(values(out, "upx_version"), values(out, "box_type"), values(out, "malformed")) != "[3.94] [upx] []" {
		t.Error(out.Text())
	}
}
