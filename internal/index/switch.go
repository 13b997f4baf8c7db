package index

import (
	"context"
	"sync"
	"time"

	"lazuli/internal/index/query"
)

// Switch is an Index whose inside can be exchanged while it is in use, as when it was built anew from the log.
type Switch struct {
	mu  sync.RWMutex // held for reading by every call
	idx Index
}

// NewSwitch makes a Switch with something inside.
func NewSwitch(idx Index) *Switch { return &Switch{idx: idx} }

// Replace calls fn when nobody uses the index, and puts in what fn returns, whether or not it failed; calls that come meanwhile wait. fn may close what
// was inside, and must return something in any case.
func (s *Switch) Replace(fn func(Index) (Index, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := fn(s.idx)
	s.idx = next
	return err
}

var _ Index = (*Switch)(nil)

// Apply: see Index.
func (s *Switch) Apply(ctx context.Context, b Batch) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Apply(ctx, b)
}

// Offsets: see Index.
func (s *Switch) Offsets(ctx context.Context) (map[string]int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Offsets(ctx)
}

// Binary: see Index.
func (s *Switch) Binary(ctx context.Context, r Reader, hash string) (*Binary, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Binary(ctx, r, hash)
}

// Documents: see Index.
func (s *Switch) Documents(ctx context.Context, r Reader, sha256 string, f DocumentFilter) (list []Document, more bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Documents(ctx, r, sha256, f)
}

// Children: see Index.
func (s *Switch) Children(ctx context.Context, r Reader, sha256 string, limit int, cursor string) (LinkPage, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Children(ctx, r, sha256, limit, cursor)
}

// Parents: see Index.
func (s *Switch) Parents(ctx context.Context, r Reader, sha256 string, limit int, cursor string) (LinkPage, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Parents(ctx, r, sha256, limit, cursor)
}

// Statuses: see Index.
func (s *Switch) Statuses(ctx context.Context, r Reader, sha256 string) ([]StatusDocument, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Statuses(ctx, r, sha256)
}

// Stream: see Index.
func (s *Switch) Stream(ctx context.Context, r Reader, sha256 string) (Stream, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Stream(ctx, r, sha256)
}

// Search: see Index.
func (s *Switch) Search(ctx context.Context, r Reader, q query.Expr, o SearchOptions) (SearchPage, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Search(ctx, r, q, o)
}

// Count: see Index.
func (s *Switch) Count(ctx context.Context, r Reader, q query.Expr) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Count(ctx, r, q)
}

// Hits: see Index.
func (s *Switch) Hits(ctx context.Context, r Reader, sha256 []string) ([]Hit, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Hits(ctx, r, sha256)
}

// Resolve: see Index.
func (s *Switch) Resolve(ctx context.Context, r Reader, hash string) ([]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Resolve(ctx, r, hash)
}

// Complete: see Index.
func (s *Switch) Complete(ctx context.Context, r Reader, field *query.Field, prefix string, limit int) ([]ValueCount, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Complete(ctx, r, field, prefix, limit)
}

// Similar: see Index.
func (s *Switch) Similar(ctx context.Context, r Reader, like Likeness, limit int) ([]Match, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Similar(ctx, r, like, limit)
}

// SimilarFeatures: see Index.
func (s *Switch) SimilarFeatures(ctx context.Context, r Reader, sha256 string, limit int) (FeatureMatches, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.SimilarFeatures(ctx, r, sha256, limit)
}

// FeatureNames: see Index.
func (s *Switch) FeatureNames(ctx context.Context, r Reader, author, version string) ([]FeatureSummary, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.FeatureNames(ctx, r, author, version)
}

// FeatureValues: see Index.
func (s *Switch) FeatureValues(ctx context.Context, r Reader, name string, o ValueOptions) (ValuePage, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.FeatureValues(ctx, r, name, o)
}

// CountValues: see Index.
func (s *Switch) CountValues(ctx context.Context, r Reader, name, author, version string) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.CountValues(ctx, r, name, author, version)
}

// Pivot: see Index.
func (s *Switch) Pivot(ctx context.Context, r Reader, values []NameValue, o PivotOptions) (Pivot, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Pivot(ctx, r, values, o)
}

// Sources: see Index.
func (s *Switch) Sources(ctx context.Context, r Reader) ([]SourceSummary, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Sources(ctx, r)
}

// Submissions: see Index.
func (s *Switch) Submissions(ctx context.Context, r Reader, source, contains string, limit int) ([]SubmissionGroup, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Submissions(ctx, r, source, contains, limit)
}

// FileTags: see Index.
func (s *Switch) FileTags(ctx context.Context, r Reader, sha256 string) ([]Tag, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.FileTags(ctx, r, sha256)
}

// FileTagCounts: see Index.
func (s *Switch) FileTagCounts(ctx context.Context, r Reader) ([]ValueCount, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.FileTagCounts(ctx, r)
}

// ValueTags: see Index.
func (s *Switch) ValueTags(ctx context.Context, r Reader, tag, feature string) ([]Tag, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.ValueTags(ctx, r, tag, feature)
}

// Plugins: see Index.
func (s *Switch) Plugins(ctx context.Context, r Reader) ([]Plugin, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Plugins(ctx, r)
}

// StatesSince: see Index.
func (s *Switch) StatesSince(ctx context.Context, r Reader, name, version string, since time.Time) (map[string]int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.StatesSince(ctx, r, name, version, since)
}

// PluginStatuses: see Index.
func (s *Switch) PluginStatuses(ctx context.Context, r Reader, name, version string, perState int) ([]StateStatuses, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.PluginStatuses(ctx, r, name, version, perState)
}

// DeadLetters: see Index.
func (s *Switch) DeadLetters(ctx context.Context, limit int, cursor string) (DeadPage, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.DeadLetters(ctx, limit, cursor)
}

// DeadLetter: see Index.
func (s *Switch) DeadLetter(ctx context.Context, id string) (DeadLetter, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.DeadLetter(ctx, id)
}

// Counts: see Index.
func (s *Switch) Counts(ctx context.Context) (Counts, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Counts(ctx)
}

// Verify: see Index.
func (s *Switch) Verify(ctx context.Context, report func(fault string)) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Verify(ctx, report)
}

// Close: see Index.
func (s *Switch) Close() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.idx.Close()
}
