package index

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// bytesOf is a digest in a row: bytes if it is lower-case hex, otherwise the text behind a zero byte. nil for none.
func bytesOf(digest string) []byte {
	if digest == "" {
		return nil
	}
	if b, err := hex.DecodeString(digest); err == nil && strings.ToLower(digest) == digest && b[0] != 0 {
		return b
	}
	return append([]byte{0}, digest...)
}

func digestOf(b []byte) string {
	if len(b) > 0 && b[0] == 0 {
		return string(b[1:])
	}
	return hex.EncodeToString(b)
}

// Why a document is superseded: bits.
const (
	byVersion = 1 // there is a newer one with its ID
	byRun     = 2 // a newer run of another version of its author ended well
)

// traits are bits that say what a document has, so that its body is read only when needed.
const (
	hasNames  = 1 // features called filename
	hasStream = 2 // the file itself among its streams
	isSource  = 4 // it says where the file came from
	hasParent = 8
	hasInfo   = 16
)

// storedDocument is what the writer needs of a document that is there.
type storedDocument struct {
	doc, bin, label, version, timestamp int64
	superseded                          int64
	fact                                *int64
	id                                  string
}

const versionsSQL = `SELECT doc, bin, label, version_w, timestamp, superseded, fact, id FROM documents WHERE doc = ?`

// versions returns the documents with an ID, of all versions of their author.
func (w *writer) versions(id string) []storedDocument {
	var list []storedDocument
	for _, doc := range w.docsOf(keyID, textKey(id)) {
		var s storedDocument
		if w.one(versionsSQL, []any{doc}, &s.doc, &s.bin, &s.label, &s.version, &s.timestamp, &s.superseded, &s.fact, &s.id) && s.id == id {
			list = append(list, s)
		}
	}
	return list
}

// removes tells that a document stands for a removed event.
func (d *Document) removes() bool { return d.Action == "" && d.SHA256 == "" }

// document stores, replaces or removes a document. What comes of it is the same in whatever order documents and statuses
// arrive: of one ID and version the newest stays, and whether one is out of date depends on times only. body is bodyOf(d), packed.
func (w *writer) document(d *Document, body []byte) {
	if w.pendings[d.ID] {
		w.flush()
	}
	versions := w.versions(d.ID)
	if d.removes() {
		for _, s := range versions {
			w.remove(s.doc)
		}
		return
	}
	if w.deleting && w.deleted(d) {
		return
	}
	superseded, keep := w.byRuns(d)
	if !keep {
		return
	}
	version, now := w.word(d.Author.Version), micros(d.Timestamp)
	for _, s := range versions {
		if s.version == version && s.timestamp > now {
			return
		}
	}
	var newer, older []storedDocument
	for _, s := range versions {
		switch order := cmp.Or(cmp.Compare(s.timestamp, now), strings.Compare(w.text(s.version), d.Author.Version)); {
		case s.version == version:
			w.remove(s.doc)
		case order > 0:
			newer = append(newer, s)
		default:
			older = append(older, s)
		}
	}
	if len(newer) > 0 {
		superseded |= byVersion
	}
	for _, s := range older {
		w.supersede(s, s.superseded|byVersion)
	}
	w.add(d, superseded, body)
}

// text is the opposite of word.
func (w *writer) text(word int64) string {
	var text string
	w.one(`SELECT text FROM words WHERE word = ?`, []any{word}, &text)
	return text
}

const endedSQL = `SELECT input, plugin_w, version_w FROM statuses WHERE status = ? AND worth = ? AND timestamp > ? AND run <> ?`

// byRuns tells whether another run ended well after a document was made: one of its version takes its place, one of another supersedes it.
func (w *writer) byRuns(d *Document) (superseded int64, keep bool) {
	if d.Input == "" {
		return 0, true
	}
	keep = true
	for _, status := range w.docsOf(keyStatusInput, textKey(d.Input, d.Author.Name)) {
		var input string
		var plugin, version int64
		if !w.one(endedSQL, []any{status, worthSuccess, micros(d.Timestamp), d.Run}, &input, &plugin, &version) || input != d.Input || plugin != w.word(d.Author.Name) {
			continue
		}
		if version == w.word(d.Author.Version) {
			keep = false
		} else {
			superseded = byRun
		}
	}
	return superseded, keep
}

