package identify

import (
	"fmt"
	"strings"
)

// executables are told by their first bytes. Java classes and universal Mach-O files share theirs.
var executables = []matcher{
	elf,
	dosFamily,
	machO,
	javaClass,
	signatures(
		signature{0, "dex\n035\x00", dex("035")},
		signature{0, "dex\n037\x00", dex("037")},
		signature{0, "dex\n038\x00", dex("038")},
		signature{0, "dex\n039\x00", dex("039")},
		signature{0, "dex\n040\x00", dex("040")},
		signature{0, "dex\n041\x00", dex("041")},
	),
	pythonBytecode,
}

func dex(version string) Result {
	return Result{Format: "android/apk", MIME: octetStream, Magic: "Dalvik dex file version " + version}
}

// machOKinds are the file types of Mach-O (mach-o/loader.h).
var machOKinds = map[uint32]string{
	1: "object", 2: "executable", 3: "fixed virtual memory shared library", 4: "core", 5: "preload executable",
	6: "dynamically linked shared library", 7: "dynamic linker", 8: "bundle",
	9: "dynamically linked shared library stub", 10: "dSYM companion file", 11: "kext bundle",
}

// machOCPUs are the CPU types of Mach-O; the highest byte is 1 for 64-bit ones (mach/machine.h).
var machOCPUs = map[uint32]string{
	7: "i386", 0x01000007: "x86_64", 12: "arm", 0x0100000c: "arm64", 18: "ppc", 0x01000012: "ppc64",
}

// machO knows thin and universal Mach-O files. Java classes begin like universal ones, but with a version (45 and up)
// where those have a small number of architectures.
func machO(in *input) (Result, bool) {
	const mime = "application/x-mach-binary"
	var f *fields
	switch {
	case in.has(0, "\xce\xfa\xed\xfe"), in.has(0, "\xcf\xfa\xed\xfe"):
		f = little(in.head)
	case in.has(0, "\xfe\xed\xfa\xce"), in.has(0, "\xfe\xed\xfa\xcf"):
		f = big(in.head)
	case in.has(0, "\xca\xfe\xba\xbe"):
		count := big(in.head).u32(4)
		if count == 0 || count >= 20 {
			return Result{}, false
		}
		return Result{Format: "executable/mach-o", MIME: mime, Magic: universal(in.head, count)}, true
	default:
		return Result{}, false
	}
	kind := machOKinds[f.u32(12)]
	if kind == "" || f.short {
		return Result{}, false
	}
	return Result{Format: "executable/mach-o", MIME: mime, Magic: "Mach-O " + machOCPU(f.u32(4)) + " " + kind}, true
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

func universal(head []byte, count uint32) string {
	const archBytes = 20
	var names []string
	for i := range int(count) {
		names = append(names, "["+strings.TrimPrefix(machOCPU(big(head).u32(8+i*archBytes)), "64-bit ")+"]")
	}
	noun := "architectures"
	if count == 1 {
		noun = "architecture"
	}
	return fmt.Sprintf("Mach-O universal binary with %d %s: %s", count, noun, strings.Join(names, " "))
}

// javaClass follows the Java Virtual Machine Specification, 4.1: the release is the major version minus 44.
func javaClass(in *input) (Result, bool) {
	if !in.has(0, "\xca\xfe\xba\xbe") {
		return Result{}, false
	}
	f := big(in.head)
	minor, major := f.u16(4), f.u16(6)
	if f.short || major < 45 || major > 200 {
		return Result{}, false
	}
	magic := fmt.Sprintf("compiled Java class data, version %d.%d", major, minor)
	switch {
	case major == 45:
		magic += " (Java 1.1)"
	case major < 53:
		magic += fmt.Sprintf(" (Java 1.%d)", major-44)
	default:
		magic += fmt.Sprintf(" (Java SE %d)", major-44)
	}
	return Result{Format: "code/class", MIME: "application/x-java-applet", Magic: magic}, true
}

// pythonBytecode knows .pyc files by their first word: a magic number, which has been near 3000 since Python 3.0 and near
// 62000 in Python 2, and CR LF.
func pythonBytecode(in *input) (Result, bool) {
	if !in.has(2, "\r\n") || len(in.head) < 16 || in.has(0, "\n\r") || isText(in) { // the third is a pcapng file
		return Result{}, false
	}
	var version string
	switch number := little(in.head).u16(0); {
	case number >= 3360 && number < 3380:
		version = "3.6"
	case number >= 3390 && number < 3400:
		version = "3.7"
	case number >= 3400 && number < 3420:
		version = "3.8"
	case number >= 3420 && number < 3430:
		version = "3.9"
	case number >= 3430 && number < 3450:
		version = "3.10"
	case number >= 3450 && number < 3500:
		version = "3.11"
	case number >= 3500 && number < 3550:
		version = "3.12"
	case number >= 3550 && number < 3600:
		version = "3.13"
	case number >= 3600 && number < 3650:
		version = "3.14"
	case number >= 3000 && number < 3390:
		version = "3"
	case number >= 62011 && number <= 62218:
		version = "2"
	default:
		return Result{}, false
	}
	return Result{
		Format: "python/bytecode", MIME: "application/x-bytecode.python",
		Magic: "Byte-compiled Python module for CPython " + version,
	}, true
}
