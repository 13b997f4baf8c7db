package goinfo

import "debug/elf"

// absolute are the relocations that write the address of a symbol. Where the addend is in the place itself (SHT_REL) it is added.
var absolute = map[elf.Machine]uint32{
	elf.EM_X86_64:    uint32(elf.R_X86_64_64),
	elf.EM_386:       uint32(elf.R_386_32),
	elf.EM_AARCH64:   uint32(elf.R_AARCH64_ABS64),
	elf.EM_ARM:       uint32(elf.R_ARM_ABS32),
	elf.EM_PPC64:     uint32(elf.R_PPC64_ADDR64),
	elf.EM_S390:      uint32(elf.R_390_64),
	elf.EM_RISCV:     uint32(elf.R_RISCV_64),
	elf.EM_LOONGARCH: uint32(elf.R_LARCH_64),
}

// relative are the relocations that add where the file is loaded, here 0.
var relative = map[elf.Machine]uint32{
	elf.EM_X86_64:    uint32(elf.R_X86_64_RELATIVE),
	elf.EM_AARCH64:   uint32(elf.R_AARCH64_RELATIVE),
	elf.EM_PPC64:     uint32(elf.R_PPC64_RELATIVE),
	elf.EM_S390:      uint32(elf.R_390_RELATIVE),
	elf.EM_RISCV:     uint32(elf.R_RISCV_RELATIVE),
	elf.EM_LOONGARCH: uint32(elf.R_LARCH_RELATIVE),
}

// relocate finds out which pointers the loader or the linker would write. Position-independent files of other linkers than Go's have zeros in their places, and
// object files have nothing but relocations.
func (f *elfFile) relocate() {
	switch f.kind {
	case elf.ET_DYN:
		f.relocateDynamic()
	case elf.ET_REL:
		f.relocateObject()
	}
	f.sortPatches()
}

// relocateDynamic reads the relocations that PT_DYNAMIC names: those that add where the file is loaded, and in plugins those of symbols that the file has itself.
// DT_REL and DT_RELR have their addends in place already, which is all that is needed.
func (f *elfFile) relocateDynamic() {
	kind, known := relative[f.machine]
	if !known || f.dynamic.size == 0 {
		return
	}
	var table, size, symbols uint64
	for b := f.peek(f.dynamic.addr, min(f.dynamic.size, 64<<10)); len(b) >= 2*f.ptrSize; b = b[2*f.ptrSize:] {
		h := f.fields(b)
		switch tag, value := elf.DynTag(h.word()), h.word(); tag {
		case elf.DT_RELA:
			table = value
		case elf.DT_RELASZ:
			size = value
		case elf.DT_SYMTAB:
			symbols = value
		}
	}
	values := f.symbolTable(f.unpatched(symbols, mostSymbolBytes))
	f.eachRela(f.unpatched(table, min(size, mostRelocationBytes)), func(at uint64, symbol, typ uint32, addend uint64) {
		switch {
		case typ == kind && symbol == 0:
			f.addPatch(at, addend)
		case typ == absolute[f.machine] && int(symbol) < len(values) && values[symbol].defined:
			f.addPatch(at, values[symbol].value+addend)
		}
	})
}

// Limits on what is read of tables. The end of that of dynamic symbols is not written down: it is read up to the region's.
const (
	mostRelocationBytes = mostPatches * 24
	mostSymbolBytes     = 16 << 20
)

// unpatched reads what lies at an address, without keeping it: the patches are not known yet.
func (f *elfFile) unpatched(addr, most uint64) []byte {
	r := f.at(addr)
	if r == nil || addr == 0 {
		return nil
	}
	b, err := f.file.read(r.off+int64(addr-r.addr), int64(min(most, r.end()-addr)))
	if err != nil {
		return nil
	}
	return b
}

// eachRela calls fn for every relocation of a table with addends.
func (f *elfFile) eachRela(b []byte, fn func(at uint64, symbol, typ uint32, addend uint64)) {
	for entry := 3 * f.ptrSize; len(b) >= entry; b = b[entry:] {
		h := f.fields(b)
		at, info, addend := h.word(), h.word(), h.word()
		symbol, typ := splitInfo(f.ptrSize, info)
		fn(at, symbol, typ, addend)
	}
}

func splitInfo(ptrSize int, info uint64) (symbol, typ uint32) {
	if ptrSize == 4 {
		return uint32(info >> 8), uint32(info & 0xff)
	}
	return uint32(info >> 32), uint32(info)
}

// relocateObject reads the relocations of an object's data.
func (f *elfFile) relocateObject() {
	kind, known := absolute[f.machine]
	if !known {
		return
	}
	left := mostOverlap * f.file.size // bytes of tables that may still be read
	for _, s := range f.sections {
		if s.kind != elf.SHT_RELA && s.kind != elf.SHT_REL || int(s.info) >= len(f.sections) || int(s.link) >= len(f.sections) {
			continue
		}
		target := f.sections[s.info]
		if r := f.at(target.addr); r == nil || r.executable {
			continue
		}
		table, err := f.file.read(int64(s.off), int64(min(s.size, mostRelocationBytes)))
		if left -= int64(len(table)); err != nil || left < 0 {
			continue
		}
		symbols := f.symbolAddresses(f.sections[s.link])
		if s.kind == elf.SHT_RELA {
			f.eachRela(table, func(at uint64, symbol, typ uint32, addend uint64) {
				if typ == kind && int(symbol) < len(symbols) && symbols[symbol] != 0 {
					f.addPatch(target.addr+at, symbols[symbol]+addend)
				}
			})
			continue
		}
		for entry := 2 * f.ptrSize; len(table) >= entry; table = table[entry:] {
			h := f.fields(table)
			at, info := h.word(), h.word()
			symbol, typ := splitInfo(f.ptrSize, info)
			if typ != kind || int(symbol) >= len(symbols) || symbols[symbol] == 0 || len(f.patches) >= mostPatches {
				continue
			}
			if place := f.peek(target.addr+at, uint64(f.ptrSize)); place != nil {
				f.addPatch(target.addr+at, symbols[symbol]+f.word(place))
			}
		}
	}
}

// symbolAddresses returns the address of every symbol of an object's table, 0 for those that have none.
func (f *elfFile) symbolAddresses(s elfSection) []uint64 {
	if f.symbols != nil {
		return f.symbols // objects have one table
	}
	b, err := f.file.read(int64(s.off), int64(min(s.size, mostSymbolBytes)))
	if err != nil {
		return nil
	}
	table := f.symbolTable(b)
	f.symbols = make([]uint64, len(table))
	for i, y := range table {
		if int(y.section) < len(f.sections) && f.sections[y.section].addr != 0 {
			f.symbols[i] = f.sections[y.section].addr + y.value
		}
	}
	return f.symbols
}

// elfSymbol is what relocations need of a symbol.
type elfSymbol struct {
	value   uint64
	section uint16
	defined bool
}

func (f *elfFile) symbolTable(b []byte) []elfSymbol {
	entry := 16
	if f.ptrSize == 8 {
		entry = 24
	}
	list := make([]elfSymbol, 0, len(b)/entry)
	for ; len(b) >= entry; b = b[entry:] {
		var y elfSymbol
		h := f.fields(b)
		h.u32() // name
		if f.ptrSize == 8 {
			h.take(2)
			y.section, y.value = h.u16(), h.word()
		} else {
			y.value = h.word()
			h.u32() // size
			h.take(2)
			y.section = h.u16()
		}
		y.defined = elf.SectionIndex(y.section) != elf.SHN_UNDEF
		list = append(list, y)
	}
	return list
}
