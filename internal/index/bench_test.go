package index_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

// world makes files as a platform sees them: few sources, formats and plugins that are everywhere, names and values between frequent and
// unique, in proportions that are guesses: of 30 values of a file ten are like no other's, ten are shared by some, ten by very many.
type world struct {
	rng              *rand.Rand
	n                int
	source, format   *rand.Zipf
	medium, frequent *rand.Zipf
	feature, word    *rand.Zipf
}

func newWorld(seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 1))
	zipf := func(s float64, n uint64) *rand.Zipf { return rand.NewZipf(rng, s, 4, n-1) }
	return &world{rng: rng, source: zipf(1.5, 20), format: zipf(1.3, 60), medium: zipf(1.1, 100_000), frequent: zipf(1.3, 500), feature: zipf(1.1, 200), word: zipf(1.1, 20_000)}
}

var worldLabels = []string{"OFFICIAL TLP:CLEAR", "OFFICIAL TLP:GREEN", "OFFICIAL TLP:AMBER", "OFFICIAL TLP:AMBER+STRICT"}

func (w *world) label() string {
	switch n := w.rng.IntN(100); {
	case n < 70:
		return worldLabels[0]
	case n < 90:
		return worldLabels[1]
	case n < 98:
		return worldLabels[2]
	}
	return worldLabels[3]
}

func (w *world) hex(bytes int) string {
	b := make([]byte, bytes)
	for i := range b {
		b[i] = byte(w.rng.Uint32())
	}
	return hex.EncodeToString(b)
}

// ssdeep is a hash like no other; all are of one block size, so that each may be like each.
func (w *world) ssdeep() string {
	letters := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[w.rng.IntN(64)]
		}
		return string(b)
	}
	return "3072:" + letters(48) + ":" + letters(28)
}

func fileSHA(n int) string {
	sum := sha256.Sum256(strconv.AppendInt(nil, int64(n), 10))
	return hex.EncodeToString(sum[:])
}

func (w *world) value(i int) index.Feature {
	switch i % 3 {
	case 0: // like no other
		switch w.rng.IntN(4) {
		case 0:
			return index.Feature{Name: "url", Type: "uri", Value: fmt.Sprintf("http://host%d.example%d.com/%s?id=%d", w.medium.Uint64(), w.frequent.Uint64(), w.hex(6), w.rng.IntN(1000))}
		case 1:
			return index.Feature{Name: "section_md5", Type: "string", Value: w.hex(16)}
		case 2:
			return index.Feature{Name: "embedded_path", Type: "filepath", Value: fmt.Sprintf(`C:\Users\user%d\AppData\word%d\%s.tmp`, w.medium.Uint64(), w.word.Uint64(), w.hex(4))}
		}
		return index.Feature{Name: "timestamp_seen", Type: "datetime", Value: time.Unix(1_500_000_000+w.rng.Int64N(200_000_000), 0).UTC().Format(time.RFC3339)}
	case 1:
		return index.Feature{Name: fmt.Sprintf("medium_%d", w.feature.Uint64()), Type: "string", Value: fmt.Sprintf("function_name_%d", w.medium.Uint64())}
	}
	if w.rng.IntN(4) == 0 {
		return index.Feature{Name: "section_count", Type: "integer", Value: fmt.Sprint(w.frequent.Uint64())}
	}
	return index.Feature{Name: fmt.Sprintf("frequent_%d", w.feature.Uint64()), Type: "string", Value: fmt.Sprintf("box_type_%d", w.frequent.Uint64())}
}

