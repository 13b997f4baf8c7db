package azul

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"lazuli/internal/config"
	"lazuli/internal/index"
)

func (s *Server) registerSources() {
	const tag = "sources"
	enveloped(s, operation(http.MethodGet, prefix+"/sources", "sources", "The sources that files come from", tag), s.sources)
	bare(s, operation(http.MethodHead, prefix+"/sources/{name}", "check-source", "Whether there is a source", tag), s.checkSource)
	enveloped(s, operation(http.MethodGet, prefix+"/sources/{name}", "source", "What a source holds", tag), s.source)
	enveloped(s, operation(http.MethodGet, prefix+"/sources/{name}/references", "references", "What was submitted, by references", tag), s.references)
	enveloped(s, operation(http.MethodGet, prefix+"/sources/{name}/references/grouped", "grouped-references", "What was submitted, by the references that have priority", tag), s.groupedReferences)
	enveloped(s, operation(http.MethodGet, prefix+"/sources/{name}/submissions", "submissions", "The submissions with one set of references", tag), s.submissions)
}

type sourceSettings struct {
	IconClass     string            `json:"icon_class"`
	References    []referenceField  `json:"references"`
	Kafka         sourceKafka       `json:"kafka"`
	KafkaConfig   map[string]string `json:"kafka_config_full"`
	Description   string            `json:"description"`
	PartitionUnit string            `json:"partition_unit"`
	ExpireAfter   string            `json:"expire_events_after"`
	ExpireMS      int64             `json:"expire_events_ms"` // -1 is never
	Elastic       map[string]any    `json:"elastic"`
	NoBackup      bool              `json:"exclude_from_backup"`
}

type referenceField struct {
	Name        string `json:"name"`
	Required    bool   `json:"required"`
	Description string `json:"description"`
	Highlight   bool   `json:"highlight"`
	Priority    bool   `json:"priority"`
}

type sourceKafka struct {
	Partitions  int               `json:"numpartitions"`
	Replication int               `json:"replicationfactor"`
	Config      map[string]string `json:"config"`
}

func settingsOf(src config.Source, expiry time.Duration) sourceSettings {
	out := sourceSettings{IconClass: cmp.Or(src.IconClass, "bug"), References: []referenceField{}, Description: src.Description,
		PartitionUnit: cmp.Or(src.PartitionUnit, "year"), ExpireAfter: cmp.Or(src.ExpireEventsAfter, "0"), ExpireMS: -1, Elastic: map[string]any{},
		NoBackup: src.ExcludeFromBackup, Kafka: sourceKafka{src.Kafka.NumPartitions, src.Kafka.ReplicationFactor, filled(src.Kafka.Config)},
		KafkaConfig: filled(src.Kafka.Config)}
	out.KafkaConfig["cleanup.policy"] = "compact"
	if expiry > 0 {
		out.ExpireMS = expiry.Milliseconds()
		out.KafkaConfig["cleanup.policy"] = "delete"
	}
	out.KafkaConfig["retention.ms"] = strconv.FormatInt(out.ExpireMS, 10)
	for _, r := range src.References {
		out.References = append(out.References, referenceField{r.Name, r.Required, r.Description, r.Highlight, r.Prioritised()})
	}
	return out
}

// sources lists those that are configured. Where none is, every name may be used: then it is those that files came from, and the one of
// what is submitted without.
func (s *Server) sources(ctx context.Context, c *call, _ *Base) (map[string]sourceSettings, error) {
	out := map[string]sourceSettings{}
	for name, src := range s.Config.Sources {
		out[name] = settingsOf(src, s.Config.Expiry(name))
	}
	if len(s.Config.Sources) > 0 {
		return out, nil
	}
	seen, err := s.Index.Sources(ctx, c.reader)
	if err != nil {
		return nil, err
	}
	out[s.Config.DefaultSource] = settingsOf(config.Source{}, 0)
	for _, src := range seen {
		out[src.Name] = settingsOf(config.Source{}, 0)
	}
	return out, nil
}

type SourceInput struct {
	Base
	Name string `path:"name"`
}

type sourceSummary struct {
	Name   string `json:"name"`
	Newest string `json:"newest,omitempty"`
	Files  int64  `json:"num_entities"`
}

func (s *Server) checkSource(ctx context.Context, c *call, in *SourceInput) (struct{}, error) {
	_, err := s.source(ctx, c, in)
	return struct{}{}, err
}

func (s *Server) source(ctx context.Context, c *call, in *SourceInput) (sourceSummary, error) {
	out := sourceSummary{Name: in.Name}
	seen, err := s.Index.Sources(ctx, c.reader)
	if err != nil {
		return out, err
	}
	_, configured := s.Config.Sources[in.Name]
	i := slices.IndexFunc(seen, func(src index.SourceSummary) bool { return src.Name == in.Name })
	if i >= 0 {
		out.Newest, out.Files = stamp(seen[i].Newest), seen[i].Files
	} else if !configured && (len(s.Config.Sources) > 0 || in.Name != s.Config.DefaultSource) {
		return out, refuse(http.StatusNotFound, "not found", "there is no source %.80q", in.Name)
	}
	return out, nil
}

