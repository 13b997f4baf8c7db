package event

import "fmt"

// The layouts that are read. Version 5 added source.settings, and a model_version in front of bulk records; version 6 dropped
// file_format_legacy, which stood before every file_format (as the schemas in the source distribution of azul-bedrock 13.0.81,
// gosrc/events/schemas, have it; all orders of fields were compared with them).
const (
	oldestLayout = 4
	newestLayout = ModelVersion
)

// layoutOf says how an event that claims a version is laid out. What is not known is read as the oldest, as by the reference;
// event refuses what is newer.
func layoutOf(version int64) int {
	if version < oldestLayout || version > newestLayout {
		return oldestLayout
	}
	return int(version)
}

// The least bytes that an element of a list has, all its texts and lists being empty.
const (
	leastText          = 1
	leastEvent         = 12
	leastBinary        = 41
	leastNode          = 19
	leastFeature       = 20
	leastDatastream    = 20
	leastPluginFeature = 4
)

// bulk reads the version, if the layout has one, and the events.
func (r *avroReader) bulk(model Model) []Event {
	version, n := peekLong(r.data)
	r.layout = layoutOf(version)
	if int64(r.layout) == version {
		r.at = n
	}
	return readList(r, "events", leastEvent, MaxListEvents, func(r *avroReader, ev *Event) {
		*ev, _ = empty(model) // the caller has looked at the model
		r.event(*ev)
	})
}

// event reads an event of any model.
func (r *avroReader) event(ev Event) {
	switch e := ev.(type) {
	case *Binary:
		r.binary(e)
	case *Status:
		r.status(e)
	case *Plugin:
		r.plugin(e)
	case *Insert:
		r.insert(e)
	case *Delete:
		r.delete(e)
	case *Download:
		r.download(e)
	case *Retrohunt:
		r.retrohunt(e)
	}
}

func (r *avroReader) head(h *Head) {
	if version := r.long("model_version"); version < 0 || version > newestLayout {
		r.fail("model_version", fmt.Sprintf("is %d, which is not known", version))
	}
	h.ModelVersion = ModelVersion
	h.KafkaKey = r.text("kafka_key")
	h.Timestamp = r.time("timestamp")
	r.author("author", &h.Author)
}

func (r *avroReader) author(field string, a *Author) {
	r.enter(field)
	a.Name = r.text("name")
	a.Version = r.text("version")
	a.Category = r.text("category")
	a.Security = r.text("security")
	r.leave()
}

func (r *avroReader) legacy() {
	if r.layout < 6 {
		r.bytes("file_format_legacy")
	}
}

func (r *avroReader) node(n *PathNode) {
	r.author("author", &n.Author)
	n.Action = Action(r.text("action"))
	n.SHA256 = r.text("sha256")
	n.Relationship = r.pairs("relationship")
	n.Timestamp = r.time("timestamp")
	r.legacy()
	n.FileFormat = r.text("file_format")
	n.Size = r.fixed("size")
	n.Filename = r.text("filename")
	n.Language = r.text("language")
}

func (r *avroReader) source(field string, s *Source) {
	r.enter(field)
	s.Name = r.text("name")
	s.References = r.pairs("references")
	s.Security = r.text("security")
	s.Path = readList(r, "path", leastNode, noLimit, (*avroReader).node)
	s.Timestamp = r.time("timestamp")
	if r.layout >= 5 {
		s.Settings = r.pairs("settings")
	}
	r.leave()
}

func (r *avroReader) entity(field string, e *Entity) {
	r.enter(field)
	e.SHA256 = r.text("sha256")
	e.SHA512 = r.text("sha512")
	e.SHA1 = r.text("sha1")
	e.MD5 = r.text("md5")
	e.SSDeep = r.text("ssdeep")
	e.TLSH = r.text("tlsh")
	e.Size = r.fixed("size")
	e.MIME = r.text("mime")
	e.Magic = r.text("magic")
	r.legacy()
	e.FileFormat = r.text("file_format")
	e.FileExtension = r.text("file_extension")
	e.Info = r.object("info")
	e.Features = readList(r, "features", leastFeature, noLimit, (*avroReader).feature)
	e.Datastreams = readList(r, "datastreams", leastDatastream, noLimit, (*avroReader).datastream)
	r.leave()
}

func (r *avroReader) feature(f *Feature) {
	f.Name = r.text("name")
	f.Value = r.text("value")
	f.Type = FeatureType(r.text("type"))
	f.Label = r.text("label")
	f.Size = given(r.fixed("size"))
	f.Offset = given(r.fixed("offset"))
}

// given makes zero, which stands for absent, nil.
func given(n uint64) *uint64 {
	if n == 0 {
		return nil
	}
	return &n
}