// file makes the documents of one more file: what was submitted and what two plugins found. Every tenth comes out of the one before.
func (w *world) file() []index.Document {
	n := w.n
	w.n++
	sha := fileSHA(n)
	at := time.Unix(1_700_000_000+int64(n), 0).UTC()
	format := w.format.Uint64()
	source := fmt.Sprintf("source_%d", w.source.Uint64())
	name := fmt.Sprintf("word%d_word%d.ext%d", w.word.Uint64(), w.word.Uint64(), format)
	if w.rng.IntN(3) == 0 {
		name = w.hex(8) + ".bin"
	}
	base := index.Document{SHA256: sha, Position: fmt.Sprintf("azul.lazuli.%s.binary.sourced/0/%d", source, n), Action: "sourced", Label: w.label(),
		Author: index.Author{Category: "user", Name: fmt.Sprintf("user%d", w.source.Uint64())}, Timestamp: at, SourceName: source, SourceTimestamp: at,
		SourceReferences: map[string]string{"user": fmt.Sprintf("user%d", w.source.Uint64()), "case": fmt.Sprint(w.medium.Uint64())},
		Path:             []index.PathNode{{SHA256: sha, Action: "sourced", Author: index.Author{Category: "user", Name: "user1"}, Filename: name, Size: int64(n), Timestamp: at}},
		Size:             int64(w.rng.ExpFloat64() * 300_000), SHA512: w.hex(64), SHA1: w.hex(20), MD5: w.hex(16), SSDeep: w.ssdeep(), TLSH: "T1" + w.hex(35),
		MIME: fmt.Sprintf("application/x-format%d", format), Magic: fmt.Sprintf("Format %d executable, version %d", format, w.frequent.Uint64()),
		FileFormat: fmt.Sprintf("family%d/format%d", format%7, format), Extension: fmt.Sprintf("ext%d", format)}
	base.TrackSourceReferences = source + "." + base.SourceReferences["case"]
	base.Streams = []index.Stream{{Label: "content", SHA256: sha, SHA512: base.SHA512, SHA1: base.SHA1, MD5: base.MD5, SSDeep: base.SSDeep, TLSH: base.TLSH, Size: base.Size, MIME: base.MIME, Magic: base.Magic,
		FileFormat: base.FileFormat, Extension: base.Extension, IdentifyVersion: 1}}
	if n%10 == 9 {
		base.Action = "extracted"
		base.Path = append([]index.PathNode{{SHA256: fileSHA(n - 1), Action: "sourced", Filename: "parent", Timestamp: at}}, base.Path...)
		base.Path[1].Action = "extracted"
		base.TrackLinks = []string{fileSHA(n-1) + "." + sha}
	}
	var docs []index.Document
	for i, plugin := range []string{"", "Metadata", "Strings"} {
		d := base
		d.ID = fmt.Sprintf("%s.%d", sha[:32], i)
		if plugin != "" {
			d.Action, d.Author, d.Streams = "enriched", index.Author{Category: "plugin", Name: plugin, Version: "1"}, nil
			d.Path = append(slices.Clone(d.Path), index.PathNode{SHA256: sha, Action: "enriched", Author: d.Author, Timestamp: at})
			d.Input, d.Run = docs[0].ID, w.hex(8)
			d.Timestamp = at.Add(time.Second)
		}
		values := 12
		if i == 0 {
			values = 6
		}
		for j := range values {
			d.Features = append(d.Features, w.value(j))
		}
		docs = append(docs, d)
	}
	return docs
}

func (w *world) batch(files int) index.Batch {
	var b index.Batch
	for range files {
		docs := w.file()
		b.Documents = append(b.Documents, docs...)
		for _, d := range docs[1:] {
			b.Statuses = append(b.Statuses, index.StatusDocument{ID: "s" + d.ID, SHA256: d.SHA256, Author: d.Author, Label: d.Label, Input: d.Input, Run: d.Run, State: "completed",
				Timestamp: d.Timestamp.Add(time.Millisecond), Runtime: .1, SourceName: d.SourceName, ResultsStored: 1})
		}
	}
	b.Offsets = map[string]int64{"t/0": int64(w.n)}
	return b
}

