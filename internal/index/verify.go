package index

import (
	"context"
	"fmt"
	"math"
	"strconv"
)

// checks are what must not be found: each query counts faults.
var checks = []struct{ fault, query string }{
	{"documents without their file", `SELECT count(*) FROM documents WHERE bin NOT IN (SELECT bin FROM binaries)`},
	{"files without a document", `SELECT count(*) FROM binaries WHERE bin NOT IN (SELECT bin FROM documents)`},
	{"facts that no document states", `SELECT count(*) FROM facts f WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.bin = f.bin AND d.fact = f.fact)`},
	{"documents whose facts are not there", `SELECT count(*) FROM documents WHERE fact IS NOT NULL AND fact NOT IN (SELECT fact FROM facts)`},
	{"documents or statuses with a name that is not there", `SELECT (SELECT count(*) FROM documents WHERE author_w NOT IN (SELECT word FROM words)
		OR source_w NOT IN (SELECT word FROM words) OR action_w NOT IN (SELECT word FROM words) OR label NOT IN (SELECT label FROM labels))
		+ (SELECT count(*) FROM statuses WHERE plugin_w NOT IN (SELECT word FROM words) OR state_w NOT IN (SELECT word FROM words))`},
	{"parts of the index without their summary", `SELECT (SELECT count(*) FROM documents WHERE NOT EXISTS (SELECT 1 FROM segments WHERE base <= doc AND doc < until))
		+ (SELECT count(*) FROM statuses WHERE NOT EXISTS (SELECT 1 FROM segments WHERE base <= status AND status < until))`},
	{"statuses that are not counted right", `SELECT count(*) FROM (SELECT plugin_w, version_w, state_w, label, count(*) AS n FROM statuses GROUP BY 1, 2, 3, 4
		EXCEPT SELECT plugin_w, version_w, state_w, label, n FROM states)`},
	{"statuses that are not counted right by the hour", `SELECT count(*) FROM (SELECT plugin_w, version_w, timestamp / 3600000000, state_w, label, count(*) AS n FROM statuses
		GROUP BY 1, 2, 3, 4, 5 EXCEPT SELECT plugin_w, version_w, hour, state_w, label, n FROM hours)`},
	{"counts that are wrong", `SELECT count(*) FROM (SELECT 'binaries' AS name, count(*) AS n FROM binaries UNION ALL SELECT 'documents', count(*) FROM documents
		UNION ALL SELECT 'features', coalesce(sum(n_features), 0) FROM documents UNION ALL SELECT 'statuses', count(*) FROM statuses
		UNION ALL SELECT 'dead', count(*) FROM dead) c LEFT JOIN counters USING (name) WHERE c.n <> coalesce(counters.n, 0)`},
}

