package pdf

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tool finds a program that test/setup installs.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing; test/setup installs it", name)
	}
	t.Skipf("SKIPPED: %s is missing, so nothing was compared with it; run test/setup on a Debian", name)
	return ""
}

// run runs a tool and returns what it prints. With loud, its exit code does not matter: qpdf has one for warnings.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tool(t, name), args...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !(name == "qpdf" && errors.As(err, &exit) && exit.ExitCode() == 3) {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &errOut)
	}
	return string(out)
}

// told is what qpdf says of an object.
type told struct {
	Value  any `json:"value"`
	Stream *struct {
		Data string         `json:"datafile"`
		Dict map[string]any `json:"dict"`
	} `json:"stream"`
}

// askQPDF returns all objects of a file, as "12 0 R", with their streams decoded as far as there are filters for it.
func askQPDF(t *testing.T, path, password string) map[string]told {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "s")
	out := run(t, "qpdf", "--json=2", "--json-key=qpdf", "--json-stream-data=file", "--json-stream-prefix="+prefix,
		"--decode-level=specialized", "--password="+password, path)
	var answer struct {
		QPDF []json.RawMessage `json:"qpdf"`
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatal(err)
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(answer.QPDF[1], &all); err != nil {
		t.Fatal(err)
	}
	objects := map[string]told{}
	for key, raw := range all {
		if id, ok := strings.CutPrefix(key, "obj:"); ok {
			var o told
			dec := json.NewDecoder(bytes.NewReader(raw))
			dec.UseNumber()
			if err := dec.Decode(&o); err != nil {
				t.Fatal(err)
			}
			objects[id] = o
		}
	}
	return objects
}

// openFile opens a document for the tests of the object layer.
func openFile(t testing.TB, path string, passwords ...string) *document {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return openBytes(t, content, passwords...)
}

func openBytes(t testing.TB, content []byte, passwords ...string) *document {
	t.Helper()
	l := defaultLimits
	d, err := openDocument(context.Background(), bytes.NewReader(content), int64(len(content)), passwords, &l)
	if err != nil {
		t.Fatal(err)
	}
	d.begin("compare", 1000)
	return d
}

// agree compares every object and every byte of every stream with what qpdf says. It returns how many there were.
func agree(t *testing.T, path, password string) (objects, streams int) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(err)
	return agreeWith(t, askQPDF(t, path, password), content, password)
}

func agreeWith(t *testing.T, want map[string]told, content []byte, password string) (objects, streams int) {
	t.Helper()
	d := openBytes(t, content, password)
	if d.crypt.locked() {
		t.Errorf("not opened with %q", password)
		return
	}
	for id, theirs := range want {
		var ref Ref
		if _, err := fmt.Sscanf(id, "%d %d R", &ref.Number, &ref.Generation); err != nil {
			t.Fatal(err)
		}
		ours := d.object(ref.Number)
		if theirs.Stream == nil {
			if fault := differ(d, ours, theirs.Value); fault != "" {
				t.Errorf("object %s: %s", id, fault)
			}
			continue
		}
		streams++
		s, ok := ours.(*Stream)
		if !ok {
			t.Errorf("object %s: %s, want a stream", id, Text(ours, 100))
			continue
		}
		if fault := sameStream(d, s, theirs); fault != "" {
			t.Errorf("stream %s %s: %s", id, Text(s.Dict, 300), fault)
		}
	}
	for number := range d.current {
		if id := fmt.Sprintf("%d 0 R", number); want[id].Value == nil && want[id].Stream == nil && d.object(number) != nil && dictOf(d.object(number)).Get("Type") != Name("XRef") {
			t.Errorf("qpdf has no object %d: %s", number, Text(d.object(number), 200))
		}
	}
	if len(d.notes.list) > 0 {
		t.Errorf("%q", d.notes.list)
	}
	return len(want), streams
}

func sameStream(d *document, s *Stream, theirs told) string {
	want, err := os.ReadFile(theirs.Stream.Data)
	if err != nil {
		return err.Error()
	}
	dict := maps.Clone(theirs.Stream.Dict)
	ours := slices.DeleteFunc(slices.Clone(s.Dict), func(p Pair) bool { return p.Key == "Length" })
	var got []byte
	if _, raw := dict["/Filter"]; raw {
		// An image, or something that qpdf could not decode. What is left when all else was decoded is not compared.
		r := d.src.section(s.at, s.size)
		if method := d.crypt.method(d, s, nil, nil); method != methodNone {
			r = d.crypt.reader(r, method, s.id)
		}
		got, err = io.ReadAll(r)
	} else {
		ours = slices.DeleteFunc(ours, func(p Pair) bool { return p.Key == "Filter" || p.Key == "DecodeParms" })
		decoded := d.decode(s, d.work)
		if len(decoded.left) > 0 {
			return fmt.Sprintf("%v is not decoded", decoded.left)
		}
		got, err = io.ReadAll(decoded.r)
	}
	switch {
	case err != nil:
		return err.Error()
	case !bytes.Equal(got, want):
		return fmt.Sprintf("%d bytes differ from %d", len(got), len(want))
	}
	if got := differ(d, ours, any(dict)); s.Dict.Get("Type") != Name("XRef") && got != "" {
		return got
	}
	return ""
}

// differ says where an object differs from one in qpdf's JSON.
func differ(d *document, ours Object, theirs any) string {
	different := fmt.Sprintf("%s, want %v", Text(ours, 200), theirs)
	switch ours := ours.(type) {
	case nil:
		if theirs == nil {
			return ""
		}
	case bool:
		if ours == theirs {
			return ""
		}
	case int64, float64:
		n, ok := theirs.(json.Number)
		want, err := strconv.ParseFloat(string(n), 64)
		var got float64
		switch n := ours.(type) {
		case int64:
			got = float64(n)
		case float64:
			got = n
		}
		if ok && err == nil && math.Abs(got-want) <= 1e-9*math.Abs(want) {
			return ""
		}
	case Name:
		if theirs == "/"+string(ours) {
			return ""
		}
	case Ref:
		if theirs == fmt.Sprintf("%d %d R", ours.Number, ours.Generation) {
			return ""
		}
		if _, exists := d.current[ours.Number]; !exists && theirs == nil {
			return ""
		}
	case String:
		if theirs == "u:"+textOf(ours) || theirs == "b:"+hex.EncodeToString([]byte(ours)) {
			return ""
		}
	case Array:
		list, ok := theirs.([]any)
		if !ok || len(list) != len(ours) {
			return different
		}
		for i := range ours {
			if fault := differ(d, ours[i], list[i]); fault != "" {
				return fault
			}
		}
		return ""
	case Dict:
		all, ok := theirs.(map[string]any)
		if !ok {
			return different
		}
		all = maps.Clone(all)
		for _, pair := range ours {
			want, known := all["/"+string(pair.Key)]
			if !known && d.resolve(pair.Value) == nil {
				continue
			}
			if fault := differ(d, ours.Get(pair.Key), want); !known || fault != "" {
				return fmt.Sprintf("/%s: %s", pair.Key, fault)
			}
			delete(all, "/"+string(pair.Key))
		}
		if len(all) == 0 {
			return ""
		}
	}
	return different
}

// TestSystemFiles: every PDF of this machine is read as qpdf reads it.
func TestSystemFiles(t *testing.T) {
	n := 0
	err := filepath.WalkDir("/usr", func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && strings.EqualFold(filepath.Ext(path), ".pdf") {
			objects, streams := agree(t, path, "")
			t.Logf("%s: %d objects, %d streams", path, objects, streams)
			n++
		}
		return nil // what cannot be read is left out
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files", n)
}
