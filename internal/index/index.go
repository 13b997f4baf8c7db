// Package index keeps what is known of files, for search and for the pages: documents made from result events, features,
// links between parents and children, statuses, plugins, tags and dead letters.
//
// It can always be rebuilt from the log. It knows nothing of HTTP or of the log's format beyond positions. Every
// implementation passes indextest; SQLite (OpenSQLite) is the default. Begin with Index.
package index

import (
	"context"
	"errors"
	"time"

	"lazuli/internal/index/query"
)

// Index answers what is known. All methods may be called at the same time; Apply is called by one writer at a time.
//
// Every method that reads takes a Reader, and answers as if nothing else were there than what that reader may see: a file
// of which they may see no document is ErrNotFound, and no count, order, facet, completion or similarity depends on a document that they may
// not see. Unless a method says otherwise it looks at current documents only, those that are the newest of their author for an event.
type Index interface {
	Writer
	Files
	Finder
	Features
	Origins
	Notes
	Operations
}

// Reader is whose eyes an answer is for.
type Reader struct {
	// See tells whether what has a label may be seen. It is asked once for each distinct label and must always say the same.
	// nil sees everything.
	See func(label string) bool
}

// Everyone sees everything.
var Everyone = Reader{}

// Writer is what ingest needs.
type Writer interface {
	// Apply stores a batch and the offsets it covers in one transaction. Applying the same batch again changes nothing. ErrRefused when
	// something in the batch cannot be kept, however often it is tried; any other error may pass.
	Apply(ctx context.Context, b Batch) error
	// Offsets returns, for each "topic/partition", the next offset to apply.
	Offsets(ctx context.Context) (map[string]int64, error)
}

// Files is what is known of one file.
type Files interface {
	// Binary returns all that is known of one file, by SHA-256, SHA-1, MD5 or SHA-512 in any case. ErrNotFound if no document is about
	// it, even if links or statuses name it. Lists are never nil, are in a fixed order and are cut: 10,000 features and events,
	// 1,000 children, parents, streams, sources and statuses, 200 infos, 100 filenames.
	Binary(ctx context.Context, r Reader, hash string) (*Binary, error)
	// Documents returns the documents of a file, whole, newest first; also those that are not current if the filter says so. more
	// tells that there were more than the filter's limit. ErrNotFound if there is no document of the file at all.
	Documents(ctx context.Context, r Reader, sha256 string, f DocumentFilter) (list []Document, more bool, err error)
	// Children and Parents list links, by filename and SHA-256, at most limit (1 to 1,000) at a time. LinkPage.Total counts distinct files.
	Children(ctx context.Context, r Reader, sha256 string, limit int, cursor string) (LinkPage, error)
	Parents(ctx context.Context, r Reader, sha256 string, limit int, cursor string) (LinkPage, error)
	// Statuses returns the newest status of each plugin version on each event of a file, newest first, at most 10,000.
	Statuses(ctx context.Context, r Reader, sha256 string) ([]StatusDocument, error)
	// Streams tells under which source and label a stored stream of any file may be read: one that a visible document lists. ErrNotFound.
	Stream(ctx context.Context, r Reader, sha256 string) (Stream, error)
}

// DocumentFilter says which documents of a file are meant.
type DocumentFilter struct {
	Actions    []string // none means all
	Author     string   // "" means all
	Superseded bool     // older versions too
	Limit      int      // 0 means 10,000
}

// Finder finds files.
type Finder interface {
	// Search returns files that match q, at most 1,000 at a time. Page.Next is the cursor for more, "" at the end; what arrives meanwhile
	// does not shift the pages, and a page costs the same however deep it is. ErrCursor for a cursor that is not one; *query.Error for
	// what this index cannot look for.
	Search(ctx context.Context, r Reader, q query.Expr, o SearchOptions) (SearchPage, error)
	// Count counts the files that match.
	Count(ctx context.Context, r Reader, q query.Expr) (int64, error)
	// Hits returns the lines of given files (SHA-256), in their order; a file that is not known has a Hit with nothing but its hash.
	Hits(ctx context.Context, r Reader, sha256 []string) ([]Hit, error)
	// Resolve returns the SHA-256s of the known files with a hash (MD5, SHA-1, SHA-256, SHA-512, any case), sorted.
	Resolve(ctx context.Context, r Reader, hash string) ([]string, error)
	// Complete returns values of a field that begin with a text, in any case, with the number of files; the most frequent first.
	Complete(ctx context.Context, r Reader, field *query.Field, prefix string, limit int) ([]ValueCount, error)
	// Similar finds files like a ssdeep or TLSH hash or like a file's entropy, best first, those with the very same hash among them. Score is 0 to 100; see similar.go for what it means for each.
	Similar(ctx context.Context, r Reader, like Likeness, limit int) ([]Match, error)
	// SimilarFeatures finds files that share feature values with a file, the rarer the better, best first.
	SimilarFeatures(ctx context.Context, r Reader, sha256 string, limit int) (FeatureMatches, error)
}

