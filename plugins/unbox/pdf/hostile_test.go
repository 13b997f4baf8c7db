package pdf

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"lazuli/plugin/plugintest"
)

// zeros is n zero bytes, compressed again and again.
func zeros(n, times int) []byte {
	data := make([]byte, n)
	for range times {
		var b bytes.Buffer
		w, err := zlib.NewWriterLevel(&b, zlib.BestSpeed)
		must(err)
		_, err = w.Write(data)
		must(err)
		must(w.Close())
		data = b.Bytes()
	}
	return data
}

func flates(n int) string { return strings.Repeat("/FlateDecode ", n) }

// xrefStream ends a file with a cross-reference stream as it is given.
func xrefStream(m *maker, number int, dict string, rows []byte) []byte {
	at := m.Len()
	m.stream(number, "/Type /XRef /Root 1 0 R "+dict, rows)
	return m.end(at).Bytes()
}

// hostiles are files that ask for more than they are worth. Each takes well under two seconds on a machine that does nothing else.
func hostiles() map[string]func() []byte {
	repeat := strings.Repeat
	all := map[string]func() []byte{}
	all["flate in flate"] = func() []byte { return minimal("").stream(4, "/Filter ["+flates(3)+"]", zeros(1<<28, 3)).finish() }
	all["flate that vanishes"] = func() []byte {
		return minimal("").stream(4, "/Filter [/FlateDecode /ASCIIHexDecode]", deflated(bytes.Repeat([]byte(" "), 1<<27))).finish()
	}
	all["a hundred filters"] = func() []byte { return minimal("").stream(4, "/Filter ["+flates(100)+"]", zeros(1000, 100)).finish() }
	all["a million filters"] = func() []byte {
		return minimal("").stream(4, "/Filter ["+flates(1_000_000)+"]", zeros(1000, 3)).finish()
	}

	all["fifty bombs"] = func() []byte { return bombs(50) }
	all["a bomb with many names"] = func() []byte { return sharedBomb(5000) }
	all["a count of a billion"] = func() []byte {
		return minimal("").object(2, "<< /Type /Pages /Count 1000000000 /Kids [2 0 R 2 0 R 3 0 R] >>").finish()
	}
	all["a table of a billion"] = func() []byte {
		return append(minimal("").Bytes(), "xref\n0 1000000000\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R /Size 1000000000 >>\nstartxref\n194\n%%EOF"...)
	}
	all["a cross-reference stream of a billion"] = func() []byte {
		return xrefStream(minimal(""), 4, "/W [1 4 2] /Index [0 1000000000] /Size 1000000000 /Filter /FlateDecode", zeros(128<<20, 1))
	}
	all["cross-references in a circle"] = func() []byte { return circle() }
	all["cross-references of many updates"] = func() []byte { return updates(20_000) }

	all["deep arrays"] = func() []byte { return minimal("").object(4, "%s", repeat("[", 5_000_000)).finish() }
	all["deep dictionaries"] = func() []byte { return minimal("").object(4, "%s", repeat("<</A", 2_000_000)).finish() }
	all["arrays of arrays"] = func() []byte { return minimal("").object(4, "[%s]", repeat("[]", 2_000_000)).finish() }
	all["deep arrays again and again"] = func() []byte {
		return minimal("").object(4, "%s", repeat("5 0 obj "+repeat("[", 400)+"\n", 20_000)).finish()
	}
	all["a long array"] = func() []byte { return minimal("").object(4, "[%s]", repeat("1 ", 5_000_000)).finish() }
	all["long arrays"] = func() []byte { return longArrays(20, 400_000) }
	all["a long dictionary"] = func() []byte { return minimal("").object(4, "<<%s>>", repeat("/A 1", 2_000_000)).finish() }
	all["a long string"] = func() []byte {
		return minimal("/OpenAction 4 0 R").object(4, "<< /S /JavaScript /JS (%s) >>", repeat("x", 50<<20)).finish()
	}
	all["strings without an end"] = func() []byte { return minimal("").object(4, "%s", repeat("5 0 obj (", 500_000)).finish() }
	all["hexadecimal strings without an end"] = func() []byte { return minimal("").object(4, "%s", repeat("5 0 obj <", 500_000)).finish() }
	all["comments without an end"] = func() []byte { return minimal("").object(4, "%s", repeat("5 0 obj %", 500_000)).finish() }
	all["streams without an end"] = func() []byte { return minimal("").object(4, "%s", repeat("5 0 obj <<>> stream\n", 300_000)).finish() }
	all["names of escapes"] = func() []byte { return minimal("").object(4, "[%s]", repeat("/#41", 1_000_000)).finish() }
	all["a million objects"] = func() []byte { return minimal("").object(4, "%s", repeat("5 0 obj 1 endobj ", 1_200_000)).finish() }
	all["a million numbers"] = func() []byte { return numbers(600_000) }
	all["a million startxref"] = func() []byte { return append(minimal("").Bytes(), repeat("startxref\n9\n", 500_000)...) }
	all["a million trailers"] = func() []byte { return append(minimal("").Bytes(), repeat("trailer <</Root 1 0 R>>\n", 300_000)...) }
	all["references that go round"] = func() []byte { return minimal("/OpenAction 4 0 R").object(4, "5 0 R").object(5, "4 0 R").finish() }
	all["a chain of references"] = func() []byte { return chain(100_000) }
	all["lengths that need themselves"] = func() []byte {
		return minimal("").object(4, "<< /Length 4 0 R >>\nstream\nx\nendstream").object(5, "<< /Length 6 0 R >>\nstream\nx\nendstream").
			object(6, "<< /Length 5 0 R >>\nstream\nx\nendstream").finish()
	}
	all["an object stream in itself"] = func() []byte { return inItself() }
	all["object streams that bomb"] = func() []byte { return objectBombs(30) }
	all["an object stream of many scripts"] = func() []byte { return scriptBombs(10) }
	all["name trees that go round"] = func() []byte { return trees() }
	all["the same assets again and again"] = func() []byte { return assets(20_000) }
	all["names that share a long text"] = func() []byte { return longNames(500) }
	all["actions that share a long text"] = func() []byte { return longTargets(10_000) }
	all["forms that share their packets"] = func() []byte { return sharedForms(20_000) }
	all["trails that grow"] = func() []byte {
		return minimal("").object(4, "%s", repeat("<< /S /JavaScript /JS 5 0 R /Next ", 490)).object(5, "<< /AA 6 0 R >>").object(6, "<< /%s 5 0 R >>", repeat("x", 1<<20)).finish()
	}
	all["huge rows"] = func() []byte { return rows(2000) }
	all["a form of many packets"] = func() []byte {
		return minimal("").object(4, "<< /XFA [%s] >>", repeat("(x) 5 0 R ", 200_000)).stream(5, "/Filter /FlateDecode", deflated(bytes.Repeat([]byte("<"), 1<<20))).finish()
	}
	return all
}

