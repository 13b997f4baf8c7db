package identify

import (
	"bytes"
	"fmt"
	"strings"
)

const (
	peMIME  = "application/vnd.microsoft.portable-executable"
	dosMIME = "application/x-dosexec"
)

var peMachines = map[uint16]string{
	0x14c: "Intel i386", 0x166: "MIPS R4000", 0x184: "Alpha", 0x1a6: "Hitachi SH4", 0x1c0: "ARM", 0x1c2: "ARM Thumb",
	0x1c4: "ARMv7 Thumb", 0x1f0: "PowerPC", 0x200: "Intel Itanium", 0xebc: "EFI byte code", 0x5032: "RISC-V 32-bit",
	0x5064: "RISC-V 64-bit", 0x6264: "LoongArch 64-bit", 0x8664: "x86-64", 0xaa64: "Aarch64",
}

// peSubsystems are what a program runs under; those that are not of Windows stand in place of "MS Windows".
var peSubsystems = map[uint16]struct{ name, platform string }{
	1: {"native", ""}, 2: {"GUI", ""}, 3: {"console", ""}, 5: {"console", "OS/2"}, 7: {"POSIX", ""}, 8: {"native", "MS Windows 9x"}, 9: {"Windows CE", ""},
	10: {"application", "EFI"}, 11: {"boot service driver", "EFI"}, 12: {"runtime driver", "EFI"}, 13: {"ROM", "EFI"},
	14: {"", "XBOX"}, 16: {"boot application", ""},
}

// dosFamily knows everything that begins with MZ: programs for DOS, and for what came after it behind a DOS program.
func dosFamily(in *input) (Result, bool) {
	if !in.has(0, "MZ") && !in.has(0, "ZM") || in.size < 28 {
		return Result{}, false
	}
	next := int64(little(in.head).u32(0x3c))
	switch header := in.at(next, 4); {
	case header == nil || !in.has(0, "MZ"):
	case string(header) == "PE\x00\x00":
		if res, ok := pe(in, next); ok {
			return res, true
		}
	case string(header[:2]) == "NE":
		return Result{Format: "executable/windows/dos", MIME: dosMIME, Magic: "MS-DOS executable, NE" + neSystem(in, next)}, true
	case string(header[:2]) == "LE":
		return Result{Format: "executable/windows/dos", MIME: dosMIME, Magic: "MS-DOS executable, LE executable"}, true
	case string(header[:2]) == "LX":
		return Result{Format: "executable/windows/dos", MIME: dosMIME, Magic: "MS-DOS executable, LX for OS/2"}, true
	}
	return Result{Format: "executable/windows/dos", MIME: dosMIME, Magic: "MS-DOS executable, MZ for MS-DOS"}, true
}

func neSystem(in *input, at int64) string {
	switch little(in.at(at, 64)).u8(0x36) {
	case 1:
		return " for OS/2 1.x"
	case 2:
		return " for MS Windows 3.x"
	case 3:
		return " for MS-DOS"
	case 4:
		return " for MS Windows 3.x (VxD)"
	}
	return ""
}

// pe reads the headers of the PE format specification: COFF header at +4, optional header at +24. Offsets in the optional
// header are the same for PE32 and PE32+ up to the fields that the loader reserves memory by.
func pe(in *input, at int64) (Result, bool) {
	const (
		isStripped, isSystem, isDLL = 0x0200, 0x1000, 0x2000
		dotNetDirectory             = 14
	)
	coff := little(in.at(at, 24))
	machine, sections, optionalSize, flags := coff.u16(4), coff.u16(6), int(coff.u16(20)), coff.u16(22)
	if coff.short {
		return Result{}, false
	}
	// Programs made to be small say that their optional header is, or end within it: the loader fills up with zeros.
	optional := little(in.at(at+24, int(min(240, in.size-at-24))))
	kind, wide, directories := "PE32", false, 96
	switch optional.u16(0) {
	case 0x10b:
	case 0x20b:
		kind, wide, directories = "PE32+", true, 112
	default:
		return Result{
			Format: "executable/windows/pe", MIME: peMIME,
			Magic: fmt.Sprintf("PE Unknown PE signature %#x, for MS Windows", optional.u16(0)),
		}, true
	}
	system := peSubsystems[optional.u16(68)]
	var b strings.Builder
	platform := system.platform
	if platform == "" {
		platform = "MS Windows"
	}
	fmt.Fprintf(&b, "%s executable for %s", kind, platform)
	if platform != "EFI" && platform != "XBOX" {
		fmt.Fprintf(&b, " %d.%02d", optional.u16(48), optional.u16(50))
	}
	switch {
	case flags&isDLL != 0:
		b.WriteString(" (DLL)")
	case system.name != "":
		fmt.Fprintf(&b, " (%s)", system.name)
	}
	name := peMachines[machine]
	if name == "" {
		name = fmt.Sprintf("unknown processor %#x", machine)
	}
	fmt.Fprintf(&b, ", %s", name)
	if flags&isStripped != 0 {
		b.WriteString(" (stripped to external PDB)")
	}
	if flags&isSystem != 0 {
		b.WriteString(" system file")
	}
	if optional.u32(directories-4) > dotNetDirectory && optional.u32(directories+dotNetDirectory*8) != 0 {
		b.WriteString(" Mono/.Net assembly")
	}
	b.WriteString(pePacker(in, at+24+int64(optionalSize), int(sections)))
	if sections == 1 {
		b.WriteString(", 1 section")
	} else {
		fmt.Fprintf(&b, ", %d sections", sections)
	}
	return Result{Format: peFormat(platform == "EFI", wide, flags&isDLL != 0), MIME: peMIME, Magic: b.String()}, true
}

// pePackers are packers and installers by the names that they give their sections.
var pePackers = map[string]string{
	"UPX0": "UPX compressed", "PEC2": "PECompact2 compressed", ".petite": "Petite compressed", ".ndata": "Nullsoft Installer self-extracting archive",
	".WISE": "WISE installer self-extracting archive", "_winzip_": "ZIP self-extracting archive (WinZip)", "SharedD": "Microsoft Installer self-extracting archive",
}

// pePacker names the packer or the installer that made the program: by a section, a mark in the header for DOS, or by what comes
// after the last section.
func pePacker(in *input, table int64, sections int) string {
	const most, entry = 32, 40
	if in.has(0x30, "Inno") {
		return ", InnoSetup self-extracting archive"
	}
	f := little(in.at(table, min(sections, most)*entry))
	var end int64
	for i := range len(f.b) / entry {
		name, _, _ := bytes.Cut(f.b[i*entry:i*entry+8], []byte{0})
		if packer := pePackers[string(name)]; packer != "" {
			return ", " + packer
		}
		if size := int64(f.u32(i*entry + 16)); size > 0 {
			end = max(end, int64(f.u32(i*entry+20))+size)
		}
	}
	if behind := in.at(end, 4); end > 0 && behind != nil {
		switch string(behind) {
		case "Rar!":
			return ", RAR self-extracting archive"
		case "PK\x03\x04":
			return ", ZIP self-extracting archive"
		}
	}
	return ""
}

// peFormat names what runs on Windows by its width. EFI programs are in PE format but no Windows executables.
func peFormat(efi, wide, dll bool) string {
	switch {
	case efi && dll:
		return "executable/dll32"
	case efi:
		return "executable/pe32"
	case wide && dll:
		return "executable/windows/dll64"
	case wide:
		return "executable/windows/pe64"
	case dll:
		return "executable/windows/dll32"
	}
	return "executable/windows/pe32"
}