// queries are a mix of what analysts and pages ask.
func (w *world) queries(n int) []string {
	makers := []func() string{
		func() string { return "" },
		func() string { return fmt.Sprintf("source.name:source_%d", w.source.Uint64()) },
		func() string {
			return fmt.Sprintf(`file_format:"family%d/format%d"`, w.format.Uint64()%7, w.format.Uint64())
		},
		func() string { return fmt.Sprintf("file_format:family%d*", w.rng.IntN(7)) },
		func() string { return fmt.Sprintf("source.name:source_%d size:>100kb", w.source.Uint64()) },
		func() string {
			return fmt.Sprintf(`features_map.frequent_%d:box_type_%d`, w.feature.Uint64(), w.frequent.Uint64())
		},
		func() string {
			return fmt.Sprintf(`features.name:frequent_%d DOCAND features.value:box_type_%d`, w.feature.Uint64(), w.frequent.Uint64())
		},
		func() string { return fmt.Sprintf(`features.value:function_name_%d`, w.medium.Uint64()) },
		func() string { return fmt.Sprintf(`features.value:function_name_%d*`, w.medium.Uint64()) },
		func() string { return fmt.Sprintf(`features.name:medium_%d -source.name:source_0`, w.feature.Uint64()) },
		func() string { return fmt.Sprintf(`word%d`, w.word.Uint64()) },
		func() string { return fmt.Sprintf(`box_type_%d`, w.frequent.Uint64()) },
		func() string { return fileSHA(w.rng.IntN(w.n)) },
		func() string { return fileSHA(w.rng.IntN(w.n))[:8] },
		func() string { return fmt.Sprintf(`filename:word%d_*`, w.word.Uint64()) },
		func() string { return fmt.Sprintf(`features.enriched.hostname:host%d*`, w.medium.Uint64()) },
		func() string {
			return fmt.Sprintf(`features.enriched.filepath.tree:"C:/Users/user%d"`, w.medium.Uint64())
		},
		func() string {
			return fmt.Sprintf(`features.enriched.integer:[%d TO %d]`, w.rng.IntN(20), 20+w.rng.IntN(100))
		},
		func() string {
			return fmt.Sprintf(`(source.name:source_%d OR source.name:source_%d) AND features.name:url`, w.source.Uint64(), w.source.Uint64())
		},
		func() string {
			return fmt.Sprintf(`timestamp:>=%d action:extracted`, (1_700_000_000+w.rng.IntN(w.n))*1000)
		},
		func() string { return fmt.Sprintf(`depth:0 author.name:user%d`, w.source.Uint64()) },
		func() string {
			return fmt.Sprintf(`source.name:source_%d DOCAND depth:0 DOCAND source.encoded_references.key_value:"case.%d"`, w.source.Uint64(), w.medium.Uint64())
		},
	}
	list := make([]string, n)
	for i := range list {
		list[i] = makers[i%len(makers)]()
	}
	return list
}

func benchFiles() int {
	if n, err := strconv.Atoi(os.Getenv("LAZULI_BENCH_FILES")); err == nil && n > 0 {
		return n
	}
	return 50_000
}

