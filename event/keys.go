package event

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Keys is a way of making event keys: 32 lower-case hex digits, the MD5 of a descriptor. Events with the same key replace
// one another, in the log and in the index.
//
//	model                        descriptor
//	binary                       see Descriptor
//	status                       what `dequeued` names, author.name
//	plugin                       entity.name, entity.version
//	insert                       entity.parent_sha256, entity.child.sha256, entity.child_history.author.name
//	delete, download, retrohunt  32 random bytes
//
// The parts are joined by dots; KeysV2 escapes the parts of plugin and insert as Descriptor does. What a status's `dequeued`
// names is JobID.Run if it is one of our job ids, so that all attempts share one key, otherwise the text itself.
type Keys string

const (
	// KeysV2 tells apart trees that differ in their root only, and does not depend on the zone in which a time was written.
	KeysV2 Keys = "v2"
	// KeysAzul is the reference's way to the letter (protocol 2.3), for a log that is shared with it.
	KeysAzul Keys = "azul"
)

// Valid returns nil for a way that is known.
func (k Keys) Valid() error {
	if k == KeysV2 || k == KeysAzul {
		return nil
	}
	return fmt.Errorf("keys %.40q are not known: use %s or %s", string(k), KeysV2, KeysAzul)
}

// Assign sets the event's key, whatever was there. It fails for a binary event without a path.
func (k Keys) Assign(ev Event) error {
	if err := k.Valid(); err != nil {
		return err
	}
	var descriptor string
	switch e := ev.(type) {
	case *Binary:
		if len(e.Source.Path) == 0 {
			return errors.New("source.path is empty: a binary event gets its key from it")
		}
		descriptor = k.Descriptor(e)
	case *Status:
		descriptor = e.Entity.Input.Dequeued
		if id, ok := ParseJobID(descriptor); ok {
			descriptor = id.Run()
		}
		descriptor += "." + e.Author.Name
	case *Plugin:
		descriptor = k.join(e.Entity.Name, e.Entity.Version)
	case *Insert:
		descriptor = k.join(e.Entity.ParentSHA256, e.Entity.Child.SHA256, e.Entity.ChildHistory.Author.Name)
	case *Delete, *Download, *Retrohunt:
		random := make([]byte, 32)
		rand.Read(random) // never fails: it ends the process first
		descriptor = string(random)
	default:
		return fmt.Errorf("there are no keys for %T", ev)
	}
	sum := md5.Sum([]byte(descriptor))
	ev.Header().KafkaKey = hex.EncodeToString(sum[:])
	return nil
}

// join makes the descriptor of a few parts.
func (k Keys) join(parts ...string) string {
	if k == KeysV2 {
		for i, p := range parts {
			parts[i] = escaper.Replace(p)
		}
	}
	return strings.Join(parts, ".")
}

// Descriptor returns what the key of a binary event is made from. It has, in this order, each part followed by a dot:
//
//	source.name, source.security, source.timestamp to the second (2006-01-02T15:04:05)
//	key and value of each of source.references
//	key and value of each of source.settings
//	the distinct author.security of all path nodes, sorted, without empty ones
//	KeysV2 only: author.name, action, sha256 of the first path node, if there are more than two
//	author.name, action, sha256 of the second-last path node, if there are two
//	author.name, action, sha256 of the last path node
//
// KeysAzul sorts references and settings by "key.value" and writes the time in the offset that it has.
//
// KeysV2 sorts them by key and writes the time in UTC. It ends every group above (every line) by a semicolon, leaves out the
// groups of nodes that there are not, and puts a backslash before every backslash, dot and semicolon of a part: no two different
// lists of parts have one descriptor.
//
// Neither looks at the author's version, features, streams or the event's own time, so what a newer run of a plugin
// finds replaces what an older one found.
func (k Keys) Descriptor(b *Binary) string {
	if k == KeysAzul {
		return azulDescriptor(b)
	}
	var d descriptorV2
	s := &b.Source
	d.group(s.Name, s.Security, s.Timestamp.UTC().Format(secondLayout))
	d.pairs(s.References)
	d.pairs(s.Settings)
	d.group(securities(s.Path)...)
	if len(s.Path) > 2 {
		d.node(&s.Path[0])
	}
	for i := max(0, len(s.Path)-2); i < len(s.Path); i++ {
		d.node(&s.Path[i])
	}
	return d.text.String()
}

const secondLayout = "2006-01-02T15:04:05"

type descriptorV2 struct{ text strings.Builder }

func (d *descriptorV2) group(parts ...string) {
	for _, p := range parts {
		d.text.WriteString(escaper.Replace(p))
		d.text.WriteByte('.')
	}
	d.text.WriteByte(';')
}

func (d *descriptorV2) pairs(m map[string]string) {
	parts := make([]string, 0, 2*len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, key, m[key])
	}
	d.group(parts...)
}

func (d *descriptorV2) node(n *PathNode) { d.group(n.Author.Name, string(n.Action), n.SHA256) }

var escaper = strings.NewReplacer(`\`, `\\`, `.`, `\.`, `;`, `\;`)

func azulDescriptor(b *Binary) string {
	s := &b.Source
	parts := []string{s.Name, s.Security, s.Timestamp.Format(time.RFC3339)[:len(secondLayout)]}
	parts = append(parts, azulPairs(s.References)...)
	parts = append(parts, azulPairs(s.Settings)...)
	parts = append(parts, securities(s.Path)...)
	for _, n := range s.Path[max(0, len(s.Path)-2):] {
		parts = append(parts, n.Author.Name, string(n.Action), n.SHA256)
	}
	return strings.Join(parts, ".") + "."
}

func azulPairs(m map[string]string) []string {
	pairs := make([]string, 0, len(m))
	for key, value := range m {
		pairs = append(pairs, key+"."+value)
	}
	slices.Sort(pairs)
	return pairs
}

// securities returns the distinct labels of the authors on the path, sorted, without the empty one.
func securities(path Path) []string {
	var labels []string
	for i := range path {
		if label := path[i].Author.Security; label != "" {
			labels = append(labels, label)
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}
