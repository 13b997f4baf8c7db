package azul

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lazuli/event"
)

// takenForm is an uploads that notes what it gets.
type takenForm struct {
	begun    int
	form     *form
	files    []string // content, in the order in which they came
	problems []string
}

func (k *takenForm) begin(f *form) error {
	k.begun++
	k.form = f
	return nil
}

func (k *takenForm) binary(r io.Reader, filename string) error {
	if strings.ContainsAny(filename, "/") {
		k.problems = append(k.problems, fmt.Sprintf("the filename %q has folders", filename))
	}
	return k.take(r)
}

func (k *takenForm) stream(r io.Reader, label string) error {
	if !event.Label(label).Valid() || label == string(event.LabelContent) {
		k.problems = append(k.problems, fmt.Sprintf("the label %q", label))
	}
	return k.take(r)
}

func (k *takenForm) take(r io.Reader) error {
	if k.begun != 1 {
		k.problems = append(k.problems, "a file before the form")
	}
	content, err := io.ReadAll(r)
	k.files = append(k.files, string(content))
	return err
}

// readBody reads a form as an endpoint does.
func readBody(kind string, body []byte) (*takenForm, error) {
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	k := &takenForm{}
	return k, readForm(httptest.NewRecorder(), r, 1<<30, k)
}

// answerCode is that of the answer to an error.
func answerCode(err error) int {
	var known huma.StatusError
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		return known.GetStatus()
	case errors.As(err, &tooBig):
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusInternalServerError
}

// filesOf are the files of a form as Go's own reader tells them, in no order.
func filesOf(kind string, body []byte) ([]string, error) {
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	var files []string
	for {
		var part *multipart.Part
		if part, err = parts.NextRawPart(); err != nil {
			return files, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return files, err
		}
		if name := part.FormName(); name == "binary" || name == "stream_data" {
			files = append(files, string(content))
		}
	}
}

