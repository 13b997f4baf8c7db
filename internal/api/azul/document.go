package azul

import (
	"lazuli/internal/index"
)

// eventOf shows a document as the event that it was made of, with what the index adds. Clients take any keys here.
func eventOf(d *index.Document) map[string]any {
	out := map[string]any{
		"kafka_key": d.ID, "action": d.Action, "timestamp": stamp(d.Timestamp), "author": authorOf(d.Author), "security": d.Label,
		"position": d.Position, "superseded": d.Superseded,
		"entity": entityOf(d), "source": sourceWithPath(d),
		"track_source_references": d.TrackSourceReferences, "track_links": some(d.TrackLinks), "track_authors": some(d.TrackAuthors),
	}
	if d.Input != "" {
		out["input"], out["run"] = d.Input, d.Run
	}
	return out
}

func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

type documentEntity struct {
	FileInfo
	Features []documentFeature `json:"features"`
	Streams  []documentStream  `json:"datastreams"`
	Info     any               `json:"info,omitempty"`
}

type documentFeature struct {
	Name   string  `json:"name"`
	Type   string  `json:"type"`
	Value  string  `json:"value"`
	Label  string  `json:"label,omitempty"`
	Offset *uint64 `json:"offset,omitempty"`
	Size   *uint64 `json:"size,omitempty"`
}

type documentStream struct {
	FileInfo
	Label    string `json:"label"`
	Language string `json:"language,omitempty"`
}

func documentInfo(d *index.Document) FileInfo {
	return FileInfo{d.SHA256, d.SHA512, d.SHA1, d.MD5, d.SSDeep, d.TLSH, d.Size, d.FileFormat, d.Extension, d.MIME, d.Magic}
}

func entityOf(d *index.Document) documentEntity {
	e := documentEntity{FileInfo: documentInfo(d), Features: []documentFeature{}, Streams: []documentStream{}}
	for i := range d.Features {
		f := &d.Features[i]
		e.Features = append(e.Features, documentFeature{f.Name, f.Type, f.Value, f.Label, f.Offset, f.Length})
	}
	for i := range d.Streams {
		e.Streams = append(e.Streams, documentStream{streamInfo(&d.Streams[i]), d.Streams[i].Label, d.Streams[i].Language})
	}
	if len(d.Info) > 0 {
		e.Info = d.Info
	}
	return e
}

func sourceWithPath(d *index.Document) any {
	src := struct {
		eventSource
		Path []pathNode `json:"path"`
	}{eventSource: sourceOf(d), Path: []pathNode{}}
	for i := range d.Path {
		src.Path = append(src.Path, nodeOf(&d.Path[i]))
	}
	return src
}

func nodeOf(n *index.PathNode) pathNode {
	return pathNode{n.SHA256, n.Action, stamp(n.Timestamp), authorOf(n.Author), filled(n.Relationship), n.FileFormat, n.Size, n.Filename, n.Language, n.TrackLink}
}
