// Package bulk writes many files into one ZIP as they are read, in constant memory.
//
// It knows nothing of stores and HTTP: the caller says how a file is opened and where the archive goes. Begin with Write.
package bulk

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/flate"

	"lazuli/internal/cart"
)

// DefaultPassword is what malware is encrypted with by custom, so that no scanner removes it on its way.
const DefaultPassword = "infected"

// ErrMissing is what an Open returns of a file that is not stored.
var ErrMissing = errors.New("the file is not stored")

// Open returns the content of a file, or ErrMissing.
type Open func(ctx context.Context, sha256 string) (io.ReadCloser, error)

// Format is how files are kept in an archive: Raw, CaRT, or what Encrypted returns.
type Format struct {
	suffix      string // of the names of members
	add         func(z *zip.Writer, name string, content io.Reader) error
	listMissing bool
}

// Raw keeps files as they are, without a password, as Azul's clients expect them. What is missing is left out.
var Raw = Format{add: addRaw}

// CaRT keeps each file wrapped as CaRT, named by its SHA-256 and .cart. MISSING.txt lists what is missing.
var CaRT = Format{suffix: ".cart", add: addCaRT, listMissing: true}

// Encrypted keeps files encrypted with a password, or DefaultPassword if it is empty, by AES-256 as WinZip and 7-Zip do; their
// names and sizes can be seen. MISSING.txt, which is not encrypted, lists what is missing.
func Encrypted(password string) Format {
	password = cmp.Or(password, DefaultPassword)
	return Format{add: func(z *zip.Writer, name string, content io.Reader) error {
		return addEncrypted(z, name, content, password)
	}, listMissing: true}
}

// Write writes an archive of the files with these SHA-256, each once, in this order. After an error the archive is not whole,
// which every reader notices.
func Write(ctx context.Context, w io.Writer, format Format, sha256s []string, open Open) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return deflate(w) })
	var missing []string
	done := map[string]bool{}
	for _, sha256 := range sha256s {
		if done[sha256] {
			continue
		}
		done[sha256] = true
		switch err := writeFile(ctx, z, format, sha256, open); {
		case errors.Is(err, ErrMissing):
			missing = append(missing, sha256)
		case err != nil:
			return fmt.Errorf("%s: %w", sha256, err)
		}
	}
	if format.listMissing && len(missing) > 0 {
		if err := addRaw(z, "MISSING.txt", strings.NewReader(strings.Join(missing, "\n")+"\n")); err != nil {
			return err
		}
	}
	return z.Close()
}

func writeFile(ctx context.Context, z *zip.Writer, format Format, sha256 string, open Open) error {
	if !isSHA256(sha256) {
		return errors.New("this is no SHA-256 in lower-case hex")
	}
	r, err := open(ctx, sha256)
	if err != nil {
		return err
	}
	defer r.Close()
	return format.add(z, sha256+format.suffix, &cancelled{ctx, r})
}

// isSHA256 holds that no name of a member is a path.
func isSHA256(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}

// cancelled is a reader that ends with its context, even if what is below does not.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// madeAt is when members were changed last: the first moment that a ZIP can tell, so that the same files are the same archive.
var madeAt = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func addRaw(z *zip.Writer, name string, content io.Reader) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: madeAt})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, content)
	return err
}

// addCaRT deflates what CaRT has compressed already, which costs little: a member that is only stored and whose size stands
// behind it cannot be read as a stream.
func addCaRT(z *zip.Writer, name string, content io.Reader) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: madeAt})
	if err != nil {
		return err
	}
	return cart.Wrap(w, content, cart.Key{}, cart.Metadata{"name": strings.TrimSuffix(name, ".cart")})
}

// deflate is fast rather than thorough: an archive is made while somebody waits for it. Compressors are used again, as each
// takes 800 KiB.
func deflate(w io.Writer) (io.WriteCloser, error) {
	if c, ok := compressors.Get().(*compressor); ok {
		c.Reset(w)
		return c, nil
	}
	c, err := flate.NewWriter(w, flate.BestSpeed)
	return &compressor{c}, err
}

var compressors sync.Pool

type compressor struct{ *flate.Writer }

func (c *compressor) Close() error {
	err := c.Writer.Close()
	compressors.Put(c)
	return err
}
