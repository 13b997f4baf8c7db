package dispatcher

import (
	"slices"
	"strings"
	"time"

	"lazuli/event"
)

// filter is a consumer's rules, compiled from its newest poll. It looks at the routing record alone.
type filter struct {
	model    event.Model
	self     string // author to leave out; "" for none
	sources  []string
	actions  []event.Action // allow-list; nil is all
	deny     []event.Action
	content  bool // a content stream is needed
	under    uint64
	over     uint64
	streams  []streamRule
	maxDepth int
	security *guard // of binary and download; nil lets everything through
	expiry   func(source string) time.Duration
}

// streamRule asks for one stream with a label ("*" is any) whose format has one of the prefixes (none is any format).
type streamRule struct {
	label    event.Label
	prefixes []string
}

// The reasons for a skip are named as the reference names them: filter and rule.
const (
	passed          = ""
	skipExpired     = "PipelineAgeoff-ageoff"
	skipDeep        = "FilterTooDeep-too_deep"
	skipSecurity    = "FilterSecurity-max_security"
	skipSource      = "FilterConsumerRules-reject_source"
	skipEventType   = "FilterConsumerRules-reject_event_type"
	skipSelf        = "FilterConsumerRules-reject_self"
	skipTooLarge    = "FilterConsumerRules-reject_content_too_large"
	skipTooSmall    = "FilterConsumerRules-reject_content_too_small"
	skipStream      = "FilterConsumerRules-reject_stream"
	skipFormat      = "FilterConsumerRules-reject_file_format"
	skipNoContent   = "FilterConsumerRules-reject_no_content"
	skipPluginOnly  = "FilterConsumerRules-reject_expedite_plugin"
	skipDeleted     = "FilterPreviouslyDeleted-deleted" // found by consumer.skip, not by the rules
	longPollIdle    = "LongPoll-idle"
	activeMaxDepth  = 10
	passiveMaxDepth = 11
)

// skip returns why the event is not for this consumer, or passed. name is the consumer's plugin name. The caller holds the
// consumer's lock.
func (f *filter) skip(r *event.Routing, name string, now time.Time) string {
	switch f.model {
	case event.ModelBinary, event.ModelStatus:
	case event.ModelDownload:
		if f.security.skips(r.Security) {
			return skipSecurity
		}
		return passed
	default:
		return passed
	}
	if expiry := f.expiry(r.Source); expiry > 0 && !r.Submitted.IsZero() && r.Submitted.Add(expiry).Before(now) {
		return skipExpired
	}
	if f.model == event.ModelBinary && r.Depth > f.maxDepth {
		return skipDeep
	}
	if f.security.skips(r.Security) {
		return skipSecurity
	}
	if len(f.sources) > 0 && !slices.Contains(f.sources, r.Source) {
		return skipSource
	}
	if len(f.actions) > 0 && !slices.Contains(f.actions, r.Action) || slices.Contains(f.deny, r.Action) {
		return skipEventType
	}
	if f.self != "" && r.Author == f.self {
		return skipSelf
	}
	if f.model == event.ModelStatus {
		return passed
	}
	if r.Flags.Expedite && r.Settings != "" && r.Settings != name {
		return skipPluginOnly
	}
	return f.skipStreams(r.Streams)
}

// skipStreams applies the rule that the reference documents: at least one stream for each label that is asked for;
// further streams do not matter.
func (f *filter) skipStreams(streams []event.RoutingStream) string {
	hasContent := false
	for i := range streams {
		if streams[i].Label != event.LabelContent {
			continue
		}
		hasContent = true
		if f.under > 0 && streams[i].Size > f.under {
			return skipTooLarge
		}
		if streams[i].Size < f.over {
			return skipTooSmall
		}
	}
	for i := range f.streams {
		if reason := f.streams[i].skip(streams); reason != passed {
			return reason
		}
	}
	if !hasContent && (f.content || f.under > 0 || f.over > 0) {
		return skipNoContent
	}
	return passed
}

func (rule *streamRule) skip(streams []event.RoutingStream) string {
	labelSeen := false
	for i := range streams {
		if rule.label != "*" && streams[i].Label != rule.label {
			continue
		}
		labelSeen = true
		if len(rule.prefixes) == 0 {
			return passed
		}
		for _, p := range rule.prefixes {
			if strings.HasPrefix(streams[i].Format, p) {
				return passed
			}
		}
	}
	if labelSeen {
		return skipFormat
	}
	return skipStream
}
