package indextest

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"lazuli/internal/index"
	"lazuli/internal/index/query"
)

// scripts runs testdata/*.txt, each with an index of its own. A command is applied or asked, and what comes of it stands below the line.
//
//	apply                         one batch, a record a line: see record
//	search | count QUERY a line   letters of the files that are found, in order
//	binary | documents | …        see answers
//
// Files are letters: a is the SHA-256 aaaa…. Times are seconds. see=A,B asks as somebody who may see the labels A and B; without it, as everyone.
func scripts(t *testing.T, open func(t *testing.T) index.Index) {
	_, here, _, _ := runtime.Caller(0)
	datadriven.Walk(t, filepath.Join(filepath.Dir(here), "testdata"), func(t *testing.T, path string) {
		b := &bench{t: t, idx: open(t)}
		defer b.end()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			b.t = t
			if d.Cmd == "apply" {
				return b.applyScript(d.Input)
			}
			answer := answers[d.Cmd]
			if answer == nil {
				d.Fatalf(t, "there is no command %s", d.Cmd)
			}
			text, err := answer(b, d)
			if err != nil {
				return "error: " + err.Error()
			}
			if text == "" {
				return "nothing"
			}
			return strings.TrimRight(text, "\n")
		})
	})
}

func (b *bench) applyScript(input string) string {
	var batch index.Batch
	for line := range strings.Lines(input) {
		if line = strings.TrimSpace(line); line != "" {
			b.record(&batch, words(b.t, line))
		}
	}
	b.apply(batch)
	if err := b.idx.Verify(b.t.Context(), func(fault string) { b.t.Error(fault) }); err != nil {
		b.t.Error(err)
	}
	return ""
}

// words splits a line at spaces; a word, or what follows =, may be in double quotes as Go writes them.
func words(t *testing.T, line string) []string {
	t.Helper()
	var list []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " ") {
		end := strings.IndexAny(line, ` "`)
		switch {
		case end < 0:
			return append(list, line)
		case line[end] == ' ':
			list, line = append(list, line[:end]), line[end:]
			continue
		}
		quoted, err := strconv.QuotedPrefix(line[end:])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		text, _ := strconv.Unquote(quoted)
		list, line = append(list, line[:end]+text), line[end+len(quoted):]
	}
	return list
}

