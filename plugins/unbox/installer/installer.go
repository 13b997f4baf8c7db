// Package installer recognises installers, and reads those of NSIS: all files, and the texts of the script. Those of Inno Setup are read by
// package inno.
//
// How NSIS stores things is known through its sources, "Source/exehead/fileform.h". Begin at Detect and Walk.
package installer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"

	"lazuli/plugins/unbox/archive"
)

// Kinds of installers.
const (
	NSIS      = "NSIS"
	InnoSetup = "Inno Setup"
)

// Info is what an installer says of what made it.
type Info struct {
	Kind    string
	Version string // "" if it does not say
	Method  string // of compression: deflate, bzip2, LZMA or stored; "" if not known
	Solid   bool   // all files are compressed as one

	nsis *nsis
}

const (
	searched  = 256 << 10 // bytes that are looked through at a time
	overlap   = 128
	nsisAlign = 512 // where an installer's data may begin

	// Nothing of this is looked for further behind: the program that unpacks has less.
	mostStub = 64 << 20

	// What Inno Setup puts in place of something in the header of DOS, to tell an uninstaller (SetupExeModeUninstaller of its sources). That has
	// the version of an installer, and nothing to take out.
	uninstallerAt = 0x30
	uninstaller   = "InUn"
)

var (
	nsisVersion = regexp.MustCompile(`Nullsoft Install System v([0-9][0-9A-Za-z.]*)`)
	innoVersion = regexp.MustCompile(`Inno Setup (?:Setup Data|Messages) \(([0-9]+\.[0-9]+(?:\.[0-9a-z]+)*)\)`)
)

// Detect recognises an installer. ErrNotThis if it is none.
func Detect(ctx context.Context, r io.ReaderAt, size int64) (*Info, error) {
	info := &Info{}
	p := make([]byte, searched+overlap)
	for off := int64(0); off < size; off += searched {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p := p[:min(int64(len(p)), size-off)]
		if err := archive.ReadAt(r, p, off, "the program"); err != nil {
			return nil, err
		}
		if off == 0 && string(p[:min(2, len(p))]) != "MZ" && !isNSIS(p) {
			break
		}
		if off == 0 && len(p) > uninstallerAt && bytes.HasPrefix(p[uninstallerAt:], []byte(uninstaller)) {
			break
		}
		if m := innoVersion.FindSubmatch(p); m != nil && info.Kind == "" {
			return &Info{Kind: InnoSetup, Version: string(m[1])}, nil
		}
		if m := nsisVersion.FindSubmatch(p); m != nil && info.Version == "" {
			info.Version = string(m[1])
		}
		if off > mostStub || info.nsis != nil {
			continue
		}
		for at := 0; at < min(len(p), searched); at += nsisAlign {
			if isNSIS(p[at:]) {
				n, err := openNSIS(ctx, r, off+int64(at), size)
				if err != nil {
					return nil, err
				}
				info.Kind, info.Method, info.Solid, info.nsis = NSIS, n.method, n.solid, n
				return info, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: no installer that is known", archive.ErrNotThis)
}

// isNSIS tells whether an installer's data begins with p.
func isNSIS(p []byte) bool {
	return len(p) >= nsisHeader && bytes.Equal(p[4:20], []byte("\xef\xbe\xad\xdeNullsoftInst"))
}

// Walk visits the files of an installer of NSIS, in the order in which they are stored, and first the texts of its script.
// ErrUnsupported: it is one of Inno Setup, which package inno reads.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	info, err := Detect(ctx, r, size)
	if err != nil {
		return err
	}
	if info.Kind != NSIS {
		return fmt.Errorf("%s %s: %w", info.Kind, info.Version, archive.ErrUnsupported)
	}
	return info.nsis.walk(visit)
}
