package goinfo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"
)

// Type descriptors lie between two addresses that the module names, together with their names. Releases have led to them by different lists; here every word in
// between is tried as the beginning of one. A descriptor has so much that must fit (internal/abi.Type) that nothing else passes, and what a damaged or newer file has in
// a form that is not known is left out, with no harm to the rest.

// typeInfo is a named type.
type typeInfo struct {
	name    string // as in the source, with the name of its package: "beacon.Config"
	pkg     string // path of its package
	kind    string // as reflect names it
	addr    uint64
	size    uint64 // bytes of the descriptor, without its methods
	pointer bool   // it is *name, which has the methods with pointer receivers
	methods []string
}

// Kinds of types (internal/abi.Kind), as reflect.Kind.String gives them.
var kindNames = [...]string{
	"invalid", "bool", "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "uintptr", "float32", "float64",
	"complex64", "complex128", "array", "chan", "func", "interface", "map", "ptr", "slice", "string", "struct", "unsafe.Pointer",
}

const (
	kindArray     = 17
	kindChan      = 18
	kindFunc      = 19
	kindInterface = 20
	kindMap       = 21
	kindPtr       = 22
	kindSlice     = 23
	kindStruct    = 25
	kindMask      = 31 // older releases keep flags above it
)

// Flags of types.
const (
	flagUncommon  = 1 // has a package and methods
	flagExtraStar = 2 // the name has a * too many
	flagNamed     = 4
	flagsKnown    = 0x3f
)

const (
	mostTypes       = 200_000
	mostTypeNames   = 64 << 20 // bytes of all names that are read
	mostTypeMethods = 4096     // of one type
	uncommonSize    = 16
	methodSize      = 16
)

// typeReader reads descriptors.
type typeReader struct {
	*image
	base   uint64 // address that names are counted from
	data   []byte // from base on
	varint bool   // lengths of names are varints, as since 1.17; two bytes before
	left   int    // types that may still be told
	budget int    // bytes of names that may still be read: all descriptors may claim one long name
}

// newTypeReader begins to read the types of a module. nil if it has none.
func newTypeReader(m *image, t *pclntab, module *moduleData) *typeReader {
	if module.types == 0 {
		return nil
	}
	data := m.bytes(module.types)
	if size := module.etypes - module.types; size < uint64(len(data)) {
		data = data[:size]
	}
	r := &typeReader{image: m, base: module.types, data: data, left: mostTypes, budget: mostTypeNames}
	r.varint = t.layout == layout118 || t.layout == layout116 && r.namesAreVarint()
	return r
}

// namesAreVarint tells 1.17 from 1.16, whose tables are the same: whichever way of reading names makes sense of more descriptors is right.
func (r *typeReader) namesAreVarint() bool {
	const some = 64 << 10 // bytes to look at
	count := func(varint bool) (n int) {
		try := *r
		try.varint = varint
		for at := 0; at < min(len(r.data), some); at += r.ptrSize {
			if d, ok := try.descriptor(at); ok && d.name != "" {
				n++
			}
		}
		return n
	}
	return count(true) > count(false)
}

// each calls fn for every type that has a name and a package, and for pointers to such types.
func (r *typeReader) each(ctx context.Context, fn func(typeInfo)) error {
	const checkEvery = 64 << 10
	for at := 0; at < len(r.data); {
		if at%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		d, ok := r.descriptor(at)
		if r.budget < 0 {
			return errTooManyTypes
		}
		if !ok {
			at += r.ptrSize
			continue
		}
		if t, ok := r.info(d); ok {
			if r.left--; r.left < 0 {
				return errTooManyTypes
			}
			fn(t)
		}
		at += r.headSize()
	}
	return nil
}

var errTooManyTypes = errors.New("there are too many types")

// descriptor is what all types have.
type descriptor struct {
	at    int // in data
	flags byte
	kind  int
	name  string
}

// headSize is the size of what all descriptors begin with: two words, the hash, four bytes, two pointers, two offsets.
func (r *typeReader) headSize() int { return 4*r.ptrSize + 16 }

// descriptor reads what begins at a place; false if that is no type.
func (r *typeReader) descriptor(at int) (descriptor, bool) {
	d := descriptor{at: at}
	if at < 0 || len(r.data)-at < r.headSize() {
		return d, false
	}
	b := r.data[at:]
	size, pointers := r.word(b), r.word(b[r.ptrSize:])
	if pointers > size || size >= 1<<48 {
		return d, false
	}
	b = b[2*r.ptrSize:]
	flags, align, fieldAlign, kind := b[4], b[5], b[6], int(b[7]&kindMask)
	if flags&^flagsKnown != 0 || kind == 0 || kind >= len(kindNames) || !isAlignment(align) || !isAlignment(fieldAlign) {
		return d, false
	}
	if isZero(b[:4]) { // a hash of 0 is one in four billion, and zeros are everywhere
		return d, false
	}
	b = b[8+2*r.ptrSize:]
	name, ok := r.name(uint64(r.order.Uint32(b)))
	if !ok {
		return d, false
	}
	if flags&flagExtraStar != 0 {
		star := false
		if name, star = strings.CutPrefix(name, "*"); !star {
			return d, false
		}
	}
	d.flags, d.kind, d.name = flags, kind, name
	return d, true
}

