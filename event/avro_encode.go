package event

// The functions of this file mirror those of avro_decode.go, in the same order.

// event writes an event of any model.
func (w *avroWriter) event(ev Event) {
	switch e := ev.(type) {
	case *Binary:
		w.binary(e)
	case *Status:
		w.status(e)
	case *Plugin:
		w.plugin(e)
	case *Insert:
		w.insert(e)
	case *Delete:
		w.delete(e)
	case *Download:
		w.download(e)
	case *Retrohunt:
		w.retrohunt(e)
	}
}

func (w *avroWriter) head(h *Head) {
	w.long(ModelVersion)
	w.text(h.KafkaKey)
	w.time("timestamp", h.Timestamp)
	w.author(&h.Author)
}

func (w *avroWriter) author(a *Author) {
	w.text(a.Name)
	w.text(a.Version)
	w.text(a.Category)
	w.text(a.Security)
}

func (w *avroWriter) node(n *PathNode) {
	w.author(&n.Author)
	w.text(string(n.Action))
	w.text(n.SHA256)
	w.pairs(n.Relationship)
	w.time("timestamp", n.Timestamp)
	w.text(n.FileFormat)
	w.fixed(n.Size)
	w.text(n.Filename)
	w.text(n.Language)
}

func (w *avroWriter) source(s *Source) {
	w.enter("source")
	w.text(s.Name)
	w.pairs(s.References)
	w.text(s.Security)
	writeList(w, "path", s.Path, (*avroWriter).node)
	w.time("timestamp", s.Timestamp)
	w.pairs(s.Settings)
	w.leave()
}

func (w *avroWriter) entity(field string, e *Entity) {
	w.enter(field)
	w.text(e.SHA256)
	w.text(e.SHA512)
	w.text(e.SHA1)
	w.text(e.MD5)
	w.text(e.SSDeep)
	w.text(e.TLSH)
	w.fixed(e.Size)
	w.text(e.MIME)
	w.text(e.Magic)
	w.text(e.FileFormat)
	w.text(e.FileExtension)
	w.object("info", e.Info)
	writeList(w, "features", e.Features, (*avroWriter).feature)
	writeList(w, "datastreams", e.Datastreams, (*avroWriter).datastream)
	w.leave()
}

func (w *avroWriter) feature(f *Feature) {
	w.text(f.Name)
	w.text(f.Value)
	w.text(string(f.Type))
	w.text(f.Label)
	w.fixed(orZero(f.Size))
	w.fixed(orZero(f.Offset))
}

func orZero(n *uint64) uint64 {
	if n == nil {
		return 0
	}
	return *n
}

func (w *avroWriter) datastream(d *Datastream) {
	w.long(int64(d.IdentifyVersion))
	w.text(string(d.Label))
	w.fixed(d.Size)
	w.text(d.SHA512)
	w.text(d.SHA256)
	w.text(d.SHA1)
	w.text(d.MD5)
	w.text(d.SSDeep)
	w.text(d.TLSH)
	w.text(d.MIME)
	w.text(d.Magic)
	w.text(d.FileFormat)
	w.text(d.FileExtension)
	w.text(d.Language)
}

func (w *avroWriter) binary(b *Binary) {
	w.head(&b.Head)
	w.source(&b.Source)
	w.entity("entity", &b.Entity)
	w.text(string(b.Action))
	w.text(b.Dequeued)
	w.count(b.Retries)
	w.boolean(b.Flags.BypassCache)
	w.boolean(b.Flags.Expedite)
	w.boolean(b.Flags.Retry)
	w.text(b.TrackSourceReferences)
	w.texts(b.TrackLinks)
	w.texts(b.TrackAuthors)
}

func (w *avroWriter) status(s *Status) {
	w.head(&s.Head)
	e := &s.Entity
	w.enter("entity")
	w.enter("input")
	w.binary(&e.Input)
	w.leave()
	w.text(string(e.Status))
	w.double("runtime", e.Runtime)
	w.text(e.Error)
	w.text(e.Message)
	writeList(w, "results", e.Results, (*avroWriter).binary)
	w.leave()
}

func (w *avroWriter) plugin(p *Plugin) {
	w.head(&p.Head)
	e := &p.Entity
	w.text(e.Name)
	w.text(e.Version)
	w.text(e.Category)
	w.text(e.Contact)
	w.text(e.Description)
	writeList(w, "features", e.Features, func(w *avroWriter, f *PluginFeature) {
		w.text(f.Name)
		w.text(string(f.Type))
		w.text(f.Description)
		w.texts(nil) // tags
	})
	w.text(e.Security)
	w.pairs(e.Config)
}

func (w *avroWriter) insert(n *Insert) {
	w.head(&n.Head)
	e := &n.Entity
	w.enter("entity")
	w.text(e.OriginalSource)
	w.text(e.ParentSHA256)
	w.entity("child", &e.Child)
	w.enter("child_history")
	w.node(&e.ChildHistory)
	w.leave()
	w.leave()
	w.text(n.TrackLink)
	w.text(n.TrackAuthor)
}

// delete writes all four parts, those that are not there as empty.
func (w *avroWriter) delete(d *Delete) {
	w.head(&d.Head)
	var (
		submission DeleteSubmission
		author     DeleteAuthor
		link       DeleteLink
		ids        DeleteIDs
	)
	e := &d.Entity
	if e.Submission != nil {
		submission = *e.Submission
	}
	if e.Author != nil {
		author = *e.Author
	}
	if e.Link != nil {
		link = *e.Link
	}
	if e.IDs != nil {
		ids = *e.IDs
	}
	w.text(e.Reason)
	w.text(submission.TrackSourceReferences)
	w.time("entity.submission.timestamp", submission.Timestamp)
	w.text(author.TrackAuthor)
	w.time("entity.author.timestamp", author.Timestamp)
	w.text(link.TrackLink)
	w.texts(ids.IDs)
	w.text(d.Action)
}

func (w *avroWriter) download(d *Download) {
	w.head(&d.Head)
	w.source(&d.Source)
	w.text(d.Action)
	e := &d.Entity
	w.enter("entity")
	w.text(e.Hash)
	w.text(e.DirectURL)
	w.time("direct_expiry", e.DirectExpiry)
	w.boolean(e.PCAP)
	w.text(e.Category)
	w.count(e.CategoryQuota)
	w.object("metadata", e.Metadata)
	w.leave()
}

func (w *avroWriter) retrohunt(h *Retrohunt) {
	w.head(&h.Head)
	w.object("entity", h.Entity)
	w.text(h.Action)
	w.text(h.Source.Submitter)
	w.text(h.Source.Security)
	w.time("source.timestamp", h.Source.Timestamp)
}
