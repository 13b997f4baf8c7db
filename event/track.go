package event

import (
	"crypto/md5"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Track sets the tracking fields of binary and insert events, by which delete events name what must go (protocol 2.4).
// Whatever was in them is overwritten. Other models have none.
func Track(ev Event) {
	switch e := ev.(type) {
	case *Binary:
		e.TrackSourceReferences = trackReferences(&e.Source)
		e.TrackAuthors, e.TrackLinks = nil, nil
		for i := range e.Source.Path {
			node := &e.Source.Path[i]
			e.TrackAuthors = append(e.TrackAuthors, trackAuthor(&node.Author))
			if i > 0 {
				e.TrackLinks = append(e.TrackLinks, trackLink(e.Source.Path[i-1].SHA256, node))
			}
		}
	case *Insert:
		e.TrackAuthor = trackAuthor(&e.Entity.ChildHistory.Author)
		e.TrackLink = trackLink(e.Entity.ParentSHA256, &e.Entity.ChildHistory)
	}
}

// trackReferences names a submission: the source and the MD5 of "key.value." for each reference, by key.
func trackReferences(s *Source) string {
	sum := md5.New()
	for _, key := range slices.Sorted(maps.Keys(s.References)) {
		sum.Write([]byte(key + "." + s.References[key] + "."))
	}
	return s.Name + "." + hex.EncodeToString(sum.Sum(nil))
}

func trackAuthor(a *Author) string { return a.Category + "." + a.Name + "." + a.Version }

// trackLayout writes Z for UTC, otherwise sign and hours of the offset. The minutes of the offset are lost, as in the
// reference.
const trackLayout = "2006_01_02T15_04_05Z07_00"

func trackLink(parent string, node *PathNode) string {
	return parent + "." + node.SHA256 + "." + node.Timestamp.Format(trackLayout) + "." + trackAuthor(&node.Author)
}

// TrackHash is the xxHash64 of a tracking field or of a key. Headers of records have it in place of the text, so that an event
// which no deletion names is passed over without being decoded.
func TrackHash(value string) uint64 { return xxhash.Sum64String(value) }

// trackHashes returns the hashes of all tracking fields of an event, each once.
func trackHashes(b *Binary) []uint64 {
	if b.TrackSourceReferences == "" {
		return nil
	}
	list := make([]uint64, 0, 1+len(b.TrackAuthors)+len(b.TrackLinks))
	list = append(list, TrackHash(b.TrackSourceReferences))
	for _, values := range [][]string{b.TrackAuthors, b.TrackLinks} {
		for _, v := range values {
			if hash := TrackHash(v); !slices.Contains(list, hash) {
				list = append(list, hash)
			}
		}
	}
	return list
}