func bombs(n int) []byte {
	m := minimal("")
	bomb := zeros(64<<20, 1)
	for i := range n {
		m.stream(10+i, "/Filter /FlateDecode", bomb)
	}
	return m.finish()
}

func sharedBomb(n int) []byte {
	m := minimal("").stream(4, "/Type /EmbeddedFile /Filter /FlateDecode", zeros(64<<20, 1))
	for i := range n {
		m.object(10+i, "<< /F (%d) /EF << /F 4 0 R >> >>", i)
	}
	return m.finish()
}

func circle() []byte {
	m := minimal("")
	at := m.Len()
	fmt.Fprintf(m, "xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R /Size 4 /Prev %d /XRefStm %d >>\n", at, at)
	return m.end(at).Bytes()
}

func updates(n int) []byte {
	m := minimal("").table("/Root 1 0 R")
	for range n {
		m.object(4, "4").table("/Root 1 0 R")
	}
	return m.Bytes()
}

func longArrays(n, values int) []byte {
	m := minimal("")
	for i := range n {
		m.object(10+i, "[%s]", strings.Repeat("1 ", values))
	}
	return m.finish()
}

func numbers(n int) []byte {
	m := minimal("")
	for i := range n {
		fmt.Fprintf(m, "%d 0 obj<</S/URI/URI(%d)>>", i+4, i)
	}
	return m.Bytes()
}

func chain(n int) []byte {
	m := minimal("/OpenAction 10 0 R")
	for i := range n {
		m.object(10+i, "<< /S /JavaScript /JS %d 0 R /Next %d 0 R >>", 10+i+1, 10+i+1)
	}
	return m.finish()
}

func inItself() []byte {
	m := minimal("")
	at := m.Len()
	content, first := bundled(map[int]string{4: "<< /A 1 >>", 6: "100"})
	m.object(4, "<< /Type /ObjStm /N 2 /First %d /Length 6 0 R >>\nstream\n%s\nendstream", first, content)
	rows := []byte{2, 0, 4, 0, 2, 0, 4, 1, 2, 0, 4, 1}
	return xrefStream(m, 5, fmt.Sprintf("/W [1 2 1] /Index [4 1 6 1 7 1] /Size 8 /At %d", at), rows)
}