// FuzzReadForm: whatever comes, an upload is read as Go's own reader reads it, or is refused as the sender's mistake.
func FuzzReadForm(f *testing.F) {
	const kind = "multipart/form-data; boundary=b"
	seed := func(fields ...field) {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		if err := w.SetBoundary("b"); err != nil {
			f.Fatal(err)
		}
		for _, p := range fields {
			part, err := w.CreateFormField(p.name)
			if name, file, ok := strings.Cut(p.name, ":"); ok {
				part, err = w.CreateFormFile(name, file)
			}
			if err != nil {
				f.Fatal(err)
			}
			_, _ = io.WriteString(part, p.value) // into memory
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(kind, body.Bytes())
	}
	seed(usual(field{"stream_labels", "text"}, field{"binary:a.txt", "content"}, field{"stream_data:t", "a note"})...)
	seed(append([]field{{"stream_data:t", "a note"}, {"binary:../b.txt", "other"}, {"stream_labels", "report"}}, usual()...)...)
	seed()
	f.Add(kind, []byte("--b--"))
	f.Add("application/x-www-form-urlencoded", []byte("source_id=local&filename=a%00&stream_labels=text&stream_labels=x"))
	f.Add(kind, []byte("--b\r\nContent-Disposition: form-data; name=binary\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41\r\n--b--\r\n"))
	f.Add(kind, []byte("--b\r\nno header\r\n\r\n--b--"))
	f.Add(kind, []byte("--b\nContent-Disposition: form-data; name=\"binary\"; filename=\"x\"\n\nx\n--b--\n"))
	f.Add("multipart/form-data; boundary=\"\"", []byte("--\r\n\r\n----"))
	f.Add("multipart/mixed; boundary=b", []byte("--b--"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		k, err := readBody(kind, body)
		if err != nil && answerCode(err) >= 500 {
			t.Fatalf("answered with %d: %v", answerCode(err), err)
		}
		if len(k.problems) > 0 || k.begun > 1 || err == nil && k.begun != 1 {
			t.Fatalf("begun %d times, %q", k.begun, k.problems)
		}
		want, theirs := filesOf(kind, body)
		if err != nil || errors.Is(theirs, http.ErrNotMultipart) { // but urlencoded
			return
		}
		slices.Sort(want)
		slices.Sort(k.files)
		if !errors.Is(theirs, io.EOF) || !slices.Equal(k.files, want) {
			t.Fatalf("files %q, want %q (%v)", k.files, want, theirs)
		}
	})
}

// TestForms: what is no form, or too much of one, is the sender's mistake, and takes no more memory than a form may.
func TestForms(t *testing.T) {
	part := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	var large strings.Builder
	for i := range 9 {
		large.WriteString(part(fmt.Sprint("field", i), strings.Repeat("x", maxFieldBytes-1)))
	}
	for name, c := range map[string]struct {
		body  string
		code  int
		words string
	}{
		"nothing":                   {"", 422, "ends early"},
		"no end":                    {part("a", "b"), 422, "ends early"},
		"no end of a value":         {"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nvalue", 422, "ends early"},
		"no end of a head":          {"--b\r\nA: b\r\n", 422, "ends early"},
		"no header":                 {"--b\r\nno header\r\n\r\n--b--", 422, "is damaged"},
		"something between parts":   {"--b\r\nA: b\r\n\r\nx\r\n--bx\r\n--b--", 0, ""},
		"a large field":             {part("a", strings.Repeat("x", maxFieldBytes+1)) + "--b--", 400, "more than"},
		"large fields together":     {large.String() + "--b--", 400, "together"},
		"a header without an end":   {"--b\r\nA: " + strings.Repeat("x", 11<<20), 422, "is damaged"},
		"an end within a file":      {part("binary", "x--b--") + "--b\r\nA: b\r\n", 422, "ends early"},
		"many headers":              {"--b\r\n" + strings.Repeat("A: b\r\n", 20_000) + "\r\n\r\n--b--", 422, ""},
		"many fields":               {strings.Repeat(part("a", "b"), maxFields+1) + "--b--", 400, "at most 1000 fields"},
		"a boundary that is no end": {part("a", "b") + "--b- \r\n", 422, ""},
	} {
		k, err := readBody("multipart/form-data; boundary=b", []byte(c.body))
		switch {
		case c.code == 0 && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.code != 0 && (answerCode(err) != c.code || !strings.Contains(fmt.Sprint(err), c.words)):
			t.Errorf("%s: %d %v, want %d with %q", name, answerCode(err), err, c.code, c.words)
		}
		if k.form != nil {
			var n int
			for name, value := range k.form.values {
				n += len(name) + len(value)
			}
			if n > formOverhead {
				t.Errorf("%s: %d bytes of fields are kept", name, n)
			}
		}
	}
}

// TestFormsCut: no part of a form is taken for the whole.
func TestFormsCut(t *testing.T) {
	body, kind := uploadForm(t, usual(field{"stream_labels", "text"}, field{"binary:a.txt", "content"}, field{"stream_data:t", "a note"})...)
	whole := strings.LastIndex(body, "--") + len("--")
	for n := range len(body) + 1 {
		k, err := readBody(kind, []byte(body[:n]))
		if (err == nil) != (n >= whole) || err != nil && answerCode(err) != 422 {
			t.Fatalf("of %d bytes %d, %q: %v", len(body), n, body[max(0, n-20):n], err)
		}
		if err == nil && len(k.files) != 2 {
			t.Errorf("%d bytes have the files %q", n, k.files)
		}
	}
	if k, err := readBody(kind, []byte(body+strings.Repeat("behind its end\r\n", 5000))); err != nil || len(k.files) != 2 {
		t.Errorf("with more behind its end: %v", err)
	}
}

// slowBody is what comes of a slow client: a byte every now and then, until a deadline that the server sets.
type slowBody struct {
	*httptest.ResponseRecorder
	from     io.Reader
	pause    time.Duration
	deadline time.Time
}

func (b *slowBody) SetReadDeadline(at time.Time) error {
	b.deadline = at
	return nil
}

func (b *slowBody) Read(p []byte) (int, error) {
	time.Sleep(b.pause)
	if !b.deadline.IsZero() && time.Now().After(b.deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	return b.from.Read(p[:1])
}

// TestSlowForms: a form may take as long as it likes while something comes; a client that is silent is told so.
func TestSlowForms(t *testing.T) {
	body, kind := uploadForm(t, usual(field{"binary:a.txt", strings.Repeat("content", 100)})...)
	for _, c := range []struct {
		pause time.Duration
		code  int
	}{{29 * time.Second, 0}, {31 * time.Second, http.StatusRequestTimeout}} {
		synctest.Test(t, func(t *testing.T) {
			slow := &slowBody{httptest.NewRecorder(), strings.NewReader(body), c.pause, time.Now().Add(time.Minute)}
			r := httptest.NewRequest(http.MethodPost, "/", slow)
			r.Header.Set("Content-Type", kind)
			err := readForm(slow, r, 1<<20, &takenForm{})
			if (err == nil) != (c.code == 0) || err != nil && answerCode(err) != c.code {
				t.Errorf("with pauses of %v: %v", c.pause, err)
			}
			if err == nil && !slow.deadline.IsZero() {
				t.Errorf("who has sent it all and waits is cut off at %v", slow.deadline)
			}
		})
	}
}
