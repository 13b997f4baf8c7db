// Package unzip opens the files of ZIP archives that people submit, encrypted ones as well, which archive/zip does not. What an archive
// says of sizes is not believed: who reads says how much they take. Begin with Open.
package unzip

import (
	"archive/zip"
	"io"
)

// Open returns the content of a file of an archive. An error may also come when it is read: of a file that is damaged, or of a wrong
// password that was not noticed before.
func Open(m *zip.File, password string) (io.ReadCloser, error) {
	const encrypted = 1 // of the general purpose flags (APPNOTE 4.4.4)
	if m.Flags&encrypted != 0 {
		return decrypt(m, password)
	}
	return m.Open()
}