// record adds one record to a batch:
//
//	doc ID FILE SECOND [key=value…]     a document; see setDocument
//	status ID FILE SECOND [key=value…]
//	plugin NAME VERSION [key=value…]
//	tag ID NAME [key=value…]
//	delete ID [ids=A,B | track=T | link=L | author=A] [at=SECOND]
//	gone doc|status|tag|deletion ID     a tombstone
func (b *bench) record(batch *index.Batch, w []string) {
	pairs := func(from int) []string { return w[min(from, len(w)):] }
	switch w[0] {
	case "doc":
		d := index.Document{ID: w[1], SHA256: sha(w[2]), Position: "topic/0/" + w[1], Action: "sourced", Author: index.Author{Name: "user"}, Timestamp: at(b.number(w[3])),
			SourceName: "src", SourceTimestamp: at(b.number(w[3])), Path: []index.PathNode{{SHA256: sha(w[2]), Action: "sourced"}}}
		for _, pair := range pairs(4) {
			key, value, _ := strings.Cut(pair, "=")
			b.setDocument(&d, key, value)
		}
		batch.Documents = append(batch.Documents, d)
	case "status":
		st := index.StatusDocument{ID: w[1], SHA256: sha(w[2]), Author: index.Author{Name: "P", Version: "1"}, State: "completed", Timestamp: at(b.number(w[3]))}
		for _, pair := range pairs(4) {
			key, value, _ := strings.Cut(pair, "=")
			into := map[string]*string{"author": &st.Author.Name, "version": &st.Author.Version, "state": &st.State, "input": &st.Input, "run": &st.Run, "label": &st.Label,
				"error": &st.Error, "message": &st.Message, "source": &st.SourceName}[key]
			*into = value
		}
		batch.Statuses = append(batch.Statuses, st)
	case "plugin":
		p := index.PluginDocument{Name: w[1], Version: w[2], Timestamp: at(1)}
		for _, pair := range pairs(3) {
			key, value, _ := strings.Cut(pair, "=")
			switch key {
			case "label":
				p.Security = value
			case "time":
				p.Timestamp = at(b.number(value))
			case "feature":
				parts := strings.SplitN(value, ":", 3)
				p.Features = append(p.Features, index.PluginFeature{Name: parts[0], Type: parts[1], Description: parts[2]})
			}
		}
		batch.Plugins = append(batch.Plugins, p)
	case "tag":
		t := index.Tag{ID: w[1], Name: w[2], Time: at(1), Owner: "somebody"}
		for _, pair := range pairs(3) {
			key, value, _ := strings.Cut(pair, "=")
			switch key {
			case "file":
				t.SHA256 = sha(value)
			case "value":
				t.Feature, t.Value, _ = strings.Cut(value, ":")
			case "label":
				t.Security = value
			case "owner":
				t.Owner = value
			case "time":
				t.Time = at(b.number(value))
			}
		}
		batch.Tags = append(batch.Tags, t)
	case "delete":
		del := index.Deletion{ID: w[1]}
		for _, pair := range pairs(2) {
			key, value, _ := strings.Cut(pair, "=")
			switch key {
			case "ids":
				del.IDs = strings.Split(value, ",")
			case "track":
				del.TrackSourceReferences = value
			case "link":
				del.TrackLink = value
			case "author":
				del.TrackAuthor = value
			case "at":
				del.Time = at(b.number(value))
			}
		}
		batch.Deletions = append(batch.Deletions, del)
	case "gone":
		switch w[1] {
		case "doc":
			batch.Documents = append(batch.Documents, index.Document{ID: w[2]})
		case "status":
			batch.Statuses = append(batch.Statuses, index.StatusDocument{ID: w[2]})
		case "tag":
			batch.Tags = append(batch.Tags, index.Tag{ID: w[2]})
		case "deletion":
			batch.Deletions = append(batch.Deletions, index.Deletion{ID: w[2]})
		}
	default:
		b.t.Fatalf("there is no record %q", w)
	}
}

// setDocument sets one thing of a document. f is name:type:value, or name:type:value@offset+length for a place in the file.
func (b *bench) setDocument(d *index.Document, key, value string) {
	texts := map[string]*string{"author": &d.Author.Name, "version": &d.Author.Version, "category": &d.Author.Category, "action": &d.Action, "label": &d.Label,
		"source": &d.SourceName, "input": &d.Input, "run": &d.Run, "format": &d.FileFormat, "mime": &d.MIME, "magic": &d.Magic, "ext": &d.Extension, "md5": &d.MD5, "sha1": &d.SHA1,
		"sha512": &d.SHA512, "ssdeep": &d.SSDeep, "tlsh": &d.TLSH, "track": &d.TrackSourceReferences}
	switch into := texts[key]; {
	case into != nil:
		*into = value
	case key == "name":
		d.Path[len(d.Path)-1].Filename = value
	case key == "size":
		d.Size = int64(b.number(value))
	case key == "submitted":
		d.SourceTimestamp = at(b.number(value))
	case key == "info":
		d.Info = json.RawMessage(value)
	case key == "link":
		d.TrackLinks = append(d.TrackLinks, value)
	case key == "trackauthor":
		d.TrackAuthors = append(d.TrackAuthors, value)
	case strings.HasPrefix(key, "ref."):
		if d.SourceReferences == nil {
			d.SourceReferences = map[string]string{}
		}
		d.SourceReferences[key[4:]] = value
	case key == "parent":
		d.Path[0].Action = d.Action
		d.Path = append([]index.PathNode{{SHA256: sha(value), Action: "sourced"}}, d.Path...)
	case key == "relation":
		d.Path[len(d.Path)-1].Relationship = map[string]string{"action": value}
	case key == "stream":
		label, letter, _ := strings.Cut(value, ":")
		d.Streams = append(d.Streams, index.Stream{Label: label, SHA256: sha(letter), Size: d.Size})
	case key == "f":
		parts := strings.SplitN(value, ":", 3)
		f := index.Feature{Name: parts[0], Type: parts[1], Value: parts[2]}
		if text, place, ok := strings.Cut(f.Value, "@"); ok {
			var offset, length uint64
			if n, err := fmt.Sscanf(place, "%d+%d", &offset, &length); n == 2 && err == nil {
				f.Value, f.Offset, f.Length = text, &offset, &length
			}
		}
		d.Features = append(d.Features, f)
	default:
		b.t.Fatalf("a document has no %s", key)
	}
}

