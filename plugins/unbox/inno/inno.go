// Package inno reads installers of Inno Setup 5.1 to 7.0: all files, what the installer does as a text, the script that is compiled
// into it, its licence and its notes.
//
// There is no document of the format. It is that of the records in Inno Setup's own sources, "Projects/Src/Shared.Struct.pas" and its
// history, of blocks and chunks in "Compression.Base.pas" and "Setup.FileExtractor.pas". Up to 6.1 innoextract reads what our tests make, and what
// compilers of 5.5.9 to 6.4.1 made is read here; 6.5 and later are known from those sources alone, 7.0 from what others tell of them.
// Begin at Walk; loader.go finds the parts, records.go has what differs between versions, setup.go reads the header, places.go the files.
package inno

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"golang.org/x/crypto/chacha20"

	"lazuli/plugins/unbox/archive"
)

// Options say how an installer is read.
type Options struct {
	Password   string // "" for none
	Dictionary int64  // bytes that a compression may refer back to
}

// defaultDictionary is enough for what Inno Setup does unless told otherwise.
const defaultDictionary = 128 << 20

// folder is where things are that are no files of the installer.
const folder = "[Inno Setup]/"

// Walk visits the files of an installer as they are stored, and first its script and texts. What is in several places is one file; the
// other places are links to it. What is encrypted cannot be read.
func Walk(ctx context.Context, r io.ReaderAt, size int64, visit archive.Visit) error {
	return WalkWith(ctx, r, size, Options{Dictionary: defaultDictionary}, visit)
}

// WalkWith is Walk with options. A wrong password is like none.
func WalkWith(ctx context.Context, r io.ReaderAt, size int64, o Options, visit archive.Visit) error {
	in, err := open(ctx, r, size)
	if err != nil {
		return err
	}
	in.dictionary = o.Dictionary
	if err := in.read(o.Password); err != nil {
		return err
	}
	if err := in.documents(visit); err != nil {
		return err
	}
	return in.walk(visit)
}

// Lock is what a password is tried on.
type Lock struct{ lock *lock }

// Locked finds out whether a password is needed; nil if none is.
func Locked(ctx context.Context, r io.ReaderAt, size int64) (*Lock, error) {
	in, err := open(ctx, r, size)
	if err != nil {
		return nil, err
	}
	if in.setup.lock != nil && in.setup.lock.full {
		return &Lock{in.setup.lock}, nil
	}
	if err := in.read(""); err != nil {
		return nil, err
	}
	if in.setup.lock != nil && slices.ContainsFunc(in.list, func(l place) bool { return l.encrypted }) {
		return &Lock{in.setup.lock}, nil
	}
	return nil, nil
}

// Opens tells whether a password is the right one.
func (l *Lock) Opens(password string) bool { return l.lock.open(password) != nil }

// Work is how many times a hash is computed for each try.
func (l *Lock) Work() int { return max(1, l.lock.work()) }

// lockedAll is said of an installer whose header is encrypted.
const lockedAll = 2

// installer is an installer that is being read.
type installer struct {
	data
	setup  setup
	list   []place
	at     int64 // of the header's first block
	damage error // the first there was, of the header
}

// open finds the parts of an installer, and reads what it says of its password, if that comes first.
func open(ctx context.Context, r io.ReaderAt, size int64) (*installer, error) {
	t, err := findTable(ctx, r, size)
	if err != nil {
		return nil, err
	}
	in := &installer{data: data{ctx: ctx, r: r, table: t, version: t.version}, setup: setup{version: t.version}}
	in.at = t.header + versionBytes
	if t.version.before(6, 5) {
		return in, nil
	}
	var p [lockBytes]byte
	if err := archive.ReadAt(r, p[:], in.at, "the header"); err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(p[:]) != crc32.ChecksumIEEE(p[4:]) {
		in.damage = archive.Damagef(in.at, "the checksum of what is said of the password differs")
	}
	in.at += int64(len(p))
	in.setup.lock = chachaLock(p[5:], p[5+chachaBytes:])
	in.setup.lock.encode, in.setup.lock.full = encodeFor(t.version), p[4] == lockedAll
	return in, nil
}