type referencesInput struct {
	SourceInput
	Term string `query:"term" doc:"only sets with this text in a value, in any case"`
}

type referenceSet struct {
	Track     string            `json:"track_source_references"`
	Timestamp string            `json:"timestamp"`
	Files     int64             `json:"num_entities"`
	AtLeast   bool              `json:"num_entities_min"`
	Values    map[string]string `json:"values"`
}

const maxReferenceSets = 1000

func (s *Server) references(ctx context.Context, c *call, in *referencesInput) (items[referenceSet], error) {
	groups, err := s.submitted(ctx, c, in.Name, in.Term, maxReferenceSets)
	if err != nil {
		return items[referenceSet]{}, err
	}
	out := items[referenceSet]{}
	for _, g := range groups {
		out.Items = append(out.Items, referenceSet{g.Track, stamp(g.Newest), g.Files, false, filled(g.References)})
	}
	return out, nil
}

// submitted is what was submitted to a source; nothing is 404.
func (s *Server) submitted(ctx context.Context, c *call, source, term string, limit int) ([]index.SubmissionGroup, error) {
	groups, err := s.Index.Submissions(ctx, c.reader, source, term, limit)
	if err == nil && len(groups) == 0 {
		err = refuse(http.StatusNotFound, "not found", "nothing was submitted to source %.80q with such references", source)
	}
	return groups, err
}

type referenceGroup struct {
	Track     string            `json:"track_source_references_grouped"`
	Timestamp string            `json:"timestamp"`
	Files     int64             `json:"num_entities"`
	AtLeast   bool              `json:"num_entities_min"`
	Values    map[string]string `json:"values"`
}

// groupedReferences joins sets whose references with priority are the same.
func (s *Server) groupedReferences(ctx context.Context, c *call, in *referencesInput) (items[referenceGroup], error) {
	groups, err := s.submitted(ctx, c, in.Name, in.Term, 10*maxReferenceSets)
	if err != nil {
		return items[referenceGroup]{}, err
	}
	out := items[referenceGroup]{}
	at := map[string]int{}
	for _, g := range groups { // the newest first
		values := s.prioritised(in.Name, g.References)
		track := groupedTrack(in.Name, values)
		i, there := at[track]
		if !there {
			i = len(out.Items)
			at[track] = i
			out.Items = append(out.Items, referenceGroup{Track: track, Timestamp: stamp(g.Newest), Values: values})
		}
		joined := &out.Items[i]
		joined.AtLeast = joined.Files > 0 // one file may be in several sets, so that the sum is too much
		joined.Files = max(joined.Files, g.Files)
	}
	out.Items = out.Items[:min(len(out.Items), maxReferenceSets)]
	return out, nil
}

// prioritised leaves the references that have priority. Of a source that is not configured all have.
func (s *Server) prioritised(source string, references map[string]string) map[string]string {
	values := filled(references)
	for _, r := range s.Config.Sources[source].References {
		if !r.Prioritised() {
			delete(values, r.Name)
		}
	}
	return values
}

// groupedTrack names a source and the references that have priority as event.Track names all references.
func groupedTrack(source string, values map[string]string) string {
	sum := md5.New()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		sum.Write([]byte(key + "." + values[key] + "."))
	}
	return source + "." + hex.EncodeToString(sum.Sum(nil))
}

type submissionsInput struct {
	SourceInput
	Track     string `query:"track_source_references" required:"true"`
	Timestamp string `query:"timestamp" doc:"only the submission of this time"`
}

// submissions lists each time at which a set was submitted as a set of its own. Files are counted for the whole set.
func (s *Server) submissions(ctx context.Context, c *call, in *submissionsInput) (items[referenceSet], error) {
	none := items[referenceSet]{}
	var at time.Time
	if in.Timestamp != "" {
		var err error
		if at, err = parseTime("query", "timestamp", in.Timestamp); err != nil {
			return none, err
		}
	}
	groups, err := s.submitted(ctx, c, in.Name, "", 10*maxReferenceSets)
	if err != nil {
		return none, err
	}
	out := items[referenceSet]{}
	for _, g := range groups {
		if g.Track != in.Track {
			continue
		}
		for _, t := range g.Times {
			if at.IsZero() || t.Equal(at) {
				out.Items = append(out.Items, referenceSet{g.Track, stamp(t), g.Files, len(g.Times) > 1, filled(g.References)})
			}
		}
	}
	if len(out.Items) == 0 {
		return none, refuse(http.StatusNotFound, "not found", "there is no such submission")
	}
	return out, nil
}
