package event

import (
	"fmt"
	"math"
)

// Model returns ModelBinary.
func (*Binary) Model() Model { return ModelBinary }

// Model returns ModelStatus.
func (*Status) Model() Model { return ModelStatus }

// Model returns ModelPlugin.
func (*Plugin) Model() Model { return ModelPlugin }

// Model returns ModelInsert.
func (*Insert) Model() Model { return ModelInsert }

// Model returns ModelDelete.
func (*Delete) Model() Model { return ModelDelete }

// Model returns ModelDownload.
func (*Download) Model() Model { return ModelDownload }

// Model returns ModelRetrohunt.
func (*Retrohunt) Model() Model { return ModelRetrohunt }

// Validate checks the event itself, its path, its features, and that it has the streams that its action wants: sourced and
// extracted have content, augmented content and another one, mapped no content, enriched none at all.
func (b *Binary) Validate() error {
	if err := b.Head.validate(); err != nil {
		return err
	}
	if !b.Action.Valid() {
		return unknown("action", b.Action)
	}
	if len(b.Source.Path) == 0 {
		return missing("source.path")
	}
	return first(
		in("source", b.Source.validate()),
		in("entity", b.Entity.validate()),
		checkStreams(b.Action, b.Entity.Datastreams),
		identifiers(text{"dequeued", b.Dequeued}),
		signed("retries", b.Retries),
	)
}

// Validate checks the status and every result. The input is what the dispatcher handed out, so only its `dequeued` is looked at.
func (s *Status) Validate() error {
	e := &s.Entity
	if err := first(
		s.Head.validate(),
		required(text{"entity.input.dequeued", e.Input.Dequeued}),
		atMost("entity.results", len(e.Results), MaxResults),
	); err != nil {
		return err
	}
	switch {
	case !e.Status.Valid():
		return unknown("entity.status", e.Status)
	case !(e.Runtime >= 0) || math.IsInf(e.Runtime, 0): // NaN is not >= 0
		return &fieldError{"entity.runtime", fmt.Sprintf("%v is not a number of seconds", e.Runtime)}
	case len(e.Results) > 0 && !e.Status.Success():
		return &fieldError{"entity.results", fmt.Sprintf("must be empty when entity.status is %s", e.Status)}
	}
	for i := range e.Results {
		if err := e.Results[i].Validate(); err != nil {
			return inList("entity.results", i, err)
		}
	}
	return nil
}

// Validate checks the plugin's name and that every feature has a name and a type.
func (p *Plugin) Validate() error {
	e := &p.Entity
	if err := first(
		p.Head.validate(),
		required(text{"entity.name", e.Name}),
		identifiers(text{"entity.category", e.Category}, text{"entity.version", e.Version}, text{"entity.security", e.Security}),
		atMost("entity.features", len(e.Features), MaxFeatures),
		atMost("entity.config", len(e.Config), MaxPairs),
	); err != nil {
		return err
	}
	for i := range e.Features {
		f := &e.Features[i]
		if !f.Type.Valid() {
			return inList("entity.features", i, unknown("type", f.Type))
		}
		if err := required(text{"name", f.Name}); err != nil {
			return inList("entity.features", i, err)
		}
	}
	return nil
}

// Validate checks that parent and child are named, and the child's streams and features.
func (n *Insert) Validate() error {
	e := &n.Entity
	return first(
		n.Head.validate(),
		required(text{"entity.parent_sha256", e.ParentSHA256}),
		identifiers(text{"entity.original_source", e.OriginalSource}),
		in("entity.child_history", e.ChildHistory.validate()),
		in("entity.child", e.Child.validate()),
	)
}

// Validate checks that the event has the part that its action names, and no other.
func (d *Delete) Validate() error {
	e := &d.Entity
	if err := first(
		d.Head.validate(),
		shorter(MaxTextBytes, text{"entity.reason", e.Reason}),
		oneOf("action", d.Action, DeleteActions),
	); err != nil {
		return err
	}
	for _, part := range []struct {
		name  string
		there bool
	}{
		{"submission", e.Submission != nil}, {"link", e.Link != nil}, {"author", e.Author != nil}, {"ids", e.IDs != nil},
	} {
		if wanted := part.name == d.Action; wanted != part.there {
			problem := "is missing"
			if !wanted {
				problem = "must not be there when action is " + d.Action
			}
			return &fieldError{"entity." + part.name, problem}
		}
	}
	return in("entity."+d.Action, e.validatePart())
}

func (e *DeleteEntity) validatePart() error {
	switch {
	case e.Submission != nil:
		return first(
			required(text{"track_source_references", e.Submission.TrackSourceReferences}),
			moment("timestamp", e.Submission.Timestamp),
		)
	case e.Author != nil:
		if e.Author.Timestamp.IsZero() { // strict readers want it, and nothing is older than it
			return missing("timestamp")
		}
		return first(required(text{"track_author", e.Author.TrackAuthor}), moment("timestamp", e.Author.Timestamp))
	case e.Link != nil:
		return required(text{"track_link", e.Link.TrackLink})
	}
	if len(e.IDs.IDs) == 0 {
		return missing("ids")
	}
	if err := atMost("ids", len(e.IDs.IDs), MaxIDs); err != nil {
		return err
	}
	for i, id := range e.IDs.IDs {
		if id == "" || len(id) > MaxIdentifierBytes {
			return &fieldError{fmt.Sprintf("ids[%d]", i), fmt.Sprintf("must have 1 to %d bytes", MaxIdentifierBytes)}
		}
	}
	return nil
}

// Validate checks action, source and hash. The path may be empty.
func (d *Download) Validate() error {
	e := &d.Entity
	return first(
		d.Head.validate(),
		oneOf("action", d.Action, DownloadActions),
		in("source", d.Source.validate()),
		required(text{"entity.hash", e.Hash}),
		shorter(MaxTextBytes, text{"entity.direct_url", e.DirectURL}),
		identifiers(text{"entity.category", e.Category}),
		signed("entity.category_quota", e.CategoryQuota),
		moment("entity.direct_expiry", e.DirectExpiry),
		checkObject("entity.metadata", e.Metadata),
	)
}

// Validate checks the action and that the entity, whose contents are the hunter's business, is an object.
func (r *Retrohunt) Validate() error {
	if err := first(
		r.Head.validate(),
		oneOf("action", r.Action, RetrohuntActions),
		identifiers(text{"source.submitter", r.Source.Submitter}, text{"source.security", r.Source.Security}),
		moment("source.timestamp", r.Source.Timestamp),
	); err != nil {
		return err
	}
	if normalObject(r.Entity) == nil {
		return missing("entity")
	}
	return checkObject("entity", r.Entity)
}