func (r *avroReader) datastream(d *Datastream) {
	d.IdentifyVersion = int(r.long("identify_version"))
	d.Label = Label(r.text("label"))
	d.Size = r.fixed("size")
	d.SHA512 = r.text("sha512")
	d.SHA256 = r.text("sha256")
	d.SHA1 = r.text("sha1")
	d.MD5 = r.text("md5")
	d.SSDeep = r.text("ssdeep")
	d.TLSH = r.text("tlsh")
	d.MIME = r.text("mime")
	d.Magic = r.text("magic")
	r.legacy()
	d.FileFormat = r.text("file_format")
	d.FileExtension = r.text("file_extension")
	d.Language = r.text("language")
}

func (r *avroReader) binary(b *Binary) {
	r.head(&b.Head)
	r.source("source", &b.Source)
	r.entity("entity", &b.Entity)
	b.Action = Action(r.text("action"))
	b.Dequeued = r.text("dequeued")
	b.Retries = r.count("retries")
	r.enter("flags")
	b.Flags = Flags{BypassCache: r.boolean("bypass_cache"), Expedite: r.boolean("expedite"), Retry: r.boolean("retry")}
	r.leave()
	b.TrackSourceReferences = r.text("track_source_references")
	b.TrackLinks = r.texts("track_links")
	b.TrackAuthors = r.texts("track_authors")
}

func (r *avroReader) status(s *Status) {
	r.head(&s.Head)
	e := &s.Entity
	r.enter("entity")
	r.enter("input")
	r.binary(&e.Input)
	r.leave()
	e.Status = State(r.text("status"))
	e.Runtime = r.double("runtime")
	e.Error = r.text("error")
	e.Message = r.text("message")
	e.Results = readList(r, "results", leastBinary, noLimit, (*avroReader).binary)
	r.leave()
}

func (r *avroReader) plugin(p *Plugin) {
	r.head(&p.Head)
	e := &p.Entity
	r.enter("entity")
	e.Name = r.text("name")
	e.Version = r.text("version")
	e.Category = r.text("category")
	e.Contact = r.text("contact")
	e.Description = r.text("description")
	e.Features = readList(r, "features", leastPluginFeature, noLimit, func(r *avroReader, f *PluginFeature) {
		f.Name = r.text("name")
		f.Type = FeatureType(r.text("type"))
		f.Description = r.text("desc")
		r.texts("tags") // which strict readers refuse
	})
	e.Security = r.text("security")
	e.Config = r.pairs("config")
	r.leave()
}

func (r *avroReader) insert(n *Insert) {
	r.head(&n.Head)
	e := &n.Entity
	r.enter("entity")
	e.OriginalSource = r.text("original_source")
	e.ParentSHA256 = r.text("parent_sha256")
	r.entity("child", &e.Child)
	r.enter("child_history")
	r.node(&e.ChildHistory)
	r.leave()
	r.leave()
	n.TrackLink = r.text("track_link")
	n.TrackAuthor = r.text("track_author")
}

// delete reads all four parts and keeps the one that the action names, and what is not empty.
func (r *avroReader) delete(d *Delete) {
	r.head(&d.Head)
	e := &d.Entity
	r.enter("entity")
	e.Reason = r.text("reason")
	r.enter("submission")
	submission := DeleteSubmission{r.text("track_source_references"), r.time("timestamp")}
	r.leave()
	r.enter("author")
	author := DeleteAuthor{r.text("track_author"), r.time("timestamp")}
	r.leave()
	r.enter("link")
	link := DeleteLink{r.text("track_link")}
	r.leave()
	r.enter("ids")
	ids := DeleteIDs{r.texts("ids")}
	r.leave()
	r.leave()
	d.Action = r.text("action")
	if d.Action == "submission" || submission != (DeleteSubmission{}) {
		e.Submission = &submission
	}
	if d.Action == "author" || author != (DeleteAuthor{}) {
		e.Author = &author
	}
	if d.Action == "link" || link != (DeleteLink{}) {
		e.Link = &link
	}
	if d.Action == "ids" || len(ids.IDs) > 0 {
		e.IDs = &ids
	}
}

func (r *avroReader) download(d *Download) {
	r.head(&d.Head)
	r.source("source", &d.Source)
	d.Action = r.text("action")
	e := &d.Entity
	r.enter("entity")
	e.Hash = r.text("hash")
	e.DirectURL = r.text("direct_url")
	e.DirectExpiry = r.time("direct_expiry")
	e.PCAP = r.boolean("pcap")
	e.Category = r.text("category")
	e.CategoryQuota = r.count("category_quota")
	e.Metadata = r.object("metadata")
	r.leave()
}

func (r *avroReader) retrohunt(h *Retrohunt) {
	r.head(&h.Head)
	h.Entity = r.object("entity")
	h.Action = r.text("action")
	r.enter("source")
	h.Source = RetrohuntSource{Submitter: r.text("submitter"), Security: r.text("security"), Timestamp: r.time("timestamp")}
	r.leave()
}
