package pdf

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"lazuli/plugins/unbox/archive"
)

// decodeAll decodes data as a stream with such a dictionary would be.
func decodeAll(dict string, data []byte) (string, error) {
	l := defaultLimits
	src := &source{ctx: context.Background(), file: bytes.NewReader(data), size: int64(len(data)), work: &work{left: 4 << 20, notes: &reached{}}}
	d := &document{ctx: src.ctx, limits: &l, notes: src.work.notes, src: src, work: src.work, current: map[uint32]place{}}
	o, _, _ := parse(dict)
	decoded := d.decode(&Stream{Dict: dictOf(o), size: int64(len(data))}, d.work)
	content, err := io.ReadAll(decoded.r)
	return string(content), err
}

// TestDamagedFilters: of damaged data comes what there is before the damage, and then an error; what can be repaired is.
func TestDamagedFilters(t *testing.T) {
	text := strings.Repeat("some text that is long enough. ", 1000)
	flate := deflated([]byte(text))
	noise := bytes.Clone(flate)
	copy(noise[len(noise)/2:], "\xff\xff\xff\xff\xff\xff\xff\xff")
	for _, c := range []struct {
		name, dict string
		data       []byte
		want       string // of which a beginning may come when there is an error
		err        string
	}{
		{"flate", "/FlateDecode", flate, text, ""},
		{"flate, without a checksum", "/FlateDecode", flate[:len(flate)-4], text, ""},
		{"flate, with a wrong one", "/FlateDecode", append(bytes.Clone(flate[:len(flate)-1]), 0), text, "FlateDecode: the checksum differs"},
		{"flate, with something behind", "/FlateDecode", append(bytes.Clone(flate), "\r\nmore"...), text, ""},
		{"flate, behind an end of line", "/FlateDecode", append([]byte("\r\n"), flate...), text, ""},
		{"flate, with a broken header", "/FlateDecode", append([]byte{0x78, 0x00}, flate[2:]...), text, ""},
		{"flate, without a header", "/FlateDecode", flate[2:], text, ""},
		{"flate, cut short", "/FlateDecode", flate[:len(flate)/2], text, "FlateDecode: the data are cut short"},
		{"flate, with noise", "/FlateDecode", noise, "", "FlateDecode: "},
		{"flate, of nothing", "/FlateDecode", nil, "", ""},
		{"flate, of noise", "/FlateDecode", []byte("\xff\xff\xff\xff"), "", "FlateDecode: flate: corrupt input"},
		{"LZW", "/LZWDecode", lzw([]byte(text), 1), text, ""},
		{"LZW, cut short", "/LZWDecode", lzw([]byte(text), 1)[:100], text, ""},
		{"LZW, an undefined code", "/LZWDecode", []byte{0x80, 0x10, 0x7f, 0xff}, "A", "LZWDecode: a code that is not defined yet"},
		{"LZW, an undefined code after a clear", "/LZWDecode", []byte{0x80, 0x7f, 0xff}, "", "LZWDecode: a code that is not defined yet"},
		{"LZW, not clear at first", "/LZWDecode", []byte{0x20, 0x98, 0x48, 0x20}, "", ""},
		{"hex, without an end", "/ASCIIHexDecode", []byte("48656c6c6F"), "Hello", ""},
		{"hex, with other characters", "/ASCIIHexDecode", []byte("48 65x6c6c6F7>8"), "Hellop", "ASCIIHexDecode: a character that does not belong there"},
		{"base 85", "/ASCII85Decode", []byte("<~87cURD]j7BEbo80~>"), "Hello world!", ""},
		{"base 85, without an end", "/ASCII85Decode", []byte("87cUR\nD]j7BEbo80"), "Hello world!", ""},
		{"base 85, one digit left", "/ASCII85Decode", []byte("87cUR!"), "Hell", ""},
		{"base 85, with other characters", "/ASCII85Decode", []byte("87cUR\xffD]j7BEbo80~>"), "Hello world!", "ASCII85Decode: a character that does not belong there"},
		{"runs, without an end", "/RunLengthDecode", []byte("\x01ab\xfec"), "abccc", ""},
		{"runs, cut short", "/RunLengthDecode", []byte("\x05ab"), "ab", "RunLengthDecode: the data are cut short"},
		{"runs, cut short in a run", "/RunLengthDecode", []byte("\x00a\xfe"), "a", "RunLengthDecode: the data are cut short"},
		{"an error goes through", "[/FlateDecode /ASCIIHexDecode]", deflated([]byte("4a4b4c"))[:6], "JK", "FlateDecode: the data are cut short"},
		{"what is not known", "/Unknown", []byte("raw"), "raw", ""},
		{"a picture", "[/ASCIIHexDecode /DCTDecode /FlateDecode]", []byte("ffd8>"), "\xff\xd8", ""},
		{"abbreviations", "[/AHx /Fl]", hexed(flate), text, ""},
		{"no predictor that there is", "/FlateDecode /DecodeParms << /Predictor 7 >>", deflated([]byte("ab")), "ab", "FlateDecode: predictor 7 for 1 columns of 1 colours of 8 bits"},
		{"no row that there is", "/FlateDecode /DecodeParms << /Predictor 12 /Columns 99999999 >>", deflated([]byte("ab")), "ab", "FlateDecode: predictor 12"},
		{"a row that is short", "/FlateDecode /DecodeParms << /Predictor 12 /Columns 4 >>", deflated([]byte("\x02abcd\x02\x01\x01")), "abcdbc", ""},
		{"no row", "/FlateDecode /DecodeParms << /Predictor 12 /Columns 4 >>", deflated([]byte("\x02abcd\x02")), "abcd", ""},
		{"a kind of row that there is not", "/FlateDecode /DecodeParms << /Predictor 12 /Columns 2 >>", deflated([]byte("\x09ab\x02\x01\x01")), "abbc", ""},
		{"more parameters than filters", "/FlateDecode /DecodeParms [null null 5]", flate, text, ""},
		{"parameters that are none", "/FlateDecode /DecodeParms (x)", flate, text, ""},
		{"filters that are none", "(x)", []byte("raw"), "raw", ""},
	} {
		got, err := decodeAll("<< /Filter "+c.dict+" >>", c.data)
		switch {
		case c.err == "" && (err != nil || c.want != "" && got != c.want):
			if c.name == "LZW, cut short" && err == nil && strings.HasPrefix(c.want, got) && got != "" {
				continue
			}
			t.Errorf("%s: %.40q, %v", c.name, got, err)
		case c.err != "" && (!errors.Is(err, archive.ErrDamaged) || !strings.Contains(err.Error(), c.err) || c.want != "" && !strings.HasPrefix(c.want, got) || c.want != "" && got == ""):
			t.Errorf("%s: %.40q, %v", c.name, got, err)
		}
	}
}

