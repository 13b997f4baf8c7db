// Package mail takes mails apart: those of RFC 5322 and MIME, and Outlook's messages (MS-OXMSG). Begin with Walk and WalkOutlook.
package mail

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"lazuli/plugins/unbox/archive"
)

const (
	mostDepth  = 16      // of parts in parts
	mostHeader = 1 << 20 // bytes of a mail's header
	mostParts  = 10_000
)

// Part is something in a mail.
type Part struct {
	archive.Entry
	Body bool   // it is the text of the mail, and not attached
	Type string // the MIME type that is stated
}

// Visit gets each part, as archive.Visit gets each entry.
type Visit func(p Part, r io.Reader) error

func damaged(what string) error { return fmt.Errorf("mail: %s: %w", what, archive.ErrDamaged) }

// Walk visits the parts of a mail in their order. A mail that is attached is visited as it is.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit Visit) error {
	w := &walk{ctx: ctx, visit: visit}
	in := bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10)
	header, err := readHeader(in)
	if err != nil {
		return err
	}
	if len(header) == 0 {
		return archive.ErrNotThis
	}
	return w.part(header, in, 0)
}

type walk struct {
	ctx   context.Context
	visit Visit
	parts int
}

// readHeader reads a header, and of a damaged one what can be read.
func readHeader(in *bufio.Reader) (textproto.MIMEHeader, error) {
	limited := &io.LimitedReader{R: in, N: mostHeader}
	var text bytes.Buffer
	for {
		line, err := readLine(in, limited)
		text.Write(line)
		if len(bytes.TrimRight(line, "\r\n")) == 0 || err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	text.WriteString("\r\n\r\n")
	header, _ := textproto.NewReader(bufio.NewReader(&text)).ReadMIMEHeader() // what came before a fault is there
	return header, nil
}

// readLine reads a line, or the part of it that the header's limit leaves.
func readLine(in *bufio.Reader, limited *io.LimitedReader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	limited.N -= int64(len(line))
	if limited.N < 0 {
		return nil, damaged("the header is too long")
	}
	if err == bufio.ErrBufferFull {
		err = nil
	}
	return bytes.Clone(line), err
}

// part visits one part, or those that it consists of.
func (w *walk) part(header textproto.MIMEHeader, body io.Reader, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.parts++; w.parts > mostParts {
		return damaged("there are too many parts")
	}
	kind, params, _ := mime.ParseMediaType(header.Get("Content-Type")) // what cannot be parsed is text
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" && depth < mostDepth {
		return w.multipart(body, params["boundary"], depth)
	}
	p := Part{Type: kind}
	disposition, more, _ := mime.ParseMediaType(header.Get("Content-Disposition"))
	if p.Name = decodeWord(more["filename"]); p.Name == "" {
		p.Name = decodeWord(params["name"])
	}
	p.Method = header.Get("Content-Transfer-Encoding")
	text := kind == "" || kind == "text/plain" || kind == "text/html"
	p.Body = text && p.Name == "" && disposition != "attachment"
	return w.visit(p, decode(p.Method, body))
}

func (w *walk) multipart(body io.Reader, boundary string, depth int) error {
	m := multipart.NewReader(body, boundary)
	for {
		next, err := m.NextRawPart()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("mail: a part: %w (%w)", err, archive.ErrDamaged)
		}
		if err := w.part(next.Header, next, depth+1); err != nil {
			return err
		}
	}
}

// decode undoes a transfer encoding.
func decode(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.RawStdEncoding, &alphabet{r: r})
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	}
	return r
}

// alphabet lets through what base64 consists of, and of the last group no more than makes whole bytes.
type alphabet struct {
	r    io.Reader
	n    int // bytes let through
	rest []byte
	err  error
	buf  [4 << 10]byte
}

func (a *alphabet) Read(p []byte) (int, error) {
	for len(a.rest) == 0 && a.err == nil {
		n, err := a.r.Read(a.buf[:])
		a.err = err
		for _, c := range a.buf[:n] {
			if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' {
				a.rest = append(a.rest, c)
			}
		}
		if a.err != nil && (a.n+len(a.rest))%4 == 1 { // six bits are no byte
			a.rest = a.rest[:max(0, len(a.rest)-1)]
		}
	}
	n := copy(p, a.rest)
	a.n += n
	a.rest = a.rest[n:]
	if n > 0 {
		return n, nil
	}
	return 0, a.err
}

// decodeWord decodes what a header has in another character set (RFC 2047).
func decodeWord(text string) string {
	decoder := mime.WordDecoder{CharsetReader: func(name string, in io.Reader) (io.Reader, error) {
		e, err := htmlindex.Get(name)
		if err != nil {
			return nil, err
		}
		return e.NewDecoder().Reader(in), nil
	}}
	if decoded, err := decoder.DecodeHeader(text); err == nil {
		return decoded
	}
	return text
}