// supersede notes that a document is current or why it is not.
func (w *writer) supersede(s storedDocument, why int64) {
	if why == s.superseded {
		return
	}
	w.exec(`UPDATE documents SET superseded = ? WHERE doc = ?`, why, s.doc)
	w.touch(s.bin).again = true
	w.setMask(maskCurrent, uint32(s.doc), why == 0)
}

// reorder works out anew which of the versions with an ID is current.
func (w *writer) reorder(id string) {
	versions := w.versions(id)
	if len(versions) == 0 {
		return
	}
	texts := map[int64]string{}
	for _, s := range versions {
		texts[s.version] = w.text(s.version)
	}
	newest := slices.MaxFunc(versions, func(a, b storedDocument) int {
		return cmp.Or(cmp.Compare(a.timestamp, b.timestamp), strings.Compare(texts[a.version], texts[b.version]))
	})
	for _, s := range versions {
		why := s.superseded | byVersion
		if s.doc == newest.doc {
			why = s.superseded &^ byVersion
		}
		w.supersede(s, why)
	}
}

// anyRun is what a batch's documents of several runs have in inputs.
const anyRun = -1

// add gives a document its number and its terms; flush writes what waits.
func (w *writer) add(d *Document, superseded int64, body []byte) {
	bin := w.binary(d.SHA256)
	doc, label := uint32(w.nextDoc), w.label(d.Label)
	w.nextDoc++
	term := func(field, text string) { w.terms.add(w.field(field), text, doc) }
	d.attributes(term)
	term(fieldLabel, strconv.FormatInt(label, 10))
	var values []byte
	for i := range d.Features {
		f := &d.Features[i]
		v := value{field: w.field(valueField(f.Name)), text: f.Value, typ: w.word(f.Type), offset: f.Offset, length: f.Length}
		if f.Label != "" {
			v.label = w.word(f.Label)
		}
		w.terms.add(v.field, f.Value, doc)
		values = appendValue(values, v)
	}
	if superseded == 0 {
		w.setMask(maskCurrent, doc, true)
	}
	if curve := entropyOf(d.Info); curve != nil {
		w.changeAlike(int64(doc), curve)
	}
	w.documents.add(doc, bin, label, superseded, w.fact(bin, d), w.word(d.Action), w.word(d.Author.Category), w.word(d.Author.Name), w.word(d.Author.Version),
		micros(d.Timestamp), w.word(d.SourceName), micros(d.SourceTimestamp), d.depth(), d.traits(), len(d.Features), textKey(d.Run), d.ID, body, values)
	w.pendings[d.ID] = true
	if d.Input != "" {
		h, run := textKey(d.Input, d.Author.Name), textKey(d.Run)
		if of, ok := w.inputs[h]; ok && of != run {
			run = anyRun
		}
		w.inputs[h] = run
	}
	d.keys(func(kind, hash int64) { w.terms.add(kind, keyText(hash), doc) })
	w.setColumn(columnBin, doc, bin)
	w.setColumn(columnTime, doc, micros(d.Timestamp))
	w.setColumn(columnSourceTime, doc, micros(d.SourceTimestamp))
	t := w.touch(bin)
	if superseded == 0 {
		w.raise(bin, label, fileSeen, micros(d.Timestamp))
		w.raise(bin, label, fileSubmitted, micros(d.SourceTimestamp))
		w.raise(bin, label, fileSize, 1+max(0, d.Size))
	} else {
		t.again = true
	}
	w.counts["documents"]++
	w.counts["features"] += int64(len(d.Features))
}

// flush writes the documents that wait, so that they are found.
func (w *writer) flush() {
	w.files.write(w)
	w.said.write(w)
	w.documents.write(w)
	clear(w.pendings)
}

func (d *Document) traits() int {
	traits := 0
	for i := range d.Features {
		if d.Features[i].Name == "filename" {
			traits |= hasNames
		}
	}
	if slices.ContainsFunc(d.Streams, func(s Stream) bool { return d.own(&s) }) {
		traits |= hasStream
	}
	switch d.Action {
	case "sourced", "extracted", "mapped": // what plugins add to a file is no way in
		traits |= isSource
	}
	if linkOf(d).parent != nil {
		traits |= hasParent
	}
	if len(d.Info) > 0 && string(d.Info) != "null" {
		traits |= hasInfo
	}
	return traits
}

