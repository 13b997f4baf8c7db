// Package identify says what a file is: its format in the platform's closed list, its MIME type, a description in the
// words of file(1), and the extension that fits.
//
// It looks at signatures and structures and never trusts them: every offset and count comes from the file and may lie. It
// knows nothing of names, stores or events. Begin with File; each family of formats has a file of its own with a list of
// matchers.
package identify

import "io"

// Version numbers the rules. It is kept with every result, so that one can tell what was identified by older rules.
const Version = 3

// Result says what a file is. Format is one of the closed list in formats.go, "unknown" if nothing fits. Magic is written
// as libmagic would write it.
type Result struct{ Format, MIME, Magic, Extension string }

// Limits on what is read, in bytes.
const (
	headBytes   = 64 << 10  // of every file
	tailBytes   = 8 << 10   // of formats that say something about themselves at their end
	budgetBytes = 384 << 10 // beyond the head, for all structure checks of one file together
)

// maxMagic bounds descriptions, in bytes: files bring some of their words.
const maxMagic = 1 << 10

// A matcher says what a file is, without the extension; ok is false if it is something else.
type matcher func(*input) (r Result, ok bool)

// families lists the matchers in the order in which they are asked; the first that knows the file wins. Formats with a
// signature at a fixed offset come before those that are found by searching, and text, which almost anything can be, is last.
var families = [][]matcher{
	executables,
	archives,
	documents,
	images,
	media,
	data,
	legacy,
	texts,
}

// File identifies the size bytes of r. What cannot be read is treated as if the file ended there.
func File(r io.ReaderAt, size int64) Result {
	if size <= 0 {
		return Result{Format: unknown, MIME: "inode/x-empty", Magic: "empty"}
	}
	in := newInput(r, size)
	defer in.close()
	if len(in.head) == 1 {
		return Result{Format: unknown, MIME: octetStream, Magic: "very short file (no magic)"}
	}
	for _, family := range families {
		for _, match := range family {
			if res, ok := match(in); ok {
				res.Extension = extensions[res.Format]
				res.Magic = res.Magic[:min(len(res.Magic), maxMagic)]
				return res
			}
		}
	}
	return Result{Format: unknown, MIME: octetStream, Magic: "data"}
}

const (
	unknown     = "unknown"
	octetStream = "application/octet-stream"
)
