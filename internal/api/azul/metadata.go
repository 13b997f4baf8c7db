package azul

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lazuli/internal/index"
)

// binaryMetadata is all that is known of a file.
type binaryMetadata struct {
	Documents   documentCount   `json:"documents"`
	Security    []string        `json:"security,omitempty"`
	Sources     []binarySource  `json:"sources,omitempty"`
	Parents     []pathNode      `json:"parents,omitempty"`
	Children    []pathNode      `json:"children,omitempty"`
	Instances   []instance      `json:"instances,omitempty"`
	Features    []mergedFeature `json:"features,omitempty"`
	Streams     []mergedStream  `json:"streams,omitempty"`
	Info        []instanceInfo  `json:"info,omitempty"`
	Diagnostics []diagnostic    `json:"diagnostics,omitempty"`
	Tags        []entityTag     `json:"tags,omitempty"`
}

type documentCount struct {
	Count  int    `json:"count"`
	Newest string `json:"newest,omitempty"`
}

// binarySource is one source: submissions of the file itself, and of files that it was found in.
type binarySource struct {
	Source   string        `json:"source"`
	Direct   []eventSource `json:"direct"`
	Indirect []eventSource `json:"indirect"`
}

// instance is one author's word on the file. Its key is what features, streams and infos name it by.
type instance struct {
	Key      string `json:"key"`
	Author   author `json:"author"`
	Action   string `json:"action"`
	Stream   string `json:"stream,omitempty"`
	Features int    `json:"num_feature_values"`
}

type mergedFeature struct {
	Name      string        `json:"name"`
	Type      string        `json:"type"`
	Value     string        `json:"value"`
	Label     []string      `json:"label"`
	Parts     *featureParts `json:"parts,omitempty"`
	Instances []string      `json:"instances"`
	Location  [][2]uint64   `json:"location"` // first byte, and the one behind the last
	Tags      []featureTag  `json:"tags"`
}

type FileInfo struct {
	SHA256     string `json:"sha256,omitempty"`
	SHA512     string `json:"sha512,omitempty"`
	SHA1       string `json:"sha1,omitempty"`
	MD5        string `json:"md5,omitempty"`
	SSDeep     string `json:"ssdeep,omitempty"`
	TLSH       string `json:"tlsh,omitempty"`
	Size       int64  `json:"size"`
	FileFormat string `json:"file_format,omitempty"`
	Extension  string `json:"file_extension,omitempty"`
	MIME       string `json:"mime,omitempty"`
	Magic      string `json:"magic,omitempty"`
}

type mergedStream struct {
	FileInfo
	IdentifyVersion int      `json:"identify_version"`
	Language        string   `json:"language,omitempty"`
	Label           []string `json:"label"`
	Instances       []string `json:"instances"`
}

type instanceInfo struct {
	Info     json.RawMessage `json:"info"`
	Instance string          `json:"instance"`
}

type diagnostic struct {
	Severity string `json:"severity" enum:"info,warning,error"`
	ID       string `json:"id"`
	Title    string `json:"title"`
	Body     string `json:"body"`
}

// details are the parts of metadata that can be asked for.
var details = []string{"total_hits", "documents", "security", "sources", "features", "info", "datastreams", "instances", "parents", "children", "tags", "feature_tags"}

// known is what the index has of a file. Documents are the newest first.
type known struct {
	sha256            string
	documents         []index.Document
	more              bool // there are more documents than those
	children, parents index.LinkPage
	tags              []index.Tag
	valueTags         []index.Tag
}

// metadataOptions say which parts of it are wanted: of one instance or author only, and how many in each list.
type metadataOptions struct {
	details []string // none means all
	author  string
	bucket  int
}

func (o *metadataOptions) wants(detail string) bool {
	return len(o.details) == 0 || slices.Contains(o.details, detail)
}

// metadata puts what is known of a file together.
func metadata(k *known, o metadataOptions) binaryMetadata {
	b := builder{known: k, options: o, instances: map[string]*instance{}, features: map[[3]string]*mergedFeature{}, streams: map[string]*mergedStream{},
		sources: map[string]*binarySource{}, infos: map[string]bool{}}
	for i := range k.documents {
		b.add(&k.documents[i])
	}
	return b.build()
}

type builder struct {
	*known
	options   metadataOptions
	instances map[string]*instance
	features  map[[3]string]*mergedFeature
	streams   map[string]*mergedStream
	sources   map[string]*binarySource
	infos     map[string]bool
	labels    []string
	info      []instanceInfo
	content   bool
	out       binaryMetadata
}