// touch notes that a file gained or lost a document.
type touch struct {
	again bool // its columns must be worked out from its documents again
}

func (w *writer) touch(bin int64) *touch {
	t := w.touched[bin]
	if t == nil {
		t = &touch{}
		w.touched[bin] = t
	}
	return t
}

// raise makes a number of a file at least so large.
func (w *writer) raise(bin, label int64, kind int, value int64) {
	c, i := w.column(fileColumn(label, kind), uint32(bin))
	c[i] = max(c[i], value)
}

// binary finds or makes the row of a file.
func (w *writer) binary(sha256 string) int64 {
	if bin, ok := w.bins[sha256]; ok {
		return bin
	}
	v := w.view()
	bin, err := v.row(sha256)
	if err != nil && w.err == nil {
		w.err = err
	}
	if bin == 0 {
		bin = w.nextBin
		w.nextBin++
		w.files.add(bin, bytesOf(sha256))
		w.facts[bin] = map[facts]int64{} // it has none yet
		w.counts["binaries"]++
	}
	w.bins[sha256] = bin
	return bin
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// remove takes a document out of everything.
func (w *writer) remove(doc int64) {
	var bin, n, traits int64
	var packed []byte
	var id string
	if !w.one(`SELECT bin, n_features, traits, body, id FROM documents WHERE doc = ?`, []any{doc}, &bin, &n, &traits, &packed, &id) {
		return
	}
	w.setMask(maskCurrent, uint32(doc), false)
	w.setMask(maskRemoved, uint32(doc), true)
	if traits&hasInfo != 0 {
		var b body
		if err := unpack(packed, &b); err != nil && w.err == nil {
			w.err = err
		}
		if entropyOf(b.Info) != nil {
			w.changeAlike(doc, nil)
		}
	}
	for _, column := range []int64{columnBin, columnTime, columnSourceTime} {
		w.setColumn(column, uint32(doc), 0)
	}
	w.exec(`DELETE FROM documents WHERE doc = ?`, doc)
	w.bereft[id] = true
	w.touch(bin).again = true
	w.counts["documents"]--
	w.counts["features"] -= n
}

// settle ends the batch for a file that lost a document: what no document says any more goes, and so does the file with the last of them.
func (w *writer) settle(bin int64, t *touch) {
	if !t.again {
		return
	}
	type seen struct{ seen, submitted, size int64 }
	labels := map[int64]seen{}
	used := map[int64]bool{}
	documents := 0
	w.rows(`SELECT d.label, d.superseded, d.fact, d.timestamp, d.source_time, coalesce(f.size, 0) FROM documents d LEFT JOIN facts f USING (fact) WHERE d.bin = ?`, []any{bin},
		func(scan scanner) error {
			var label, superseded, timestamp, source, size int64
			var fact *int64
			if err := scan(&label, &superseded, &fact, &timestamp, &source, &size); err != nil {
				return err
			}
			documents++
			if fact != nil {
				used[*fact] = true
			}
			if superseded == 0 {
				l := labels[label]
				labels[label] = seen{max(l.seen, timestamp), max(l.submitted, source), max(l.size, 1+size)}
			}
			return nil
		})
	w.rows(`SELECT label FROM labels`, nil, func(scan scanner) error {
		var label int64
		if err := scan(&label); err != nil {
			return err
		}
		if _, ok := labels[label]; !ok {
			labels[label] = seen{}
		}
		return nil
	})
	for label, l := range labels {
		for kind, value := range []int64{fileSeen: l.seen, fileSubmitted: l.submitted, fileSize: l.size} {
			w.setColumn(fileColumn(label, kind), uint32(bin), value)
		}
	}
	w.dropFacts(bin, used)
	if documents > 0 || w.err != nil {
		return
	}
	w.exec(`DELETE FROM binaries WHERE bin = ?`, bin)
	w.counts["binaries"]--
}

func textOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