func (b *bench) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// reader is who asks.
func reader(d *datadriven.TestData) index.Reader {
	var labels []string
	for _, arg := range d.CmdArgs {
		if arg.Key == "see" {
			labels = arg.Vals
		}
	}
	if labels == nil {
		return index.Everyone
	}
	return index.Reader{See: func(label string) bool { return slices.Contains(labels, label) }}
}

func argument(d *datadriven.TestData, key string) string {
	for _, arg := range d.CmdArgs {
		if arg.Key == key {
			return strings.Join(arg.Vals, ",")
		}
	}
	return ""
}

// lines calls fn with each line of the input.
func lines(d *datadriven.TestData, fn func(line string) (string, error)) (string, error) {
	var out strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(d.Input, "\n"), "\n") {
		text, err := fn(line)
		if err != nil {
			text = "error: " + err.Error()
		}
		fmt.Fprintf(&out, "%s\n", text)
	}
	return out.String(), nil
}

// letter is how scripts call a file.
func letter(sha256 string) string { return sha256[:1] }

// letters are those of hits, in order.
func letters(hits []index.Hit) string {
	var b strings.Builder
	for _, h := range hits {
		b.WriteString(letter(h.SHA256))
	}
	return b.String()
}

func second(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return strconv.Itoa(int(t.Sub(at(0)).Seconds()))
}

func values(list []index.ValueCount) string {
	var parts []string
	for _, v := range list {
		parts = append(parts, fmt.Sprintf("%s (%d)", v.Value, v.Count))
	}
	return strings.Join(parts, ", ")
}

func tagText(t index.Tag) string {
	on := t.Feature + ":" + t.Value
	if t.SHA256 != "" {
		on = letter(t.SHA256)
	}
	return fmt.Sprintf("%s on %s by %s", t.Name, on, t.Owner)
}

// now is when scripts search.
var now = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

func parse(text string) (query.Expr, error) { return query.Parse(text, now) }

