package pdf

// Report is what a PDF says and shows of itself.
type Report struct {
	Version        string // in the header: "1.7"; "" if there is no header
	CatalogVersion string // in the catalog, which overrides the header's; mostly ""
	Header         int64  // offset of the header
	Ends           int    // how many %%EOF there are: one for each time the file was written, and one more if it is linearized
	Linearized     bool
	Rebuilt        bool // the cross-references are no good: objects were looked for

	Objects int // that are current
	Hidden  int // that are not: superseded, deleted or never listed
	Streams int // of both
	Pages   int

	IDs        []string    // the file's identifiers, in hexadecimal digits
	Encryption *Encryption // nil if the file is not encrypted
	Info       []Field     // the document information dictionary, in its order
	XMP        []Field     // of the document's metadata, as "xmp:CreatorTool", in their order

	Actions      []Action // in the order of the objects that they are in; each of the same kind, trigger and target once
	Dictionaries []Dictionary
	Facts        []Fact   // what no ordinary writer does, in the order of the constants
	Limits       []string // that were reached, in words
}

// Field is a key of metadata and its value.
type Field struct{ Key, Value string }

// Action is something that a reader does by itself or when it is told to.
type Action struct {
	Kind    string // S: JavaScript, Launch, URI, SubmitForm, GoToR, …
	Target  string // a URI, a file, a command with its parameters; of JavaScript nothing, see Walk
	Trigger string // what sets it off: "OpenAction", "page AA/O", "annotation A", "Names"; "" if nothing is known to
	Object  ID     // that it is in
	State   State  // of the object
}

// Dictionary is the dictionary of an object or a stream.
type Dictionary struct {
	Object ID
	State  State
	Text   string // as the file has it, but on one line and with strings decrypted; cut after some thousand bytes
}

// FactKind says what is odd about a file.
type FactKind string

// Kinds of facts.
const (
	NoHeader       FactKind = "no header"
	LateHeader     FactKind = "the header is not at the beginning"
	OddVersion     FactKind = "a version that there is not"
	NoEnd          FactKind = "no %%EOF"
	ManyEnds       FactKind = "several %%EOF"
	DataBehind     FactKind = "data behind the end"
	ObjectBehind   FactKind = "an object behind the end"
	StrayStart     FactKind = "startxref leads nowhere"
	BrokenXRefs    FactKind = "broken cross-references"
	LyingXRef      FactKind = "a cross-reference lies"
	InnerObject    FactKind = "an object in the data of a stream"
	UnlistedObject FactKind = "an object that is not listed"
	NewerObject    FactKind = "an object behind the version of it that is listed"
	TwiceObject    FactKind = "an object that is there twice"
	BrokenObject   FactKind = "an object with broken syntax"
	EscapedName    FactKind = "a name that hides what it says"
	TwiceKey       FactKind = "a key that comes twice"
	LyingLength    FactKind = "a length that lies"
	OddFilters     FactKind = "filters that nobody needs"
	OuterData      FactKind = "a stream with its data in another file"
)

// factKinds are in the order of a report.
var factKinds = []FactKind{
	NoHeader, LateHeader, OddVersion, NoEnd, ManyEnds, DataBehind, ObjectBehind, StrayStart, BrokenXRefs, LyingXRef, InnerObject,
	UnlistedObject, NewerObject, TwiceObject, BrokenObject, EscapedName, TwiceKey, LyingLength, OddFilters, OuterData,
}

// Fact is something odd, with its first occurrences.
type Fact struct {
	Kind     FactKind
	Count    int
	Examples []Example
}

// Example is one occurrence of a fact.
type Example struct {
	Object ID     // that it is in; the zero ID if it is in none
	Offset int64  // in the file
	Detail string // may be empty
}

// facts gathers them.
type facts struct {
	most int
	all  map[FactKind]*Fact
}

func (f *facts) add(kind FactKind, id ID, at int64, detail string) {
	if f.all == nil {
		f.all = map[FactKind]*Fact{}
	}
	fact := f.all[kind]
	if fact == nil {
		fact = &Fact{Kind: kind}
		f.all[kind] = fact
	}
	fact.Count++
	if len(fact.Examples) < f.most {
		fact.Examples = append(fact.Examples, Example{id, at, detail})
	}
}

func (f *facts) list() []Fact {
	var list []Fact
	for _, kind := range factKinds {
		if fact := f.all[kind]; fact != nil {
			list = append(list, *fact)
		}
	}
	return list
}