// TestRoundTrips: what is encoded is decoded to the same, in lengths around every edge.
func TestRoundTrips(t *testing.T) {
	data := some(70_000)
	for _, n := range []int{0, 1, 2, 3, 4, 5, 127, 128, 129, 255, 256, 257, 1000, 4095, 4096, 4097, 32768, 70_000} {
		for dict, encoded := range map[string][]byte{
			"<< /Filter /FlateDecode >>":                                      deflated(data[:n]),
			"<< /Filter /LZWDecode >>":                                        lzw(data[:n], 1),
			"<< /Filter /LZWDecode /DecodeParms << /EarlyChange 0 >> >>":      lzw(data[:n], 0),
			"<< /Filter /ASCIIHexDecode >>":                                   hexed(data[:n]),
			"<< /Filter /ASCII85Decode >>":                                    base85(data[:n]),
			"<< /Filter /RunLengthDecode >>":                                  runLengths(data[:n]),
			"<< /Filter [/LZWDecode /LZWDecode] >>":                           lzw(lzw(data[:n], 1), 1),
			"<< /Filter /Fl /DecodeParms << /Predictor 14 /Columns 100 >> >>": deflated(pngRows(data[:n], 100, 1)),
		} {
			if got, err := decodeAll(dict, encoded); err != nil || got != string(data[:n]) {
				t.Errorf("%d bytes, %s: %d bytes, %v", n, dict, len(got), err)
			}
		}
	}
}