// answers are what can be asked.
var answers = map[string]func(*bench, *datadriven.TestData) (string, error){
	"search": func(b *bench, d *datadriven.TestData) (string, error) {
		return lines(d, func(text string) (string, error) {
			q, err := parse(text)
			if err != nil {
				return "", err
			}
			o := index.SearchOptions{Limit: 100, Order: index.Order(argument(d, "order")), Ascending: argument(d, "way") == "up", Total: true}
			page, err := b.idx.Search(b.t.Context(), reader(d), q, o)
			if err != nil {
				return "", err
			}
			n, err := b.idx.Count(b.t.Context(), reader(d), q)
			if err != nil || n != *page.Total || n != int64(len(page.Hits)) {
				return "", fmt.Errorf("%d hits, a total of %d and a count of %d: %w", len(page.Hits), *page.Total, n, err)
			}
			return strings.TrimSpace(text + " → " + letters(page.Hits) + " " + page.Partial), nil
		})
	},
	"facets": func(b *bench, d *datadriven.TestData) (string, error) {
		q, err := parse(d.Input)
		if err != nil {
			return "", err
		}
		page, err := b.idx.Search(b.t.Context(), reader(d), q, index.SearchOptions{Limit: 1, Facets: strings.Split(argument(d, "of"), ",")})
		var out strings.Builder
		for _, f := range page.Facets {
			fmt.Fprintf(&out, "%s: %s\n", f.Field, values(f.Values))
		}
		return out.String(), err
	},
	"complete": func(b *bench, d *datadriven.TestData) (string, error) {
		return lines(d, func(line string) (string, error) {
			name, prefix, _ := strings.Cut(line, " ")
			list, err := b.idx.Complete(b.t.Context(), reader(d), query.Lookup(name), prefix, 5)
			return line + " → " + values(list), err
		})
	},
	"resolve": func(b *bench, d *datadriven.TestData) (string, error) {
		return lines(d, func(hash string) (string, error) {
			list, err := b.idx.Resolve(b.t.Context(), reader(d), hash)
			for i := range list {
				list[i] = letter(list[i])
			}
			return strings.Join(list, ""), err
		})
	},
	"hits": func(b *bench, d *datadriven.TestData) (string, error) {
		var files []string
		for _, l := range strings.Fields(d.Input) {
			files = append(files, sha(l))
		}
		list, err := b.idx.Hits(b.t.Context(), reader(d), files)
		var out strings.Builder
		for _, h := range list {
			var origins []string
			for _, o := range h.Origins {
				origins = append(origins, fmt.Sprintf("%s/%d at %s", o.Name, o.Depth, second(o.Timestamp)))
			}
			var tags []string
			for _, t := range h.Tags {
				tags = append(tags, t.Name)
			}
			fmt.Fprintf(&out, "%s known=%t stored=%t size=%d format=%s names=%v sources=%v origins=%v seen=%s features=%d children=%d tags=%v\n", letter(h.SHA256), h.Known, h.Stored, h.Size,
				h.FileFormat, h.Filenames, h.Sources, origins, second(h.LastSeen), h.Features, h.Children, tags)
		}
		return out.String(), err
	},
	"binary":    (*bench).binaryScript,
	"documents": (*bench).documentsScript,
	"links": func(b *bench, d *datadriven.TestData) (string, error) {
		var out strings.Builder
		for _, way := range []struct {
			name string
			list func(string) (index.LinkPage, error)
		}{
			{"children", func(cursor string) (index.LinkPage, error) {
				return b.idx.Children(b.t.Context(), reader(d), sha(d.Input[:1]), 2, cursor)
			}},
			{"parents", func(cursor string) (index.LinkPage, error) {
				return b.idx.Parents(b.t.Context(), reader(d), sha(d.Input[:1]), 2, cursor)
			}},
		} {
			for cursor, n := "", 0; n == 0 || cursor != ""; n++ {
				page, err := way.list(cursor)
				if err != nil {
					return "", err
				}
				fmt.Fprintf(&out, "%s, %d in all:", way.name, page.Total)
				for _, l := range page.Links {
					fmt.Fprintf(&out, " %s by %s (%s %s %v)", letter(l.SHA256), l.Plugin, l.Action, l.Filename, l.Relationship)
				}
				out.WriteByte('\n')
				cursor = page.Next
			}
		}
		return out.String(), nil
	},
	"stream": func(b *bench, d *datadriven.TestData) (string, error) {
		return lines(d, func(l string) (string, error) {
			st, err := b.idx.Stream(b.t.Context(), reader(d), sha(l))
			return fmt.Sprintf("%s %s of %d bytes, source %s, plugin %s", l, st.Label, st.Size, st.Source, st.Plugin), err
		})
	},
	"statuses": func(b *bench, d *datadriven.TestData) (string, error) {
		list, err := b.idx.Statuses(b.t.Context(), reader(d), sha(d.Input[:1]))
		var out strings.Builder
		for _, st := range list {
			fmt.Fprintf(&out, "%s %s %s %s at %s\n", st.ID, st.Author.Name, st.Author.Version, st.State, second(st.Timestamp))
		}
		return out.String(), err
	},
	"plugins": func(b *bench, d *datadriven.TestData) (string, error) {
		list, err := b.idx.Plugins(b.t.Context(), reader(d))
		var out strings.Builder
		for _, p := range list {
			fmt.Fprintf(&out, "%s %s %v", p.Name, p.Version, p.States)
			for _, text := range strings.FieldsFunc(argument(d, "since"), func(r rune) bool { return r == ',' }) {
				recent, err := b.idx.StatesSince(b.t.Context(), reader(d), p.Name, p.Version, at(b.number(text)))
				if err != nil {
					return "", err
				}
				fmt.Fprintf(&out, ", since %s %v", text, recent)
			}
			fmt.Fprintln(&out)
			states, err := b.idx.PluginStatuses(b.t.Context(), reader(d), p.Name, p.Version, 2)
			if err != nil {
				return "", err
			}
			for _, s := range states {
				fmt.Fprintf(&out, "  %s (%d):", s.State, s.Count)
				for _, st := range s.Items {
					fmt.Fprintf(&out, " %s", st.ID)
				}
				out.WriteByte('\n')
			}
		}
		return out.String(), err
	},
	"names": func(b *bench, d *datadriven.TestData) (string, error) {
		list, err := b.idx.FeatureNames(b.t.Context(), reader(d), argument(d, "author"), argument(d, "version"))
		var out strings.Builder
		for _, f := range list {
			fmt.Fprintf(&out, "%s type=%s tags=%v labels=%v", f.Name, f.Type, f.Tags, f.Labels)
			for _, about := range f.Descriptions {
				fmt.Fprintf(&out, " (%s %s: %s)", about.Author, about.Version, about.Text)
			}
			n, err := b.idx.CountValues(b.t.Context(), reader(d), f.Name, argument(d, "author"), argument(d, "version"))
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&out, " %d values\n", n)
		}
		return out.String(), err
	},
	"values": func(b *bench, d *datadriven.TestData) (string, error) {
		o := index.ValueOptions{Contains: argument(d, "contains"), AnyCase: argument(d, "case") == "any", Descending: argument(d, "way") == "down", Limit: 2}
		var out strings.Builder
		for n := 0; n == 0 || o.After != ""; n++ {
			page, err := b.idx.FeatureValues(b.t.Context(), reader(d), strings.TrimSpace(d.Input), o)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&out, "%d in all, %s:", page.Total, page.Type)
			for _, v := range page.Values {
				fmt.Fprintf(&out, " %q at %s", v.Value, second(v.Newest))
				for _, t := range v.Tags {
					fmt.Fprintf(&out, " (%s)", tagText(t))
				}
			}
			out.WriteByte('\n')
			o.After = page.Next
		}
		return out.String(), nil
	},
	"pivot": func(b *bench, d *datadriven.TestData) (string, error) {
		var ask []index.NameValue
		for line := range strings.Lines(d.Input) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			ask = append(ask, index.NameValue{Name: name, Value: value})
		}
		p, err := b.idx.Pivot(b.t.Context(), reader(d), ask, index.PivotOptions{})
		var out strings.Builder
		fmt.Fprintf(&out, "%d files %s\n", p.Files, p.Partial)
		for _, f := range p.Features {
			fmt.Fprintf(&out, "%s: %s\n", f.Name, values(f.Values))
		}
		return out.String(), err
	},
	"sources": func(b *bench, d *datadriven.TestData) (string, error) {
		list, err := b.idx.Sources(b.t.Context(), reader(d))
		var out strings.Builder
		for _, s := range list {
			fmt.Fprintf(&out, "%s: %d files, newest %s\n", s.Name, s.Files, second(s.Newest))
			groups, err := b.idx.Submissions(b.t.Context(), reader(d), s.Name, argument(d, "contains"), 10)
			if err != nil {
				return "", err
			}
			for _, g := range groups {
				var times []string
				for _, at := range g.Times {
					times = append(times, second(at))
				}
				fmt.Fprintf(&out, "  %s %v: %d files at %s\n", g.Track, g.References, g.Files, strings.Join(times, " "))
			}
		}
		return out.String(), err
	},
	"tags": func(b *bench, d *datadriven.TestData) (string, error) {
		var out strings.Builder
		counts, err := b.idx.FileTagCounts(b.t.Context(), reader(d))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "files: %s\n", values(counts))
		list, err := b.idx.ValueTags(b.t.Context(), reader(d), argument(d, "tag"), argument(d, "feature"))
		for _, t := range list {
			fmt.Fprintf(&out, "%s\n", tagText(t))
		}
		return out.String(), err
	},
	"similar": func(b *bench, d *datadriven.TestData) (string, error) {
		kind, text, _ := strings.Cut(strings.TrimSpace(d.Input), " ")
		var like index.Likeness
		switch kind {
		case "ssdeep":
			like.SSDeep = text
		case "tlsh":
			like.TLSH = text
		case "entropy":
			if err := json.Unmarshal([]byte(text), &like.Entropy); err != nil {
				return "", err
			}
		case "features":
			m, err := b.idx.SimilarFeatures(b.t.Context(), reader(d), sha(text), 10)
			var out strings.Builder
			fmt.Fprintf(&out, "%d values\n", m.Values)
			for _, f := range m.Matches {
				fmt.Fprintf(&out, "%s %.0f %% %s\n", letter(f.SHA256), f.Percent, values(f.Contributions))
			}
			return out.String(), err
		}
		list, err := b.idx.Similar(b.t.Context(), reader(d), like, 10)
		var out strings.Builder
		for _, m := range list {
			fmt.Fprintf(&out, "%s score %d distance %d\n", letter(m.SHA256), m.Score, m.Distance)
		}
		return out.String(), err
	},
	"counts": func(b *bench, d *datadriven.TestData) (string, error) {
		c, err := b.idx.Counts(b.t.Context())
		return fmt.Sprintf("%+v", c), err
	},
}

