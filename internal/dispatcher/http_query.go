package dispatcher

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lazuli/event"
)

func clampDeadline(d time.Duration) time.Duration {
	if d <= 0 {
		return defaultDeadline
	}
	return min(d, maxDeadline)
}

// parsePoll reads a poll's query. Every message names the parameter.
func (d *Dispatcher) parsePoll(modelName string, q url.Values, active bool) (*poll, error) {
	model, err := event.ParseModel(modelName)
	if err != nil {
		return nil, err
	}
	get := &queryReader{q: q}
	p := &poll{active: active, leased: active && (model == event.ModelBinary || model == event.ModelDownload), avro: get.bool("avro-format")}
	text := func(key string) string { return strings.ToValidUTF8(q.Get(key), "\uFFFD") } // names of groups and JSON must be
	p.identity = identity{Name: text("name"), Version: text("version"), Model: model, Debug: get.bool("debug")}
	p.count = min(max(get.int("count", 1), 1), maxCount)
	p.deadline = clampDeadline(time.Duration(get.int("deadline", int(defaultDeadline.Seconds()))) * time.Second)
	p.feeds[feedExpedite], p.feeds[feedLive], p.feeds[feedHistoric] = get.bool("r-expedite"), get.bool("r-live"), get.bool("r-historic")
	f := filter{model: model, maxDepth: passiveMaxDepth, expiry: d.opts.Sources.Expiry}
	if active {
		f.maxDepth = activeMaxDepth
	}
	f.sources = q["r-source"]
	f.actions, f.deny = get.actions("r-action"), get.actions("d-action")
	if f.content = get.bool("r-content"); f.content {
		if len(f.actions)+len(f.deny) > 0 {
			return nil, errors.New("r-content cannot be combined with r-action or d-action")
		}
		f.actions = []event.Action{event.Sourced, event.Extracted}
	}
	if get.bool("d-self") {
		f.self = p.identity.Name
	}
	f.under, f.over = uint64(max(get.int("r-under-content-size", 0), 0)), uint64(max(get.int("r-over-content-size", 0), 0))
	f.streams = streamRules(q["r-streams"])
	if get.err != nil {
		return nil, get.err
	}
	switch {
	case len(p.identity.Name) > 256 || len(p.identity.Version) > 256:
		return nil, errors.New("name and version must be at most 256 bytes")
	case strings.ContainsRune(p.identity.Name+p.identity.Version+strings.Join(f.sources, ""), 0):
		return nil, errors.New("name, version and r-source must not hold zero bytes: no consumer group could have that name")
	case p.feeds == feedSet{}:
		return nil, errors.New("one of r-expedite, r-live and r-historic must be true")
	case p.feeds[feedExpedite] && model != event.ModelBinary:
		return nil, errors.New("r-expedite is for model binary alone")
	case f.under > 0 && f.over > f.under:
		return nil, errors.New("r-over-content-size is larger than r-under-content-size")
	}
	if limit := q.Get("max-security"); limit != "" {
		guard, err := newGuard(d.opts.Security, limit)
		if err != nil {
			return nil, fmt.Errorf("max-security: %w", err)
		}
		if model == event.ModelBinary || model == event.ModelDownload {
			f.security = guard
		}
	}
	if model == event.ModelBinary {
		p.identity.Sources, p.identity.Actions = sortedSet(f.sources), sortedSet(f.actions)
	}
	p.feeds[feedRetry], p.reset = p.leased && model == event.ModelBinary, get.bool("reset")
	p.filter = f
	q = maps.Clone(q)
	for _, key := range []string{"count", "deadline", "deployment_key", "reset", "avro-format"} {
		q.Del(key)
	}
	p.query = q.Encode()
	return p, nil
}

func sortedSet[T ~string](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// streamRules reads r-streams values: "label,format,format…"; rules for the same label are one.
func streamRules(values []string) []streamRule {
	var rules []streamRule
	for _, value := range values {
		parts := slices.DeleteFunc(strings.Split(value, ","), func(s string) bool { return strings.TrimSpace(s) == "" })
		if len(parts) == 0 {
			continue
		}
		label := event.Label(parts[0])
		if i := slices.IndexFunc(rules, func(r streamRule) bool { return r.label == label }); i >= 0 {
			rules[i].prefixes = append(rules[i].prefixes, parts[1:]...)
			continue
		}
		rules = append(rules, streamRule{label, parts[1:]})
	}
	return rules
}

// queryReader reads typed parameters and keeps the first error. An empty value is the default.
type queryReader struct {
	q   url.Values
	err error
}

func (r *queryReader) fail(key, value, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s=%q is not %s", key, value, want)
	}
}

func (r *queryReader) bool(key string) bool {
	text := r.q.Get(key)
	if text == "" {
		return false
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		r.fail(key, text, "true or false")
	}
	return v
}

func (r *queryReader) int(key string, def int) int {
	text := r.q.Get(key)
	if text == "" {
		return def
	}
	v, err := strconv.Atoi(text)
	if err != nil {
		r.fail(key, text, "a whole number")
	}
	return v
}

func (r *queryReader) actions(key string) []event.Action {
	var list []event.Action
	for _, text := range r.q[key] {
		a, err := event.ParseAction(text)
		if err != nil {
			r.fail(key, text, "an action of binary events")
		}
		list = append(list, a)
	}
	return list
}