// objectBombs are object streams of 7 MiB each whose members are asked for in turn.
func objectBombs(n int) []byte {
	m := minimal("")
	var rows bytes.Buffer
	for i := range n {
		objects := map[int]string{}
		for k := range 100 {
			objects[1000+k*n+i] = "<< /EF 1 >>"
		}
		content, first := bundled(objects)
		at := m.Len()
		m.stream(10+i, fmt.Sprintf("/Type /ObjStm /N 100 /First %d /Filter /FlateDecode", first), deflated(append(content, make([]byte, 7<<20)...)))
		fmt.Fprintf(&rows, "\x01%c%c%c\x00", at>>16, at>>8, at)
	}
	for k := range 100 {
		for i := range n {
			fmt.Fprintf(&rows, "\x02\x00\x00%c%c", 10+i, k)
		}
	}
	out := bytes.NewBuffer(nil)
	for _, c := range rows.String() { // %c writes UTF-8
		out.WriteByte(byte(c))
	}
	return xrefStream(m, 5, fmt.Sprintf("/W [1 3 1] /Index [10 %d 1000 %d] /Size 9999", n, 100*n), out.Bytes())
}

// scriptBombs are object streams of one string of megabytes each.
func scriptBombs(n int) []byte {
	m := minimal("")
	for i := range n {
		content, first := bundled(map[int]string{1000 + i: "<< /S /JavaScript /JS (" + strings.Repeat("a", 7<<20) + ") >>"})
		m.stream(10+i, fmt.Sprintf("/Type /ObjStm /N 1 /First %d /Filter /FlateDecode", first), deflated(content))
	}
	return m.Bytes() // without cross-references
}

func trees() []byte {
	m := minimal("/Names << /EmbeddedFiles 10 0 R /JavaScript 10 0 R >>")
	kids := strings.Repeat("10 0 R 11 0 R 12 0 R ", 1000)
	for i := range 3 {
		m.object(10+i, "<< /Kids [%s] /Names [%s] >>", kids, strings.Repeat("(x) 10 0 R ", 10_000))
	}
	return m.finish()
}

func assets(n int) []byte {
	m := minimal("").object(4, "<< /Names [%s] >>", strings.Repeat("(x) 5 0 R ", 10_000)).object(6, "<< %s >>", strings.Repeat("/A 5 0 R ", 10_000))
	for i := range n {
		m.object(10+i, "<< /Assets 4 0 R /AA 6 0 R /RF << /F [5 0 R] >> /EF 6 0 R >>")
	}
	return m.finish()
}

func longNames(n int) []byte {
	m := minimal("").object(5, "(%s)", strings.Repeat("\xe9", 4000))
	for i := range n {
		var names strings.Builder
		for k := range 500 {
			fmt.Fprintf(&names, "5 0 R %d 0 R ", 1_000_000+500*i+k)
		}
		m.object(10+i, "<< /Assets << /Names [%s] >> >>", names.String())
	}
	return m.finish()
}

func longTargets(n int) []byte {
	m := minimal("").object(5, "(%s)", strings.Repeat("\xe9", 4000))
	for i := range n {
		m.object(10+i, "<< /A << /S /Launch /F 5 0 R /Win << /F 5 0 R /P 5 0 R /D 5 0 R /O 5 0 R >> /Unix << /F 5 0 R >> >> >>")
	}
	return m.finish()
}

func sharedForms(n int) []byte {
	m := minimal("").object(4, "[%s]", strings.Repeat("(x) 6 0 R ", 100_000))
	for i := range n {
		m.object(10+i, "<< /XFA 4 0 R >>")
	}
	return m.finish()
}

func rows(n int) []byte {
	m := minimal("")
	data := deflated([]byte("\x02abc"))
	for i := range n {
		m.stream(10+i, "/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 16000000 >>", data)
	}
	return m.finish()
}

// cpuTime is what the process has used of the processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestHostile: bombs, loops and lies end soon, in little memory, with all else that is in the file.
func TestHostile(t *testing.T) {
	for name, build := range hostiles() {
		t.Run(name, func(t *testing.T) {
			content := build()
			var report *Report
			var err error
			parts := 0
			begun, cpu := time.Now(), cpuTime()
			peak := plugintest.PeakMemory(func() {
				report, err = Walk(t.Context(), bytes.NewReader(content), int64(len(content)), Options{}, func(_ Part, r io.Reader) error {
					parts++
					_, _ = io.Copy(io.Discard, r) // limits are what is expected
					return nil
				})
			})
			took := time.Since(begun)
			t.Logf("%d bytes took %s of the processors and %d MiB: %d parts, %v", len(content), (cpuTime() - cpu).Round(time.Millisecond), peak>>20, parts, err)
			if report == nil {
				t.Fatal(err)
			}
			t.Logf("limits %q", report.Limits)
			if peak > 200<<20 || took > 20*time.Second {
				t.Errorf("took %s and %d MiB", took, peak>>20)
			}
		})
	}
}