func FuzzFilters(f *testing.F) {
	data := some(300)
	for _, seed := range []struct {
		filters string
		data    []byte
	}{
		{"/FlateDecode", deflated(data)}, {"/LZWDecode", lzw(data, 1)}, {"/ASCIIHexDecode", hexed(data)}, {"/ASCII85Decode", base85(data)},
		{"/RunLengthDecode", runLengths(data)}, {"[/AHx /Fl]", hexed(deflated(data))},
		{"/FlateDecode /DecodeParms << /Predictor 12 /Columns 7 >>", deflated(pngRows(data, 7, 1))},
		{"/FlateDecode /DecodeParms << /Predictor 2 /Columns 7 /Colors 3 /BitsPerComponent 4 >>", deflated(data)},
		{"/LZWDecode /DecodeParms << /EarlyChange 0 /Predictor 15 /BitsPerComponent 16 >>", lzw(data, 0)},
	} {
		f.Add(seed.filters, seed.data)
	}
	f.Fuzz(func(t *testing.T, filters string, data []byte) {
		content, err := decodeAll("<< /Filter "+filters+" >>", data)
		if err != nil && !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, ErrLimit) {
			t.Error(err)
		}
		// Our own encoders make of it what is decoded to the same.
		if len(content) < 10_000 {
			for dict, encoded := range map[string][]byte{"<</Filter/LZW>>": lzw([]byte(content), 1), "<</Filter/RL>>": runLengths([]byte(content)), "<</Filter/A85>>": base85([]byte(content))} {
				if again, err := decodeAll(dict, encoded); err != nil || again != content {
					t.Errorf("%s: %v", dict, err)
				}
			}
		}
	})
}

// TestDates: dates as writers make them.
func TestDates(t *testing.T) {
	for text, want := range map[string]string{
		"D:20240102030405+01'30'": "2024-01-02T01:34:05Z", "D:20240102030405-08'00": "2024-01-02T11:04:05Z", "D:20240102030405Z": "2024-01-02T03:04:05Z",
		"20240102": "2024-01-02T00:00:00Z", "D:2024": "2024-01-01T00:00:00Z", "D:20240102030405+0130": "2024-01-02T01:34:05Z",
		"D:20241302": "", "D:": "", "D:abcd": "", "D:20240102030405+99'00'": "2024-01-02T03:04:05Z", "Mon Jan 1": "", "D:-024": "",
	} {
		at, ok := dateOf(text)
		if got := at.Format("2006-01-02T15:04:05Z"); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// TestDocEncoding: passwords and text go both ways.
func TestDocEncoding(t *testing.T) {
	for c := range 256 {
		s := string([]byte{byte(c)})
		if encoded, ok := toDocEncoding(fromDocEncoding(s)); c != 0x9f && (!ok || encoded != s) {
			t.Errorf("%#x is %q and that %q", c, fromDocEncoding(s), encoded)
		}
	}
	if _, ok := toDocEncoding("日"); ok {
		t.Error("a character that there is not")
	}
	if got := []string{textOf("\xff\xfeA\x00\xe9\x00x"), textOf("\xef\xbb\xbf\xc3\xa9\xff"), textOf("\xfe\xff\x00\x1bde\x00\x1b\x00A")}; !slices.Equal(got, []string{"Aé", "é\ufffd", "A"}) {
		t.Errorf("%q", got)
	}
}