// Features is what is known of features over all files.
type Features interface {
	// FeatureNames lists features that were declared or seen, by name.
	FeatureNames(ctx context.Context, r Reader, author, version string) ([]FeatureSummary, error)
	// FeatureValues lists the distinct values of a feature by their letters, A to Z in any case, then by their bytes (or the other way round).
	FeatureValues(ctx context.Context, r Reader, name string, o ValueOptions) (ValuePage, error)
	// CountValues counts the distinct values of a feature; author and version may be "".
	CountValues(ctx context.Context, r Reader, name, author, version string) (int64, error)
	// Pivot takes feature values, and returns the values of other features that at least two of the files with all of them share.
	Pivot(ctx context.Context, r Reader, values []NameValue, o PivotOptions) (Pivot, error)
}

// Origins is where files came from.
type Origins interface {
	// Sources lists the sources that files came from, by name.
	Sources(ctx context.Context, r Reader) ([]SourceSummary, error)
	// Submissions groups the submissions of a source by track_source_references, the newest first, at most limit (1 to 10,000). contains
	// leaves out groups without a reference value that has this text in any case.
	Submissions(ctx context.Context, r Reader, source, contains string, limit int) ([]SubmissionGroup, error)
}

// Notes is what people say of files and values.
type Notes interface {
	// FileTags lists the tags of a file; FileTagCounts all tags of files.
	FileTags(ctx context.Context, r Reader, sha256 string) ([]Tag, error)
	FileTagCounts(ctx context.Context, r Reader) ([]ValueCount, error)
	// ValueTags lists the tagged values of features: of one tag, or of one feature, or of both; "" means any.
	ValueTags(ctx context.Context, r Reader, tag, feature string) ([]Tag, error)
}

// Operations is what operators and the pages of plugins ask.
type Operations interface {
	// Plugins lists the registered plugins by name and version, with the number of statuses by state.
	Plugins(ctx context.Context, r Reader) ([]Plugin, error)
	// StatesSince counts the statuses of a plugin version by state, as States of Plugins does, but only those from since on. A plugin that is not
	// known has none.
	StatesSince(ctx context.Context, r Reader, name, version string, since time.Time) (map[string]int, error)
	// PluginStatuses returns the statuses of a plugin version by state, the newest first, at most perState of each.
	PluginStatuses(ctx context.Context, r Reader, name, version string, perState int) ([]StateStatuses, error)
	// DeadLetters lists jobs that were given up, newest first, at most 1,000 at a time; cursors are as of Search.
	DeadLetters(ctx context.Context, limit int, cursor string) (DeadPage, error)
	// DeadLetter returns the one with an ID, or else the only one whose ID begins like that. ErrNotFound, *AmbiguousError.
	DeadLetter(ctx context.Context, id string) (DeadLetter, error)
	// Counts tells how much there is, for anybody.
	Counts(ctx context.Context) (Counts, error)
	// Verify reads everything and reports each fault once; an error means that it could not read on.
	Verify(ctx context.Context, report func(fault string)) error
	Close() error
}

// The errors of an Index.
var (
	ErrNotFound = errors.New("not known")
	ErrCursor   = errors.New("bad cursor")
	ErrRefused  = errors.New("the index cannot keep this")
)

// CorruptError tells that the index cannot be read. Nothing is lost with it: it is rebuilt from the log when its file is
// moved away.
type CorruptError struct {
	Path  string
	Cause error
}

func (e *CorruptError) Error() string {
	return "index " + e.Path + " is damaged (" + e.Cause.Error() + "): stop, move it away and start again; it is rebuilt from the log"
}
func (e *CorruptError) Unwrap() error { return e.Cause }