// read reads the header. What damage leaves of it is kept. ErrEncrypted if it is encrypted and the password is not right.
func (in *installer) read(password string) error {
	s := &in.setup
	if s.lock != nil && password != "" {
		in.key = s.lock.open(password)
	}
	var ciphers [2]*chacha20.Cipher
	if s.lock != nil && s.lock.full {
		if in.key == nil {
			return archive.ErrEncrypted
		}
		ciphers = [...]*chacha20.Cipher{in.key.stream(0, nonceHeader), in.key.stream(0, nonceRecords)}
	}
	block, next, err := openBlock(in.ctx, in.r, in.at, s.version, ciphers[0])
	s.method = unknown
	if err == nil {
		s.parse(block)
		err = block.err
	}
	if err := in.damaged(err); err != nil || next == 0 {
		return cmp.Or(err, in.damage)
	}
	count := mostPlaces // as many as there are
	for i, r := range s.records {
		if r.kind == location && s.counts != nil && s.method != unknown {
			count = s.counts[i]
		}
	}
	if block, _, err = openBlock(in.ctx, in.r, next, s.version, ciphers[1]); err == nil {
		in.list, err = s.places(block, count)
	}
	if err := in.damaged(err); err != nil {
		return err
	}
	in.method = s.method
	if s.lock != nil && in.key == nil && password != "" { // it was in the header
		in.key = s.lock.open(password)
	}
	return nil
}

// damaged keeps damage, and returns any other error.
func (in *installer) damaged(err error) error {
	if err != nil && !isDamage(err) {
		return err
	}
	in.damage = cmp.Or(in.damage, err)
	return nil
}

// documents visits what is no file of the installer.
func (in *installer) documents(visit archive.Visit) error {
	s := &in.setup
	list := []document{{"script.txt", []byte(s.script.b.String())}, {"CompiledCode.bin", s.code}}
	for _, d := range s.texts {
		list = append(list, document{clean(d.name) + ".txt", d.text})
	}
	for _, d := range list {
		if len(d.text) == 0 {
			continue
		}
		if err := visit(archive.Entry{Name: folder + d.name, Size: int64(len(d.text))}, bytes.NewReader(d.text)); err != nil {
			return err
		}
	}
	return nil
}

// walk visits the files.
func (in *installer) walk(visit archive.Visit) error {
	names := make([][]string, len(in.list))
	for _, f := range in.setup.files {
		if f.place >= len(names) {
			in.damage = cmp.Or(in.damage, archive.Damagef(in.table.header, "%s is nowhere", f.name))
			continue
		}
		names[f.place] = append(names[f.place], f.name)
	}
	elsewhere := false
	for _, i := range inOrder(in.list) {
		if err := in.ctx.Err(); err != nil {
			return err
		}
		l := &in.list[i]
		r, here := in.reader(l)
		elsewhere = elsewhere || !here
		e := archive.Entry{Name: fmt.Sprintf("%sfile %d", folder, i), Size: max(l.size, 0), Changed: l.changed, Method: in.name(l), Encrypted: l.encrypted && here}
		if len(names[i]) > 0 {
			e.Name = names[i][0]
		}
		if err := visit(e, r); err != nil {
			return err
		}
		for n := 1; n < len(names[i]); n++ {
			if names[i][n] == e.Name {
				continue
			}
			if err := visit(archive.Entry{Name: names[i][n], Changed: l.changed, Link: e.Name}, nil); err != nil {
				return err
			}
		}
	}
	if in.damage == nil && elsewhere {
		return errSlices
	}
	return in.damage
}

// errSlices tells of files that do not lie in the program.
var errSlices = fmt.Errorf("files lie in volumes (setup-1.bin and so on): %w", archive.ErrUnsupported)

// reader is what a file's content is read from; nil for what is encrypted, or not in this file.
func (in *installer) reader(l *place) (r io.Reader, here bool) {
	here = in.table.data > 0 && l.slice == 0 && l.last == 0
	if !here || l.encrypted && in.key == nil {
		return nil, here
	}
	return in.content(l), true
}

// name names how a file is compressed and encrypted.
func (in *installer) name(l *place) string {
	name := methodNames[stored]
	if l.compressed {
		name = methodNames[in.method]
	}
	switch {
	case !l.encrypted:
		return name
	case in.version.from(6, 4):
		return "XChaCha20 " + name
	}
	return "ARC4 " + name
}
