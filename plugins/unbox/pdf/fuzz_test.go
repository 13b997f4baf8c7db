package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
)

// small are limits for fuzzing, so that nothing takes long.
var small = limits{
	depth: 20, objects: 200, values: 1000, text: 10_000, stream: 100_000, inner: 50_000, filters: 4, found: 50, facts: 3, base: 1 << 20, parse: 4, extract: 4,
}

// samples are documents of every kind, small enough to be fuzzed.
func samples() [][]byte {
	scripts := minimal("/OpenAction 10 0 R /AcroForm << /XFA [(a) 20 0 R (b) 20 0 R] >> /Names << /JavaScript 40 0 R /EmbeddedFiles 41 0 R >> /Metadata 21 0 R").
		object(10, "<< /S /JavaScript /JS 11 0 R /Next << /S /Launch /F (x) >> >>").object(11, "(code)").
		stream(20, "/Filter /FlateDecode", deflated([]byte("<script>x</script>"))).stream(21, "/Type /Metadata", []byte(`<x xmlns:pdf="http://ns.adobe.com/pdf/1.3/" pdf:a="b"/>`)).
		object(40, "<< /Names [(n) 10 0 R] >>").object(41, "<< /Names [(f) 42 0 R] >>").object(42, "<< /F (f) /EF << /F 20 0 R >> >>")
	content, first := bundled(map[int]string{10: "<< /S /URI /URI (u) >>", 11: "(x)"})
	m := minimal("/OpenAction 10 0 R").stream(4, fmt.Sprintf("/Type /ObjStm /N 2 /First %d /Filter /FlateDecode", first), deflated(content))
	var rows bytes.Buffer
	for _, n := range []int{1, 2, 3, 4} {
		rows.Write([]byte{1, byte(m.at[n] >> 8), byte(m.at[n]), 0})
	}
	rows.Write([]byte{2, 0, 4, 0, 2, 0, 4, 1})
	bundles := xrefStream(m, 5, "/W [1 2 1] /Index [1 4 10 2] /Size 12 /Filter /FlateDecode", deflated(rows.Bytes()))
	locked := minimal("/OpenAction << /S /URI /URI (u) >>").stream(4, "", bytes.Repeat([]byte("x"), 48)).object(5, "%s", encryptR3).
		table("/Root 1 0 R /Encrypt 5 0 R /ID [(id) (id)]").Bytes()
	return [][]byte{
		minimal("").finish(), scripts.finish(), bundles, update().Bytes(), locked,
		replaced(scripts.Bytes(), "startxref", "startxxxx"), append([]byte("front"), bundles...), circle(), inItself(),
	}
}

// encryptR3 is a dictionary whose user's password is empty.
const encryptR3 = "<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <" + "6f776e6572206f776e6572206f776e6572206f776e6572206f776e6572206f77" + "> /U <" + "00000000000000000000000000000000" + "00000000000000000000000000000000" + "> >>"

func FuzzWalk(f *testing.F) {
	for _, content := range samples() {
		f.Add(content, "password")
	}
	f.Fuzz(func(t *testing.T, content []byte, password string) {
		parts := 0
		report, err := walk(context.Background(), bytes.NewReader(content), int64(len(content)), Options{Passwords: []string{password}}, small, func(p Part, r io.Reader) error {
			parts++
			if r == nil {
				if !p.Encrypted {
					t.Errorf("%v has no content and is not encrypted", p)
				}
				return nil
			}
			if _, err := io.Copy(io.Discard, r); err != nil && !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, ErrLimit) {
				t.Errorf("%v: %v", p, err)
			}
			return nil
		})
		switch {
		case errors.Is(err, archive.ErrNotThis):
			if report != nil || parts > 0 {
				t.Error("something of nothing")
			}
		case err != nil && !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrEncrypted):
			t.Error(err)
		case report == nil:
			t.Error("no report")
		default:
			_ = describe(report, nil)
		}
	})
}

// FuzzXRefs: whatever cross-references say, objects are found where they are, and again when they are asked for again.
func FuzzXRefs(f *testing.F) {
	for _, content := range samples() {
		at := max(bytes.LastIndex(content, []byte("\nxref")), bytes.LastIndex(content, []byte("\n5 0 obj")), 0)
		f.Add(content[at:])
	}
	head := minimal("").stream(4, "/Type /ObjStm /N 1 /First 4", []byte("10 0(x)")).Bytes()
	f.Fuzz(func(t *testing.T, tail []byte) {
		content := slices.Concat(head, tail)
		d, err := openDocument(context.Background(), bytes.NewReader(content), int64(len(content)), nil, &small)
		if err != nil {
			t.Fatal(err)
		}
		for number, p := range d.current {
			first := Text(d.load(p, number).value, 1000)
			if again := Text(d.load(p, number).value, 1000); again != first && len(d.notes.list) == 0 {
				t.Errorf("object %d is %s and then %s", number, first, again)
			}
		}
	})
}

// FuzzDecrypt: dictionaries of all revisions with any content.
func FuzzDecrypt(f *testing.F) {
	for r := range 7 {
		f.Add(uint8(r), uint8(r), []byte(strings.Repeat("O", 48)), []byte(strings.Repeat("U", 48)), []byte(strings.Repeat("E", 32)), "/AESV2", "password", some(100))
	}
	f.Fuzz(func(t *testing.T, v, r uint8, o, u, e []byte, cfm, password string, data []byte) {
		content := minimal("/Text ("+strings.Repeat("x", 40)+")").stream(4, "", data).
			object(5, "<< /Filter /Standard /V %d /R %d /Length %d /O <%x> /U <%x> /OE <%x> /UE <%x> /P -1 /CF << /A << /CFM %s >> >> /StmF /A /StrF /A >>", v%7, r%8, len(data), o, u, e, e, cfm).
			table("/Root 1 0 R /Encrypt 5 0 R /ID [(x)]").Bytes()
		d, err := openDocument(context.Background(), bytes.NewReader(content), int64(len(content)), []string{password}, &small)
		if err != nil {
			t.Fatal(err)
		}
		if d.crypt == nil {
			return
		}
		for _, key := range []int{5, 16, 32} { // as if a password had opened it
			d.crypt.key = make([]byte, key)
			d.clearCache()
			_ = Text(d.object(1), 1000)
			if s, ok := d.object(4).(*Stream); ok {
				if decoded := d.decode(s, d.work); decoded.r != nil {
					_, _ = io.Copy(io.Discard, decoded.r) // damage is what is expected
				}
			}
		}
	})
}
