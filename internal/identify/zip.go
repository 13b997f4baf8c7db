package identify

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// zipFamily knows ZIP archives (APPNOTE.TXT 6.3.10) and the many formats that are one, by the names of their entries.
func zipFamily(in *input) (Result, bool) {
	switch {
	case in.has(0, "PK\x05\x06"):
		return Result{Format: "archive/zip", MIME: "application/zip", Magic: "Zip archive data (empty)"}, true
	case in.has(0, "PK\x03\x04"):
		if res, ok := declaredType(in); ok {
			return res, true
		}
		if res, ok := zipContents(in).decide(); ok {
			if strings.HasSuffix(res.Magic, " ") { // a word before what is said of all archives
				res.Magic += zipMagic(in)
			}
			return res, true
		}
	case !in.has(0, "PK00PK\x03\x04"):
		return Result{}, false
	}
	return Result{Format: "archive/zip", MIME: "application/zip", Magic: zipMagic(in)}, true
}

func zipMagic(in *input) string {
	f := little(in.head)
	version, method := f.u16(4), f.u16(8)
	if f.short {
		return "Zip archive data"
	}
	methods := map[uint16]string{0: "store", 8: "deflate", 9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz", 99: "AES Encrypted"}
	name := methods[method]
	if name == "" {
		name = fmt.Sprintf("[%#x]", method)
	}
	return fmt.Sprintf("Zip archive data, at least v%d.%d to extract, compression method=%s", version/10, version%10, name)
}

// declaredType reads the type that OpenDocument (part 2, 3.3) and EPUB (OCF 4.3) files declare: their first entry is named
// mimetype, is stored as it is, and holds it.
func declaredType(in *input) (Result, bool) {
	const header, name = 30, "mimetype"
	f := little(in.head)
	if !in.has(header, name) || f.u16(26) != uint16(len(name)) || f.u16(8) != 0 {
		return Result{}, false
	}
	at := header + len(name) + int(f.u16(28))
	rest := in.head[min(at, len(in.head)):]
	declared := string(rest[:min(len(rest), 80)])
	if strings.HasPrefix(declared, "application/epub+zip") {
		return Result{Format: "document/epub", MIME: "application/epub+zip", Magic: "EPUB document"}, true
	}
	const openDocument = "application/vnd.oasis.opendocument."
	kind, found := strings.CutPrefix(declared, openDocument)
	if !found {
		return Result{}, false
	}
	if strings.HasPrefix(kind, "base") || strings.HasPrefix(kind, "database") {
		return Result{Format: "db/odt", MIME: openDocument + "database", Magic: "OpenDocument Database"}, true
	}
	for _, k := range openDocuments { // the longer names first
		if strings.HasPrefix(kind, k.name) {
			return Result{Format: "document/odt/" + k.format, MIME: openDocument + k.name, Magic: "OpenDocument " + k.magic}, true
		}
	}
	return Result{}, false
}

var openDocuments = []struct{ name, format, magic string }{
	{"text-web", "web", "HTML Document Template"}, {"text-master", "text", "Master Document"},
	{"text-template", "text", "Text Template"}, {"text", "text", "Text"},
	{"spreadsheet-template", "spreadsheet", "Spreadsheet Template"}, {"spreadsheet", "spreadsheet", "Spreadsheet"},
	{"presentation-template", "presentation", "Presentation Template"}, {"presentation", "presentation", "Presentation"},
	{"graphics-template", "graphics", "Drawing Template"}, {"graphics", "graphics", "Drawing"},
	{"chart-template", "chart", "Chart Template"}, {"chart", "chart", "Chart"},
	{"formula-template", "formula", "Formula Template"}, {"formula", "formula", "Formula"},
}

// zipNames is what the names of the entries tell.
type zipNames struct {
	entries, classes, jars int

	manifest                       bool // META-INF/MANIFEST.MF
	manifestFirst                  bool // … as the first or second entry, where the jar tool puts it
	androidXML                     bool
	dexOrTable                     bool
	iosPlist                       bool
	mozilla                        bool
	contentTypes                   bool
	relations                      bool
	package_                       bool // of NuGet or of Windows, which use the containers of Office
	word, excel, powerpoint, visio bool
}

func (z *zipNames) add(name string) {
	z.entries++
	dir, _, _ := strings.Cut(name, "/")
	switch {
	case name == "META-INF/MANIFEST.MF":
		z.manifest = true
		z.manifestFirst = z.manifestFirst || z.entries <= 2
	case name == "AndroidManifest.xml":
		z.androidXML = true
	case name == "classes.dex" || name == "resources.arsc":
		z.dexOrTable = true
	case dir == "Payload" && strings.HasSuffix(name, ".app/Info.plist"):
		z.iosPlist = true
	case name == "META-INF/mozilla.rsa" || name == "install.rdf":
		z.mozilla = true
	case name == "[Content_Types].xml":
		z.contentTypes = true
	case strings.HasSuffix(name, ".nuspec") || name == "AppxManifest.xml" || name == "extension.vsixmanifest":
		z.package_ = true
	case dir == "_rels" || dir == "docProps":
		z.relations = true
	case dir == "word":
		z.word = true
	case dir == "xl":
		z.excel = true
	case dir == "ppt":
		z.powerpoint = true
	case dir == "visio":
		z.visio = true
	}
	switch path.Ext(name) {
	case ".class":
		z.classes++
	case ".jar":
		z.jars++
	}
}

// decide names the format. META-INF alone makes no jar: signed archives, EPUBs and browser extensions have one too.
func (z *zipNames) decide() (Result, bool) {
	const office = "application/vnd.openxmlformats-officedocument."
	switch {
	case z.androidXML && z.dexOrTable:
		return Result{Format: "android/apk", MIME: "application/vnd.android.package-archive", Magic: "Android package (APK), with AndroidManifest.xml"}, true
	case z.iosPlist:
		return Result{Format: "ios/ipa", MIME: "application/x-ios-app", Magic: "iOS App "}, true
	case z.contentTypes && z.package_:
		return Result{}, false
	case z.contentTypes && z.word:
		return Result{Format: "document/office/word", MIME: office + "wordprocessingml.document", Magic: "Microsoft Word 2007+"}, true
	case z.contentTypes && z.excel:
		return Result{Format: "document/office/excel", MIME: office + "spreadsheetml.sheet", Magic: "Microsoft Excel 2007+"}, true
	case z.contentTypes && z.powerpoint:
		return Result{Format: "document/office/powerpoint", MIME: office + "presentationml.presentation", Magic: "Microsoft PowerPoint 2007+"}, true
	case z.contentTypes && z.visio:
		return Result{Format: "document/office/visio", MIME: "application/vnd.ms-visio.drawing.main+xml", Magic: "Microsoft Visio 2013+"}, true
	case z.contentTypes && z.relations:
		return Result{Format: "document/office/unknown", MIME: octetStream, Magic: "Microsoft OOXML"}, true
	case z.mozilla:
		return Result{Format: "application/mozilla/extension", MIME: "application/x-xpinstall", Magic: "Mozilla XPI extension"}, true
	case z.manifest && (z.manifestFirst || z.classes+z.jars > 0), 2*(z.classes+z.jars) > z.entries:
		return Result{Format: "java/jar", MIME: "application/java-archive", Magic: "Java archive data (JAR)"}, true
	}
	return Result{}, false
}

// zipContents reads the names of the central directory, as far as the budget reaches, or where that is missing or damaged
// those of the local headers in the head.
func zipContents(in *input) *zipNames {
	if z := zipDirectory(in); z.entries > 0 {
		return z
	}
	z := &zipNames{}
	const header = 30
	for at := 0; in.has(at, "PK\x03\x04"); {
		f := little(in.head[at:])
		flags, size := f.u16(6), int64(f.u32(18))
		name := f.take(header, int(f.u16(26)))
		if f.short {
			break
		}
		z.add(string(name))
		next := int64(at+header+len(name)+int(f.u16(28))) + size
		if flags&8 != 0 && size == 0 { // the size comes behind the data: look for the next header
			skip := bytes.Index(in.head[min(next, int64(len(in.head))):], []byte("PK\x03\x04"))
			if skip < 0 {
				break
			}
			next += int64(skip)
		}
		if next >= int64(len(in.head)) {
			break
		}
		at = int(next)
	}
	return z
}

// zipBehind finds archives with something put before them that is nothing else: programs for archives read the end first.
func zipBehind(in *input) (Result, bool) {
	if isText(in) {
		return Result{}, false
	}
	z := zipDirectory(in)
	if z.entries == 0 {
		return Result{}, false
	}
	res, ok := z.decide()
	if !ok {
		res.Format = "archive/zip"
	}
	return Result{Format: res.Format, MIME: octetStream, Magic: "data"}, true
}

func zipDirectory(in *input) *zipNames {
	z := &zipNames{}
	const endBytes, maxComment = 22, 64<<10 - 1
	n := min(in.size, endBytes+maxComment)
	end := in.at(in.size-n, int(n))
	at := bytes.LastIndex(end, []byte("PK\x05\x06"))
	if at < 0 {
		return z
	}
	f := little(end[at:])
	size, offset := int64(f.u32(12)), int64(f.u32(16))
	if f.short {
		return z
	}
	if start := in.size - n + int64(at) - size; start > offset {
		offset = start // something was put before the archive
	}
	directory := in.at(offset, int(min(size, int64(in.budget), max(in.size-offset, 0))))
	const header = 46
	for len(directory) >= header && string(directory[:4]) == "PK\x01\x02" {
		f := little(directory)
		name := f.take(header, int(f.u16(28)))
		if f.short {
			break
		}
		z.add(string(name))
		directory = directory[min(len(directory), header+len(name)+int(f.u16(30))+int(f.u16(32))):]
	}
	return z
}