func isAlignment(a byte) bool { return a == 1 || a == 2 || a == 4 || a == 8 || a == 16 }

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// name reads a name (internal/abi.Name): flags, a length, the text.
func (r *typeReader) name(off uint64) (string, bool) {
	const flagsOfNames = 0x1f
	if off >= uint64(len(r.data)) {
		return "", false
	}
	b := r.data[off:]
	if len(b) < 3 || b[0]&^flagsOfNames != 0 {
		return "", false
	}
	n, size := uint64(binary.BigEndian.Uint16(b[1:])), 2
	if r.varint {
		n, size = binary.Uvarint(b[1:])
	}
	if size <= 0 || n == 0 || n > mostText || uint64(len(b)-1-size) < n {
		return "", false
	}
	if r.budget -= int(n); r.budget < 0 {
		return "", false
	}
	text := b[1+size:][:n]
	if !utf8.Valid(text) || bytes.ContainsFunc(text, func(c rune) bool { return c < ' ' }) {
		return "", false
	}
	return string(text), true
}

// kindSize is the size of what a descriptor has for its kind, behind the head; 0 for maps, where it differs from release to release.
func (r *typeReader) kindSize(kind int) int {
	switch kind {
	case kindArray:
		return 3 * r.ptrSize
	case kindChan:
		return 2 * r.ptrSize
	case kindFunc, kindPtr, kindSlice:
		return r.ptrSize
	case kindInterface, kindStruct:
		return 4 * r.ptrSize
	}
	return 0
}

// mapSizes are the sizes that what descriptors of maps have for their kind can be of: from five words in 1.8 to twelve in 1.27, and more.
func (r *typeReader) mapSizes() []int {
	var sizes []int
	for words := 4; words <= 16; words++ {
		sizes = append(sizes, words*r.ptrSize)
	}
	return sizes
}

// info reads the package and the methods of a type; false if it is neither a named type nor a pointer to one.
func (r *typeReader) info(d descriptor) (typeInfo, bool) {
	t := typeInfo{name: d.name, kind: kindNames[d.kind], addr: r.base + uint64(d.at)}
	if d.flags&flagUncommon == 0 {
		return t, false
	}
	if d.flags&flagNamed == 0 {
		if d.kind != kindPtr || !strings.HasPrefix(d.name, "*") {
			return t, false
		}
		t.name, t.pointer = d.name[1:], true
	}
	sizes := []int{r.kindSize(d.kind)}
	if d.kind == kindMap {
		sizes = r.mapSizes()
	}
	for _, size := range sizes {
		at := d.at + r.headSize() + size
		if d.kind == kindMap && !r.methodsFollow(at) { // the only sign of where a map's fields end
			continue
		}
		if pkg, ok := r.packageAt(at, t.name); ok {
			t.pkg, t.size = pkg, uint64(r.headSize()+size)
			t.methods = r.methodsAt(at)
			if d.kind == kindInterface {
				t.methods = r.interfaceMethods(d.at + r.headSize())
			}
			return t, true
		}
	}
	return t, false
}

// packageAt reads the package of a type, which stands in front of the number of its methods, that of those that are exported, and where they are
// (internal/abi.UncommonType, since 1.8).
func (r *typeReader) packageAt(at int, name string) (string, bool) {
	if at < 0 || len(r.data)-at < uncommonSize {
		return "", false
	}
	b := r.data[at:]
	methods, exported, off := r.order.Uint16(b[4:]), r.order.Uint16(b[6:]), r.order.Uint32(b[8:])
	if exported > methods || off < uncommonSize || uint64(off) > uint64(len(b)) || !isZero(b[12:uncommonSize]) {
		return "", false
	}
	pkg, ok := r.name(uint64(r.order.Uint32(r.data[at:])))
	if !ok || !strings.Contains(name, ".") || strings.ContainsAny(pkg, " *[]{}") {
		return "", false
	}
	return pkg, true
}

// methodsFollow tells whether the methods stand directly behind a type's package and the rest of it, as they do where nothing else comes in between.
func (r *typeReader) methodsFollow(at int) bool {
	return len(r.data)-at >= uncommonSize && r.order.Uint32(r.data[at+8:]) == uncommonSize
}

// methodsAt reads the names of a type's methods.
func (r *typeReader) methodsAt(at int) []string {
	b := r.data[at:]
	count, off := int(r.order.Uint16(b[4:])), uint64(r.order.Uint32(b[8:]))
	if count > mostTypeMethods || off > uint64(len(b)) {
		return nil
	}
	return r.names(b[off:], count, methodSize)
}

// interfaceMethods reads the names of the methods that an interface asks for.
func (r *typeReader) interfaceMethods(at int) []string {
	b := r.data[at+r.ptrSize:] // behind the package
	addr, count := r.word(b), r.word(b[r.ptrSize:])
	if addr < r.base || addr-r.base > uint64(len(r.data)) || count > mostTypeMethods {
		return nil
	}
	return r.names(r.data[addr-r.base:], int(count), 8)
}

// names reads the names that the entries of a table begin with. One that cannot be read ends it.
func (r *typeReader) names(b []byte, count, entry int) []string {
	var list []string
	for ; count > 0 && len(b) >= entry; b, count = b[entry:], count-1 {
		name, ok := r.name(uint64(r.order.Uint32(b)))
		if !ok {
			break
		}
		list = append(list, name)
	}
	return list
}
