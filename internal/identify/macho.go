package identify

import (
	"fmt"
	"strings"
)

const machOMIME = "application/x-mach-binary"

// machOKinds are the file types of Mach-O (mach-o/loader.h).
var machOKinds = map[uint32]string{
	1: "object", 2: "executable", 3: "fixed virtual memory shared library", 4: "core", 5: "preload executable",
	6: "dynamically linked shared library", 7: "dynamic linker", 8: "bundle",
	9: "dynamically linked shared library stub", 10: "dSYM companion file", 11: "kext bundle",
}

// machOCPUs are the CPU types of Mach-O; the highest byte is 1 for 64-bit ones (mach/machine.h).
var machOCPUs = map[uint32]string{
	7: "i386", 0x01000007: "x86_64", 12: "arm", 0x0100000c: "arm64", 0x0200000c: "arm64_32", 18: "ppc", 0x01000012: "ppc64",
}

// machOFlags are the flags of the header, from the lowest bit on. file(1) puts a bar before all but the first.
var machOFlags = [...]string{
	"NOUNDEFS", "|INCRLINK", "|DYLDLINK", "|BINDATLOAD", "|PREBOUND", "|SPLIT_SEGS", "|LAZY_INIT", "|TWOLEVEL", "|FORCE_FLAT", "|NOMULTIDEFS",
	"|NOFIXPREBINDING", "|PREBINDABLE", "|ALLMODSBOUND", "|SUBSECTIONS_VIA_SYMBOLS", "|CANONICAL", "|WEAK_DEFINES", "|BINDS_TO_WEAK",
	"|ALLOW_STACK_EXECUTION", "|ROOT_SAFE", "|SETUID_SAFE", "|NO_REEXPORTED_DYLIBS", "|PIE", "|DEAD_STRIPPABLE_DYLIB", "|HAS_TLV_DESCRIPTORS",
	"|NO_HEAP_EXECUTION", "|APP_EXTENSION_SAFE", "|NLIST_OUTOFSYNC_WITH_DYLDINFO", "|SIM_SUPPORT", "", "", "", "|DYLIB_IN_CACHE",
}

// machO knows thin and universal Mach-O files. Java classes begin like universal ones, but with a version (45 and up)
// where those have a small number of architectures.
func machO(in *input) (Result, bool) {
	magic := thinMachO(in.head)
	if in.has(0, "\xca\xfe\xba\xbe") {
		if count := big(in.head).u32(4); count > 0 && count < 20 {
			magic = universal(in, int(count))
		}
	}
	return Result{Format: "executable/mach-o", MIME: machOMIME, Magic: magic}, magic != ""
}

// thinMachO describes the file for one processor that b begins with; "" if it is none.
func thinMachO(b []byte) string {
	if len(b) < 28 {
		return ""
	}
	var f *fields
	switch string(b[:4]) {
	case "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe":
		f = little(b)
	case "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf":
		f = big(b)
	default:
		return ""
	}
	kind := machOKinds[f.u32(12)]
	if kind == "" {
		return ""
	}
	magic := "Mach-O " + machOCPU(f.u32(4)) + " " + kind
	if flags := f.u32(24); flags != 0 {
		magic += ", flags:<"
		for bit, name := range machOFlags {
			if flags&(1<<bit) != 0 {
				magic += name
			}
		}
		magic += ">"
	}
	return magic
}

func machOCPU(cpu uint32) string {
	name := machOCPUs[cpu]
	if name == "" {
		name = fmt.Sprintf("cputype (%d)", cpu)
	}
	if cpu>>24 == 1 {
		return "64-bit " + name
	}
	return name
}

// universal describes a file for several processors, with what it has for each.
func universal(in *input, count int) string {
	const header, archBytes, thinBytes = 8, 20, 32
	f := big(in.head)
	var parts []string
	for i := range count {
		at := header + i*archBytes
		part := strings.TrimPrefix(machOCPU(f.u32(at)), "64-bit ")
		if thin := thinMachO(in.at(int64(f.u32(at+8)), thinBytes)); thin != "" {
			part += ":" + thin
		}
		parts = append(parts, "["+part+"]")
	}
	noun := "architectures"
	if count == 1 {
		noun = "architecture"
	}
	return fmt.Sprintf("Mach-O universal binary with %d %s: %s", count, noun, strings.Join(parts, " "))
}