// instanceKey names an author's word on a file.
func instanceKey(d *index.Document) string {
	return strings.Join([]string{d.Author.Category, d.Author.Name, d.Author.Version, d.Action}, ".")
}

func (b *builder) add(d *index.Document) {
	b.labels = append(b.labels, d.Label)
	b.addSource(d)
	key := instanceKey(d)
	if a := b.options.author; a != "" && a != key && a != d.Author.Name {
		return
	}
	if b.instances[key] == nil {
		b.instances[key] = &instance{Key: key, Author: authorOf(d.Author), Action: d.Action}
	}
	for i := range d.Features {
		b.addFeature(&d.Features[i], key)
	}
	for i := range d.Streams {
		b.addStream(&d.Streams[i], key)
	}
	if object(d.Info) && !b.infos[key+string(d.Info)] {
		b.infos[key+string(d.Info)] = true
		b.info = append(b.info, instanceInfo{d.Info, key})
	}
}

// addSource sorts a submission by whether the file itself was submitted.
func (b *builder) addSource(d *index.Document) {
	s := b.sources[d.SourceName]
	if s == nil {
		s = &binarySource{Source: d.SourceName, Direct: []eventSource{}, Indirect: []eventSource{}}
		b.sources[d.SourceName] = s
	}
	into := &s.Indirect
	if len(d.Path) == 0 || d.Path[0].SHA256 == d.SHA256 {
		into = &s.Direct
	}
	src := sourceOf(d)
	same := func(o eventSource) bool {
		return o.Track == src.Track && o.Timestamp == src.Timestamp && o.Security == src.Security && maps.Equal(o.Settings, src.Settings)
	}
	if !slices.ContainsFunc(*into, same) {
		*into = append(*into, src)
	}
}

func (b *builder) addFeature(f *index.Feature, key string) {
	id := [3]string{f.Name, f.Type, f.Value}
	m := b.features[id]
	if m == nil {
		m = &mergedFeature{Name: f.Name, Type: f.Type, Value: f.Value, Label: []string{}, Location: [][2]uint64{}, Tags: []featureTag{}, Parts: partsOf(f.Type, f.Value)}
		b.features[id] = m
	}
	if f.Label != "" {
		m.Label = insert(m.Label, f.Label)
	}
	if !slices.Contains(m.Instances, key) {
		m.Instances = insert(m.Instances, key)
		b.instances[key].Features++
	}
	if f.Offset != nil {
		place := [2]uint64{*f.Offset, *f.Offset}
		if f.Length != nil {
			place[1] += *f.Length
		}
		if !slices.Contains(m.Location, place) {
			m.Location = append(m.Location, place)
		}
	}
}

func (b *builder) addStream(s *index.Stream, key string) {
	b.content = b.content || s.Label == "content" && s.SHA256 == b.sha256
	m := b.streams[s.SHA256]
	if m == nil {
		m = &mergedStream{FileInfo: streamInfo(s), IdentifyVersion: s.IdentifyVersion, Language: s.Language}
		b.streams[s.SHA256] = m
	}
	m.Label, m.Instances = insert(m.Label, s.Label), insert(m.Instances, key)
}

func streamInfo(s *index.Stream) FileInfo {
	return FileInfo{s.SHA256, s.SHA512, s.SHA1, s.MD5, s.SSDeep, s.TLSH, s.Size, s.FileFormat, s.Extension, s.MIME, s.Magic}
}

// insert adds to a sorted list what is not in it.
func insert(list []string, text string) []string {
	at, there := slices.BinarySearch(list, text)
	if there {
		return list
	}
	return slices.Insert(list, at, text)
}

