package identify

import "fmt"

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

// pythonBytecode knows .pyc files by their first word, a magic number that grows with every version and has been near 3000 since
// Python 3.0 and near 62000 in Python 2, and CR LF. From 3.7 on (PEP 552) flags and either a time and a size or a hash follow.
func pythonBytecode(in *input) (Result, bool) {
	if !in.has(2, "\r\n") || len(in.head) < 16 || in.has(0, "\n\r") || isText(in) { // the second is a pcapng file
		return Result{}, false
	}
	res := Result{Format: "python/bytecode", MIME: "application/x-bytecode.python"}
	f := little(in.head)
	switch number := f.u16(0); {
	case number >= 3390 && number < 4000 && f.u32(4) < 4:
		version := "3.12 or newer"
		for _, v := range []struct {
			below uint16
			name  string
		}{{3400, "3.7"}, {3420, "3.8"}, {3430, "3.9"}, {3450, "3.10"}, {3500, "3.11"}} {
			if number < v.below {
				version = v.name
				break
			}
		}
		res.Magic = "Byte-compiled Python module for CPython " + version + ", " + pythonOrigin(f)
	case number >= 3360 && number < 3390:
		res.Magic = "python 3.6 byte-compiled"
	case number >= 3320 && number < 3360:
		res.Magic = "python 3.5.1- byte-compiled"
	case number >= 3000 && number < 3320:
		res.Magic = fmt.Sprintf("python 3.%d byte-compiled", pythonMinor(number))
	case number >= 62161 && number <= 62218:
		res.Magic = "python 2.7 byte-compiled"
	case number >= 62011 && number < 62161:
		res.Magic = "python 2 byte-compiled"
	default:
		return Result{}, false
	}
	return res, true
}

func pythonMinor(number uint16) int {
	for minor, from := range []uint16{3140, 3160, 3190, 3250, 3320} {
		if number < from {
			return minor
		}
	}
	return 4
}

// pythonOrigin says how the interpreter finds out whether the source has changed.
func pythonOrigin(f *fields) string {
	switch f.u32(4) {
	case 0:
		return fmt.Sprintf("timestamp-based, .py timestamp: %s UTC, .py size: %d bytes", ansic(int64(f.u32(8))), f.u32(12))
	case 1:
		return fmt.Sprintf("unchecked-hash-based, invalidation hash: %#x", f.u64(8))
	case 3:
		return fmt.Sprintf("checked-hash-based, invalidation hash: %#x", f.u64(8))
	}
	return "flags 2"
}
