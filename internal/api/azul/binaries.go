package azul

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/index"
)

func (s *Server) registerBinaries() {
	const path, tag = prefix + "/binaries/{sha256}", "binaries"
	bare(s, operation(http.MethodHead, path, "check", "Whether anything is known of a file", tag), s.check)
	enveloped(s, operation(http.MethodGet, path, "metadata", "All that is known of a file", tag), s.metadata)
	enveloped(s, operation(http.MethodGet, path+"/new", "new", "How much is newer than a time", tag), s.newer)
	enveloped(s, operation(http.MethodGet, path+"/statuses", "statuses", "What plugins say of a file", tag), s.statuses)
	enveloped(s, operation(http.MethodGet, path+"/events", "events", "The events about a file", tag), s.events)
	enveloped(s, operation(http.MethodGet, prefix+"/statistics", "statistics", "How much there is", tag), s.statistics)
}

// anyHashInput is for questions whose answer to a hash that is none is 404 as well.
type anyHashInput struct {
	Base
	SHA256 string `path:"sha256"`
}

// check answers HEAD, to which clients take 200 and 404 only.
func (s *Server) check(ctx context.Context, c *call, in *anyHashInput) (struct{}, error) {
	_, _, err := s.Index.Documents(ctx, c.reader, strings.ToLower(in.SHA256), index.DocumentFilter{Limit: 1})
	return struct{}{}, err
}

type metadataInput struct {
	SHA256Input
	Detail []string `query:"detail,explode" doc:"the parts that are wanted; none means all"`
	Author string   `query:"author" doc:"key of an instance or name of an author, whose word alone is wanted"`
	Bucket int      `query:"bucket_size" default:"100" minimum:"1" maximum:"1000" doc:"how many of each list"`
}

func (s *Server) metadata(ctx context.Context, c *call, in *metadataInput) (binaryMetadata, error) {
	o := metadataOptions{details: present(in.Detail), author: in.Author, bucket: in.Bucket}
	for _, d := range o.details {
		if !slices.Contains(details, d) {
			return binaryMetadata{}, invalid("query", "detail", "detail must be one of "+strings.Join(details, ", "), d)
		}
	}
	k, err := s.known(ctx, c, strings.ToLower(in.SHA256), &o)
	if err != nil {
		return binaryMetadata{}, err
	}
	return metadata(k, o), nil
}

// known reads what metadata is made of.
func (s *Server) known(ctx context.Context, c *call, sha string, o *metadataOptions) (*known, error) {
	k := &known{sha256: sha}
	var err error
	if k.documents, k.more, err = s.Index.Documents(ctx, c.reader, sha, index.DocumentFilter{}); err != nil {
		return nil, err
	}
	for i := range k.documents {
		c.label(k.documents[i].Label)
	}
	if o.wants("children") {
		if k.children, err = s.Index.Children(ctx, c.reader, sha, o.bucket, ""); err != nil {
			return nil, err
		}
	}
	if o.wants("parents") {
		if k.parents, err = s.Index.Parents(ctx, c.reader, sha, o.bucket, ""); err != nil {
			return nil, err
		}
	}
	if o.wants("tags") {
		if k.tags, err = s.Index.FileTags(ctx, c.reader, sha); err != nil {
			return nil, err
		}
		c.labelTags(k.tags)
	}
	if o.wants("features") && o.wants("feature_tags") {
		if k.valueTags, err = s.Index.ValueTags(ctx, c.reader, "", ""); err != nil {
			return nil, err
		}
	}
	return k, nil
}

func (c *call) labelTags(tags []index.Tag) {
	for i := range tags {
		c.label(tags[i].Security)
	}
}

type newerInput struct {
	SHA256Input
	Timestamp string `query:"timestamp" doc:"ISO 8601"`
}

func (s *Server) newer(ctx context.Context, c *call, in *newerInput) (documentCount, error) {
	since, err := parseTime("query", "timestamp", in.Timestamp)
	if err != nil {
		return documentCount{}, err
	}
	list, _, err := s.Index.Documents(ctx, c.reader, strings.ToLower(in.SHA256), index.DocumentFilter{})
	if err != nil {
		return documentCount{}, err
	}
	return newer(list, since), nil
}

// parseTime reads a time of ISO 8601. One without a zone is in UTC.
func parseTime(where, field, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, invalid(where, field, field+" must be a time of ISO 8601 such as 2025-05-05T01:02:03Z", text)
}

type eventsInput struct {
	SHA256Input
	Type string `query:"event_type" doc:"only events with this action"`
	Size int    `query:"size" default:"1000" minimum:"1" maximum:"10000"`
}

type documents struct {
	Items []map[string]any `json:"items"`
	Total int              `json:"total_docs"`
}

func (s *Server) events(ctx context.Context, c *call, in *eventsInput) (documents, error) {
	var f index.DocumentFilter
	if in.Type != "" {
		if !event.Action(in.Type).Valid() {
			return documents{}, invalid("query", "event_type", "event_type must be sourced, extracted, augmented, mapped or enriched", in.Type)
		}
		f.Actions = []string{in.Type}
	}
	list, _, err := s.Index.Documents(ctx, c.reader, strings.ToLower(in.SHA256), f)
	if err != nil {
		return documents{}, err
	}
	if len(list) == 0 {
		return documents{}, index.ErrNotFound
	}
	out := documents{Items: []map[string]any{}, Total: len(list)}
	for i := range list[:min(len(list), in.Size)] {
		c.label(list[i].Label)
		out.Items = append(out.Items, eventOf(&list[i]))
	}
	return out, nil
}

type statistics struct {
	Binaries int64 `json:"binary_count"`
}

// statistics counts what the reader may see.
func (s *Server) statistics(ctx context.Context, c *call, _ *Base) (statistics, error) {
	n, err := s.Index.Count(ctx, c.reader, everything)
	return statistics{n}, err
}