func (b *builder) build() binaryMetadata {
	o := &b.options
	b.out.Documents = documentCount{Count: len(b.documents)}
	if len(b.documents) > 0 {
		b.out.Documents.Newest = stamp(b.documents[0].Timestamp)
	}
	if o.wants("security") {
		b.out.Security = distinct(b.labels)
	}
	if o.wants("sources") {
		for _, name := range slices.Sorted(maps.Keys(b.sources)) {
			s := b.sources[name]
			for _, list := range []*[]eventSource{&s.Direct, &s.Indirect} {
				slices.SortStableFunc(*list, func(x, y eventSource) int { return strings.Compare(y.Timestamp, x.Timestamp) })
			}
			b.out.Sources = append(b.out.Sources, *s)
		}
	}
	if o.wants("instances") {
		b.out.Instances = bucket(b, "instances", sortedValues(b.instances, func(x, y *instance) int { return strings.Compare(x.Key, y.Key) }))
	}
	if o.wants("features") {
		b.out.Features = bucket(b, "features", b.tagged(sortedValues(b.features, compareFeatures)))
	}
	if o.wants("datastreams") {
		b.out.Streams = bucket(b, "streams", sortedValues(b.streams, func(x, y *mergedStream) int { return strings.Compare(x.SHA256, y.SHA256) }))
	}
	if o.wants("info") {
		slices.SortStableFunc(b.info, func(x, y instanceInfo) int { return strings.Compare(x.Instance, y.Instance) })
		b.out.Info = bucket(b, "info", b.info)
	}
	if o.wants("children") {
		b.out.Children = b.relatives("children", &b.children)
	}
	if o.wants("parents") {
		b.out.Parents = b.relatives("parents", &b.parents)
	}
	if o.wants("tags") {
		b.out.Tags = entityTags(b.tags)
	}
	b.diagnose()
	return b.out
}

func compareFeatures(x, y *mergedFeature) int {
	return cmp.Or(strings.Compare(x.Name, y.Name), strings.Compare(x.Value, y.Value), strings.Compare(x.Type, y.Type))
}

// tagged adds to features the tags that their values have.
func (b *builder) tagged(list []mergedFeature) []mergedFeature {
	if !b.options.wants("feature_tags") {
		return list
	}
	byValue := map[[2]string][]index.Tag{}
	for _, t := range b.valueTags {
		id := [2]string{t.Feature, t.Value}
		byValue[id] = append(byValue[id], t)
	}
	for i := range list {
		list[i].Tags = featureTags(byValue[[2]string{list[i].Name, list[i].Value}])
	}
	return list
}

func (b *builder) relatives(name string, page *index.LinkPage) []pathNode {
	var out []pathNode
	for i := range page.Links {
		out = append(out, linkNode(&page.Links[i]))
	}
	out = bucket(b, name, out)
	if page.Next != "" && len(out) == len(page.Links) {
		b.overflow(name, len(out))
	}
	return out
}

func sortedValues[K comparable, V any](m map[K]*V, compare func(x, y *V) int) []V {
	var out []V
	for _, v := range slices.SortedFunc(maps.Values(m), compare) {
		out = append(out, *v)
	}
	return out
}

// bucket cuts a list to the size that was asked for, and says so.
func bucket[T any](b *builder, name string, list []T) []T {
	if len(list) <= b.options.bucket {
		return list
	}
	b.overflow(name, b.options.bucket)
	return list[:b.options.bucket]
}

func (b *builder) overflow(name string, shown int) {
	b.out.Diagnostics = append(b.out.Diagnostics, diagnostic{"warning", "many_buckets_" + name, "Not all " + name + " are shown",
		fmt.Sprintf("There are more than the %d %s that are shown. Ask for more with bucket_size.", shown, name)})
}

// diagnose tells what is odd about the file.
func (b *builder) diagnose() {
	if b.more {
		b.out.Diagnostics = append(b.out.Diagnostics, diagnostic{"warning", "many_events", "Not all events are looked at",
			fmt.Sprintf("There are more than %d events about this file. What is shown comes from the newest.", len(b.documents))})
	}
	if !b.content && b.options.author == "" {
		b.out.Diagnostics = append(b.out.Diagnostics, diagnostic{"info", "no_content", "There is no content",
			"The file's content was never stored, or is no longer. Plugins that read it do not run, and it cannot be downloaded."})
		return
	}
	if s := b.streams[b.sha256]; s != nil && s.Size > pluginMaxBytes {
		b.out.Diagnostics = append(b.out.Diagnostics, diagnostic{"info", "large_content", "The content is large",
			fmt.Sprintf("The file has %d bytes. Most plugins take files of up to %d bytes unless they are set up differently.", s.Size, pluginMaxBytes)})
	}
}

// pluginMaxBytes is the largest content that a plugin of azul-runner takes without other settings.
const pluginMaxBytes = 200 << 20

// newer counts the documents that were made after a time.
func newer(documents []index.Document, since time.Time) documentCount {
	var n documentCount
	for i := range documents {
		if documents[i].Timestamp.After(since) {
			n.Count++
		}
	}
	if n.Count > 0 {
		n.Newest = stamp(documents[0].Timestamp)
	}
	return n
}

// distinct returns the texts that there are, sorted, without the empty one.
func distinct(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	list = slices.Compact(list)
	return slices.DeleteFunc(list, func(text string) bool { return text == "" })
}