// filled is an index with LAZULI_BENCH_FILES files, kept at LAZULI_BENCH_INDEX between runs if that is set.
func filled(b *testing.B) (*index.SQLite, *world) {
	b.Helper()
	path := os.Getenv("LAZULI_BENCH_INDEX")
	if path == "" {
		path = filepath.Join(b.TempDir(), "index.db")
	}
	w := newWorld(7)
	s := open(b, path)
	b.Cleanup(func() { s.Close() })
	files := benchFiles()
	if c, err := s.Counts(b.Context()); err != nil || c.Binaries > 0 {
		if err != nil || c.Binaries != int64(files) {
			b.Fatalf("%s has %d files: %v", path, c.Binaries, err)
		}
		w.n = files
		return s, w
	}
	begun, last := time.Now(), time.Now()
	var applying time.Duration
	for w.n < files {
		batch := w.batch(min(100, files-w.n))
		at := time.Now()
		if err := s.Apply(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		applying += time.Since(at)
		if w.n%50_000 == 0 {
			c, _ := s.Counts(b.Context())
			b.Logf("%d files, %d values: %.0f files/s, %.0f values/s of applying; the last 50,000 in %v", c.Binaries, c.Features, float64(c.Binaries)/applying.Seconds(),
				float64(c.Features)/applying.Seconds(), time.Since(last).Round(time.Second))
			last = time.Now()
		}
	}
	c, err := s.Counts(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d files, %d documents, %d values in %v (%v of it applying): %.0f values/s; %d bytes, %.1f a value", c.Binaries, c.Documents, c.Features, time.Since(begun).Round(time.Second),
		applying.Round(time.Second), float64(c.Features)/applying.Seconds(), info.Size(), float64(info.Size())/float64(c.Features))
	for _, line := range s.Sizes(b.Context()) {
		b.Log(line)
	}
	return s, w
}

// see sees three of the four labels.
var see = index.Reader{See: func(label string) bool { return label != worldLabels[3] }}

// BenchmarkQueries asks 200 different queries for their first page, and tells how long the slowest took.
func BenchmarkQueries(b *testing.B) {
	s, w := filled(b)
	list := w.queries(200)
	times := make([]time.Duration, 0, len(list))
	hits := 0
	for b.Loop() {
		times = times[:0]
		for _, text := range list {
			expr, err := query.Parse(text, time.Now())
			if err != nil {
				b.Fatal(text, err)
			}
			at := time.Now()
			page, err := s.Search(b.Context(), see, expr, index.SearchOptions{Limit: 50})
			if err != nil {
				b.Fatal(text, err)
			}
			took := time.Since(at)
			times = append(times, took)
			hits += len(page.Hits)
			if took > 50*time.Millisecond || page.Partial != "" {
				b.Logf("%v %d hits %s: %s", took.Round(time.Millisecond), len(page.Hits), page.Partial, text)
			}
		}
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms/p50")
	b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "ms/p95")
	b.ReportMetric(float64(times[len(times)-1].Microseconds())/1000, "ms/max")
	b.ReportMetric(float64(hits)/float64(b.N*len(list)), "hits/query")
}

// BenchmarkFacets counts the matches of broad queries and the values of four fields among them.
func BenchmarkFacets(b *testing.B) {
	s, _ := filled(b)
	for _, text := range []string{"", "source.name:source_0", "features.name:url", "features.value:function_name_5"} {
		expr, err := query.Parse(text, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		for _, facets := range [][]string{nil, {"file_format"}, {"source.name"}, {"features.name"}, {"filename"}, {"features_map.frequent_0"}} {
			b.Run(fmt.Sprintf("%s/%v", text, facets), func(b *testing.B) {
				approx := false
				for b.Loop() {
					page, err := s.Search(b.Context(), see, expr, index.SearchOptions{Limit: 1, Total: true, Facets: facets})
					if err != nil {
						b.Fatal(err)
					}
					for _, f := range page.Facets {
						approx = approx || f.Approx
					}
				}
				if approx {
					b.ReportMetric(1, "approximate")
				}
			})
		}
	}
}

// BenchmarkLookups asks for what a page of one file shows, a different file or value each time, and tells how long most of them took.
func BenchmarkLookups(b *testing.B) {
	s, w := filled(b)
	ctx := b.Context()
	file := func() string { return fileSHA(w.rng.IntN(w.n)) }
	for _, look := range []struct {
		name string
		fn   func() error
	}{
		{"metadata", func() error {
			_, err := s.Binary(ctx, see, file())
			return err
		}},
		{"pivot", func() error {
			_, err := s.Pivot(ctx, see, []index.NameValue{{Name: fmt.Sprintf("medium_%d", w.feature.Uint64()), Value: fmt.Sprintf("function_name_%d", w.medium.Uint64())}}, index.PivotOptions{})
			return err
		}},
		{"ssdeep", func() error {
			_, err := s.Similar(ctx, see, index.Likeness{SSDeep: w.ssdeep()}, 50)
			return err
		}},
		{"tlsh", func() error {
			_, err := s.Similar(ctx, see, index.Likeness{TLSH: "T1" + w.hex(35)}, 50)
			return err
		}},
		{"similar values", func() error {
			_, err := s.SimilarFeatures(ctx, see, file(), 50)
			return err
		}},
		{"completion", func() error {
			_, err := s.Complete(ctx, see, query.Lookup("features.value"), fmt.Sprintf("function_name_%d", w.medium.Uint64()%100), 10)
			return err
		}},
	} {
		b.Run(look.name, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				at := time.Now()
				// Of a file that the reader does not see there is nothing to find.
				if err := look.fn(); err != nil && !errors.Is(err, index.ErrNotFound) {
					b.Fatal(err)
				}
				times = append(times, time.Since(at))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms/p50")
			b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "ms/p95")
		})
	}
}

// BenchmarkWhileIngesting ingests, with and without five searches a second beside it.
func BenchmarkWhileIngesting(b *testing.B) {
	s, w := filled(b)
	list := w.queries(200)
	w.n += 10_000_000
	for _, searching := range []bool{false, true} {
		b.Run(fmt.Sprintf("searching=%t", searching), func(b *testing.B) {
			var times []time.Duration
			var readers sync.WaitGroup
			done := make(chan struct{})
			var next atomic.Int64
			if searching {
				readers.Go(func() {
					tick := time.NewTicker(200 * time.Millisecond)
					defer tick.Stop()
					for {
						select {
						case <-done:
							return
						case <-tick.C:
						}
						expr, _ := query.Parse(list[int(next.Add(1))%len(list)], time.Now())
						at := time.Now()
						if _, err := s.Search(b.Context(), see, expr, index.SearchOptions{Limit: 50}); err != nil {
							b.Error(err)
						}
						times = append(times, time.Since(at))
					}
				})
			}
			files, values := 0, 0
			var applying time.Duration
			for b.Loop() {
				batch := w.batch(100)
				at := time.Now()
				if err := s.Apply(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
				applying += time.Since(at)
				files += 100
				values += 3000
			}
			close(done)
			readers.Wait()
			b.ReportMetric(float64(files)/applying.Seconds(), "files/s")
			b.ReportMetric(float64(values)/applying.Seconds(), "values/s")
			if len(times) > 0 {
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms/p50")
				b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "ms/p95")
			}
		})
	}
}