// Verify: see Index.
func (s *SQLite) Verify(ctx context.Context, report func(fault string)) error {
	return s.see(ctx, Everyone, func(v view) error {
		v.s.summaries.forget() // what is in memory may be better than the file
		v.s.latest.Store(nil)
		v.s.chunks.forget()
		v.s.blocks.forget()
		err := v.rows(`PRAGMA integrity_check`, nil, func(scan scanner) error {
			var line string
			err := scan(&line)
			if err == nil && line != "ok" {
				report("index: " + line)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, c := range checks {
			n, err := v.number(c.query)
			if err != nil {
				return err
			}
			if n > 0 {
				report(fmt.Sprintf("index: %d %s", n, c.fault))
			}
		}
		faults := map[string]int{}
		if err := v.verifyDocuments(faults); err != nil {
			return err
		}
		if err := v.verifyStatuses(faults); err != nil {
			return err
		}
		for fault, n := range faults {
			report(fmt.Sprintf("index: %d %s", n, fault))
		}
		return nil
	})
}

// verifyDocuments compares each document with its terms, in both directions, its columns, and the runs of its plugin.
func (v view) verifyDocuments(faults map[string]int) error {
	e, err := v.evaluate()
	if err != nil {
		return err
	}
	segments, err := v.segments(keySHA256)
	if err != nil {
		return err
	}
	sums, err := v.sumTerms(segments, 0, e.docs, faults)
	if err != nil {
		return err
	}
	current := newBitset(e.docs)
	if err := v.mask(maskCurrent, current); err != nil {
		return err
	}
	n, err := v.number(`SELECT count(*) FROM documents WHERE superseded = 0`)
	if err != nil {
		return err
	}
	if n != current.count() {
		faults["count of current documents that is wrong"]++
	}
	columns := map[int64]column{}
	for _, c := range []int64{columnBin, columnTime, columnSourceTime} {
		if columns[c], err = v.column(c); err != nil {
			return err
		}
	}
	type fileLabel struct{ bin, label int64 }
	newest := map[fileLabel]int64{}
	err = v.eachDocument(func(r *row, d *Document) error {
		d.attributes(func(field, text string) { sums.once(uint32(r.doc), e, field, text) })
		d.keys(func(kind, hash int64) { sums.add(uint32(r.doc), kind, keyText(hash)) })
		sums.once(uint32(r.doc), e, fieldLabel, strconv.FormatInt(r.label, 10))
		for i := range d.Features {
			sums.once(uint32(r.doc), e, valueField(d.Features[i].Name), d.Features[i].Value)
		}
		clear(sums.seen)
		if r.superseded == 0 {
			k := fileLabel{r.bin, r.label}
			newest[k] = max(newest[k], r.timestamp)
		}
		if current.has(uint32(r.doc)) != (r.superseded == 0) {
			faults["documents that are current and should not be, or the other way"]++
		}
		if columns[columnBin].at(uint32(r.doc)) != r.bin || columns[columnTime].at(uint32(r.doc)) != r.timestamp || columns[columnSourceTime].at(uint32(r.doc)) != r.sourceTime {
			faults["documents whose columns say something else"]++
		}
		return nil
	}, func() { faults["documents that cannot be read"]++ })
	if err != nil {
		return err
	}
	sums.faults(faults, "documents")
	for label := range v.labels {
		c, err := v.column(fileColumn(label, fileSeen))
		if err != nil {
			return err
		}
		c.each(func(bin uint32, at int64) {
			if k := (fileLabel{int64(bin), label}); newest[k] != at {
				faults["files whose times are not those of their documents"]++
			} else {
				delete(newest, k)
			}
		})
	}
	for _, at := range newest {
		if at != 0 {
			faults["files whose times are not those of their documents"]++
		}
	}
	return v.verifyRuns(faults)
}

// verifyStatuses compares each status with its keys, in both directions.
func (v view) verifyStatuses(faults map[string]int) error {
	segments, err := v.segments(keyStatus)
	if err != nil {
		return err
	}
	until, err := v.number(`SELECT coalesce(max(status) + 1, ?) FROM statuses`, int64(firstStatus))
	if err != nil {
		return err
	}
	until = min(max(until, firstStatus), math.MaxUint32)
	sums, err := v.sumTerms(segments, firstStatus, until, faults)
	if err != nil {
		return err
	}
	err = v.rows(`SELECT status, id, sha256, coalesce(input, ''), text FROM statuses JOIN words ON word = plugin_w`, nil, func(scan scanner) error {
		var st StatusDocument
		var number uint32
		var sha []byte
		err := scan(&number, &st.ID, &sha, &st.Input, &st.Author.Name)
		st.SHA256 = digestOf(sha)
		st.keys(func(kind, hash int64) { sums.add(number, kind, keyText(hash)) })
		clear(sums.seen)
		return err
	})
	sums.faults(faults, "statuses")
	return err
}

// termSums are, for each document or status from one on, the sum of hashes of the terms that have it less that of the terms that it has.
type termSums struct {
	first uint32
	of    []uint64
	seen  map[termKey]bool // of one document
}

// faults counts those whose sum is not 0.
func (t *termSums) faults(faults map[string]int, of string) {
	for _, sum := range t.of {
		if sum != 0 {
			faults[of+" that are not found by what they have, or by what they do not have"]++
		}
	}
}

func (t *termSums) once(doc uint32, e *eval, field, text string) {
	if n, err := e.field(field); err == nil {
		t.add(doc, n, text)
	}
}

func (t *termSums) add(doc uint32, field int64, text string) {
	if k := (termKey{field, text}); !t.seen[k] && doc >= t.first && int(doc-t.first) < len(t.of) {
		t.seen[k] = true
		t.of[doc-t.first] -= k.hash()
	}
}

func (k termKey) hash() uint64 { return uint64(textKey(strconv.FormatInt(k.field, 10), k.text)) }

// sumTerms reads segments, with documents or statuses from first on, until not among them.
func (v view) sumTerms(segments []segment, first, until int64, faults map[string]int) (*termSums, error) {
	sums := &termSums{uint32(first), make([]uint64, until-first), map[termKey]bool{}}
	gone, err := v.removed()
	if err != nil {
		return nil, err
	}
	for i := range segments {
		s := &segments[i]
		last := termKey{-1, ""}
		for number := range s.blocks {
			data, err := v.block(s, number, false)
			var entries []entry
			if err == nil {
				entries, err = readBlock(data, s.base)
			}
			if err != nil || len(entries) == 0 || entries[0].termKey != s.blocks[number].termKey {
				faults["damaged parts of terms"]++
				continue
			}
			for _, e := range entries {
				if e.compare(last) <= 0 {
					faults["terms that are not in their order"]++
				}
				last = e.termKey
				if s.filter.lacks(e.termKey) {
					faults["terms that their part does not say it has"]++
				}
				h := e.hash()
				if e.each(func(doc uint32) {
					if gone.has(doc) {
						return
					}
					if doc < s.base || doc >= s.until || int64(doc) >= until {
						faults["terms with documents of another part"]++
					} else {
						sums.of[doc-sums.first] += h
					}
				}) != nil {
					faults["terms with damaged documents"]++
				}
			}
		}
	}
	return sums, nil
}

// eachDocument reads all documents whole.
func (v view) eachDocument(fn func(*row, *Document) error, damaged func()) error {
	files := map[int64]string{}
	err := v.rows(`SELECT bin, sha256 FROM binaries`, nil, func(scan scanner) error {
		var bin int64
		var sha []byte
		err := scan(&bin, &sha)
		files[bin] = digestOf(sha)
		return err
	})
	if err != nil {
		return err
	}
	for bin, sha := range files {
		rows, err := v.documents(bin, true, false)
		if err != nil {
			return err
		}
		for i := range rows {
			d, err := v.document(&rows[i], sha)
			if err != nil {
				if v.ctx.Err() != nil {
					return err
				}
				damaged()
				continue
			}
			if err := fn(&rows[i], &d); err != nil {
				return err
			}
		}
	}
	return nil
}

// verifyRuns looks for documents that a later run has replaced.
func (v view) verifyRuns(faults map[string]int) error {
	type job struct {
		input  string
		author int64
	}
	type end struct {
		at  int64
		run string
	}
	ends := map[job][]end{}
	err := v.rows(`SELECT input, plugin_w, timestamp, run FROM statuses WHERE input IS NOT NULL AND worth = ?`, []any{worthSuccess}, func(scan scanner) error {
		var j job
		var e end
		err := scan(&j.input, &j.author, &e.at, &e.run)
		ends[j] = append(ends[j], e)
		return err
	})
	if err != nil {
		return err
	}
	return v.rows(`SELECT author_w, timestamp, superseded, body FROM documents`, nil, func(scan scanner) error {
		var author, at, superseded int64
		var packed []byte
		if err := scan(&author, &at, &superseded, &packed); err != nil {
			return err
		}
		var b body
		if superseded&byRun != 0 || unpack(packed, &b) != nil || b.Input == "" {
			return nil
		}
		for _, e := range ends[job{b.Input, author}] {
			if e.at > at && e.run != b.Run {
				faults["documents that a later run has replaced"]++
				break
			}
		}
		return nil
	})
}