func (b *bench) binaryScript(d *datadriven.TestData) (string, error) {
	f, err := b.idx.Binary(b.t.Context(), reader(d), sha(d.Input[:1]))
	if errors.Is(err, index.ErrNotFound) {
		return "not known", nil
	}
	if err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "size=%d format=%s magic=%s md5=%s names=%v seen %s to %s\n", f.Size, f.FileFormat, f.Magic, f.MD5, f.Filenames, second(f.FirstSeen), second(f.LastSeen))
	for _, e := range f.Events {
		fmt.Fprintf(&out, "event %s %s %s\n", e.ID, e.Action, e.Position)
	}
	for _, s := range f.Sources {
		fmt.Fprintf(&out, "source %s depth %d root %s at %s %v\n", s.Name, s.Depth, letter(s.Root), second(s.Timestamp), s.References)
	}
	for _, v := range f.Features {
		fmt.Fprintf(&out, "feature %s %s %q by %s %s\n", v.Name, v.Type, v.Value, v.Plugin, v.Version)
	}
	for _, s := range f.Streams {
		fmt.Fprintf(&out, "stream %s %s by %s from %s\n", s.Label, letter(s.SHA256), s.Plugin, s.Source)
	}
	for name, info := range f.Info {
		fmt.Fprintf(&out, "info %s %s\n", name, info)
	}
	for _, l := range f.Children {
		fmt.Fprintf(&out, "child %s by %s %s\n", letter(l.SHA256), l.Plugin, l.Filename)
	}
	for _, l := range f.Parents {
		fmt.Fprintf(&out, "parent %s by %s\n", letter(l.SHA256), l.Plugin)
	}
	for _, s := range f.Statuses {
		fmt.Fprintf(&out, "status %s %s %s\n", s.Plugin, s.Version, s.State)
	}
	return out.String(), nil
}

func (b *bench) documentsScript(d *datadriven.TestData) (string, error) {
	f := index.DocumentFilter{Superseded: argument(d, "versions") == "all", Author: argument(d, "author")}
	list, more, err := b.idx.Documents(b.t.Context(), reader(d), sha(d.Input[:1]), f)
	var out strings.Builder
	for _, doc := range list {
		fmt.Fprintf(&out, "%s %s by %s %s at %s superseded=%t", doc.ID, doc.Action, doc.Author.Name, doc.Author.Version, second(doc.Timestamp), doc.Superseded)
		for _, v := range doc.Features {
			fmt.Fprintf(&out, " %s=%s", v.Name, v.Value)
		}
		out.WriteByte('\n')
	}
	if more {
		out.WriteString("more\n")
	}
	return out.String(), err
}
