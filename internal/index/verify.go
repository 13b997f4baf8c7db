package index

import (
	"context"
	"fmt"
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
	{"documents that are not found by their ID", fmt.Sprintf(`SELECT count(*) FROM documents WHERE doc NOT IN (SELECT row FROM keys WHERE kind = %d)`, keyID)},
	{"keys without their document", fmt.Sprintf(`SELECT count(*) FROM keys WHERE kind >= %d AND row NOT IN (SELECT doc FROM documents)`, keyID)},
	{"keys without their facts", fmt.Sprintf(`SELECT count(*) FROM keys WHERE kind BETWEEN %d AND %d AND row NOT IN (SELECT fact FROM facts)`, keySHA512, keyTLSH)},
	{"keys without their file", fmt.Sprintf(`SELECT count(*) FROM keys WHERE kind = %d AND row NOT IN (SELECT bin FROM binaries)`, keySHA256)},
	{"postings without their term", fmt.Sprintf(`SELECT count(*) FROM postings WHERE id >> %d NOT IN (SELECT term FROM terms WHERE docs IS NULL)`, pieceShift)},
	{"terms without their field", `SELECT count(*) FROM terms WHERE field NOT IN (SELECT field FROM fields)`},
	{"statuses that are not counted right", `SELECT count(*) FROM (SELECT plugin_w, version_w, state_w, label, count(*) AS n FROM statuses GROUP BY 1, 2, 3, 4
		EXCEPT SELECT plugin_w, version_w, state_w, label, n FROM states)`},
	{"counts that are wrong", `SELECT count(*) FROM (SELECT 'binaries' AS name, count(*) AS n FROM binaries UNION ALL SELECT 'documents', count(*) FROM documents
		UNION ALL SELECT 'features', coalesce(sum(n_features), 0) FROM documents UNION ALL SELECT 'statuses', count(*) FROM statuses
		UNION ALL SELECT 'dead', count(*) FROM dead) c LEFT JOIN counters USING (name) WHERE c.n <> coalesce(counters.n, 0)`},
}

// Verify: see Index.
func (s *SQLite) Verify(ctx context.Context, report func(fault string)) error {
	return s.see(ctx, Everyone, func(v view) error {
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
		return v.verifyDocuments(report)
	})
}

// verifyDocuments compares each document with its terms, in both directions, its columns, and the runs of its plugin.
func (v view) verifyDocuments(report func(fault string)) error {
	faults := map[string]int{}
	marks := map[int64]int64{} // term → sum over its documents; a hash, so that memory is bounded by the terms
	sums := func(term int64, doc uint32) { marks[term] += int64(uint64(doc+1) * 0x9e3779b97f4a7c15 >> 1) }
	err := v.eachTerm(func(term, field int64, text string, doc uint32) { sums(term, doc) }, func(string) { faults["terms with damaged documents"]++ })
	if err != nil {
		return err
	}
	negative := func(term int64, doc uint32) { marks[term] -= int64(uint64(doc+1) * 0x9e3779b97f4a7c15 >> 1) }
	current, err := v.number(`SELECT term FROM terms JOIN fields USING (field) WHERE name = ?`, fieldCurrent)
	if err != nil {
		return err
	}
	columns := map[int64]column{}
	for _, c := range []int64{columnBin, columnTime, columnSourceTime} {
		if columns[c], err = v.column(c); err != nil {
			return err
		}
	}
	type fileLabel struct{ bin, label int64 }
	newest := map[fileLabel]int64{}
	err = v.rows(`SELECT doc, bin, label, superseded, timestamp, source_time, features, terms, body FROM documents`, nil, func(scan scanner) error {
		var doc, bin, label, superseded, at, submitted int64
		var list, terms, packed []byte
		if err := scan(&doc, &bin, &label, &superseded, &at, &submitted, &list, &terms, &packed); err != nil {
			return err
		}
		seen := map[int64]bool{}
		if readValues(list, func(val value) {
			if !seen[val.term] {
				seen[val.term] = true
				negative(val.term, uint32(doc))
			}
		}) != nil || readTerms(terms, func(term int64) { negative(term, uint32(doc)) }) != nil || unpack(packed, &body{}) != nil {
			faults["documents that cannot be read"]++
		}
		if superseded == 0 {
			negative(current, uint32(doc))
			k := fileLabel{bin, label}
			newest[k] = max(newest[k], at)
		}
		if columns[columnBin].at(uint32(doc)) != bin || columns[columnTime].at(uint32(doc)) != at || columns[columnSourceTime].at(uint32(doc)) != submitted {
			faults["documents whose columns say something else"]++
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, sum := range marks {
		if sum != 0 {
			faults["terms whose documents do not have them, or that documents have and lack"]++
		}
	}
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
	if err := v.verifyRuns(faults); err != nil {
		return err
	}
	for fault, n := range faults {
		report(fmt.Sprintf("index: %d %s", n, fault))
	}
	return nil
}

// eachTerm goes through all terms and their documents.
func (v view) eachTerm(fn func(term, field int64, text string, doc uint32), damaged func(text string)) error {
	err := v.rows(`SELECT term, field, text, docs FROM terms WHERE docs IS NOT NULL`, nil, func(scan scanner) error {
		var term, field int64
		var text string
		var docs []byte
		if err := scan(&term, &field, &text, &docs); err != nil {
			return err
		}
		if _, err := readSmallSet(docs, func(doc uint32) { fn(term, field, text, doc) }); err != nil {
			damaged(text)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return v.rows(`SELECT id, docs FROM postings`, nil, func(scan scanner) error {
		var id int64
		var data []byte
		if err := scan(&id, &data); err != nil {
			return err
		}
		var p piece
		if p.decode(data) != nil {
			damaged("")
			return nil
		}
		for n := range bitset(p[:]).all() {
			fn(id>>pieceShift, 0, "", uint32(id&(1<<pieceShift-1))<<pieceBits|n)
		}
		return nil
	})
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
	err := v.rows(`SELECT input, plugin_w, timestamp, run FROM statuses WHERE input_hash IS NOT NULL AND worth = ?`, []any{worthSuccess}, func(scan scanner) error {
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
