package pdf

import (
	"fmt"
	"slices"
)

// lookAtStream says what a stream is, and what is odd about it.
func (s *sweep) lookAtStream(it *item, stream *Stream) {
	it.kind = kindOf(stream.Dict)
	if stream.Dict.Get("Type") == Name("XRef") {
		it.has |= isXRefs
	}
	d := s.d
	if stream.lies {
		detail := "there is no Length"
		if n, ok := integer(d.resolve(stream.Dict.Get("Length"))); ok {
			detail = fmt.Sprintf("Length is %d, the data take %d bytes", n, stream.size)
		}
		s.facts.add(LyingLength, it.id, it.place.at, detail)
	}
	if names, _ := d.filters(stream.Dict); oddFilters(names) {
		s.facts.add(OddFilters, it.id, it.place.at, methodOf(names))
	}
	switch file := d.resolve(stream.Dict.Get("F")).(type) {
	case String, Dict: // some writers abbreviate Filter, which is a name or an array
		s.facts.add(OuterData, it.id, it.place.at, s.fileName(file))
	}
}

// knownFilters are those of the standard (table 6 of 7.4.1).
var knownFilters = []Name{
	"ASCIIHexDecode", "ASCII85Decode", "LZWDecode", "FlateDecode", "RunLengthDecode", "CCITTFaxDecode", "JBIG2Decode", "DCTDecode", "JPXDecode", "Crypt",
}

// oddFilters tells whether filters hide more than they save: three and more, one of them twice, or one that there is not.
func oddFilters(names []Name) bool {
	if len(names) > 3 || len(names) == 3 && names[0] != "Crypt" {
		return true
	}
	for i, name := range names {
		if !slices.Contains(knownFilters, name) || slices.Contains(names[:i], name) {
			return true
		}
	}
	return false
}

// kindOf says what a stream is by what it says of itself.
func kindOf(dict Dict) Kind {
	kind, _ := dict.Get("Type").(Name)
	subtype, _ := dict.Get("Subtype").(Name)
	switch kind {
	case "EmbeddedFile":
		return EmbeddedFile
	case "3D", "Sound":
		return Media
	case "Metadata":
		return Metadata
	case "ObjStm", "XRef":
		return Index
	case "CMap":
		return Font
	case "Pattern":
		return Content
	}
	switch subtype {
	case "Image":
		return Image
	case "Form", "PS":
		return Content
	case "Type1C", "CIDFontType0C", "OpenType":
		return Font
	}
	for _, key := range []Name{"PatternType", "ShadingType", "FunctionType", "HalftoneType"} {
		if dict.Get(key) != nil {
			return Content
		}
	}
	if dict.Get("Length1") != nil {
		return Font
	}
	if n, _ := integer(dict.Get("N")); n > 0 && dict.Get("Alternate") != nil {
		return Profile
	}
	return Other
}

// kindOfUse is the kind of a stream by what refers to it, if it does not say itself.
func (s *sweep) kindOfUse(it *item) Kind {
	if use, ok := s.uses[it.id.Number]; ok && it.kind == Other {
		return use
	}
	return it.kind
}
