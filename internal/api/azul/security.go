package azul

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"lazuli/internal/security"
)

func (s *Server) registerSecurity() {
	const tag = "security"
	bare(s, operation(http.MethodGet, prefix+"/security", "security", "The labels that there are", tag), s.securitySettings)
	bare(s, operation(http.MethodPost, "/api/v1/security/normalise", "normalise", "The normal form of a label", tag), s.normalise)
	bare(s, operation(http.MethodPost, "/api/v1/security/max", "max", "The label of what has parts with these labels", tag), s.maxLabel)
	bare(s, operation(http.MethodPost, "/api/v1/security/can-access", "can-access", "Whether who may read up to one label may read another", tag), s.canAccess)
	bare(s, operation(http.MethodGet, prefix+"/security/is_admin", "is-admin", "Whether you are an administrator", tag),
		func(_ context.Context, c *call, _ *Base) (bool, error) { return c.Admin, nil })
	bare(s, operation(http.MethodGet, prefix+"/users/me", "me", "Who you are", tag), s.me)
	bare(s, operation(http.MethodGet, prefix+"/users/me/opensearch", "my-access", "What you may see", tag), s.myAccess)
	bare(s, operation(http.MethodGet, prefix+"/readonly", "readonly", "Whether nothing can be submitted", tag),
		func(context.Context, *call, *Base) (bool, error) { return false, nil })
}

type securitySettings struct {
	Labels   securityLabels `json:"labels"`
	Default  string         `json:"default"`
	Presets  []string       `json:"presets"`
	Required []string       `json:"minimum_required_access"`
	RelFrom  *int           `json:"allow_releasability_priority_gte"`
	Admins   []string       `json:"admin_roles"`
}

type securityLabels struct {
	Classification labelGroup `json:"classification"`
	Caveat         labelGroup `json:"caveat"`
	Releasability  labelGroup `json:"releasability"`
	TLP            labelGroup `json:"tlp"`
}

type labelGroup struct {
	Title   string        `json:"title"`
	Origin  string        `json:"origin,omitempty"`
	AltName string        `json:"origin_alt_name,omitempty"`
	Prefix  string        `json:"prefix,omitempty"`
	Options []labelOption `json:"options"`
}

type labelOption struct {
	Name        string `json:"name"`
	Priority    int    `json:"priority"`
	MinPriority *int   `json:"min_priority,omitempty"`
	MaxPriority *int   `json:"max_priority,omitempty"`
	Enforce     *bool  `json:"enforce_security,omitempty"`
}

func (s *Server) securitySettings(_ context.Context, c *call, _ *Base) (securitySettings, error) {
	l := &s.Config.Security.Labels
	rel := &l.Releasability
	out := securitySettings{Default: s.Scheme.Default().String(), Presets: c.presets(), Required: some(s.Config.Security.Required), RelFrom: s.Config.Security.RelPriority,
		Admins: some(s.Config.Security.AdminRoles)}
	out.Labels.Classification = group(l.Classification.Title, l.Classification.Options, func(o security.Classification) labelOption {
		return labelOption{Name: o.Name, Priority: o.Priority}
	})
	out.Labels.Caveat = group(l.Caveat.Title, l.Caveat.Options, func(o security.Caveat) labelOption {
		return labelOption{Name: o.Name, Priority: o.Priority, MinPriority: &o.MinPriority, MaxPriority: o.MaxPriority}
	})
	out.Labels.Releasability = group(rel.Title, rel.Options, func(o security.Group) labelOption { return labelOption{Name: o.Name, Priority: o.Priority} })
	out.Labels.Releasability.Origin, out.Labels.Releasability.AltName, out.Labels.Releasability.Prefix = rel.Origin, rel.OriginAltName, rel.Prefix
	out.Labels.TLP = group(l.TLP.Title, l.TLP.Options, func(o security.TLP) labelOption {
		return labelOption{Name: o.Name, Priority: o.Priority, Enforce: &o.Enforce}
	})
	return out, nil
}

func group[T any](title string, options []T, option func(T) labelOption) labelGroup {
	g := labelGroup{Title: title, Options: []labelOption{}}
	for _, o := range options {
		g.Options = append(g.Options, option(o))
	}
	return g
}

// presets are the labels that forms offer to this reader.
func (c *call) presets() []string {
	out := []string{}
	for _, p := range c.Scheme.Presets() {
		if text := p.String(); c.MayRead(text) {
			out = append(out, text)
		}
	}
	return out
}

type normaliseInput struct {
	Base
	Body struct {
		_        struct{} `json:"-" additionalProperties:"true"`
		Security string   `json:"security"`
	}
}

func (s *Server) normalise(_ context.Context, _ *call, in *normaliseInput) (string, error) {
	text, err := s.Scheme.Normalise(in.Body.Security)
	if err != nil {
		return "", refuse(http.StatusBadRequest, "bad security", "%s", err.Error())
	}
	return text, nil
}

type maxInput struct {
	Base
	Body []string `minItems:"1" maxItems:"10000"`
}

func (s *Server) maxLabel(_ context.Context, _ *call, in *maxInput) (string, error) {
	labels := make([]security.Label, len(in.Body))
	for i, text := range in.Body {
		var err error
		if labels[i], err = s.Scheme.Parse(text); err != nil {
			return "", refuse(http.StatusBadRequest, "bad security", "%s", err.Error())
		}
	}
	highest, err := s.Scheme.Max(labels...)
	if err != nil {
		return "", refuse(http.StatusBadRequest, "bad security", "%s", err.Error())
	}
	return highest.String(), nil
}

type canAccessInput struct {
	Base
	Body struct {
		Reader   string `json:"reader,omitempty" doc:"up to what somebody may read; without it, what you may read"`
		Security string `json:"security" doc:"the label of what is read"`
	}
}

func (s *Server) canAccess(_ context.Context, c *call, in *canAccessInput) (bool, error) {
	guarded, err := s.Scheme.Parse(in.Body.Security)
	if err != nil {
		return false, refuse(http.StatusBadRequest, "bad security", "%s", err.Error())
	}
	if in.Body.Reader == "" {
		return c.MayRead(guarded.String()), nil
	}
	up, err := s.Scheme.Parse(in.Body.Reader)
	if err != nil {
		return false, refuse(http.StatusBadRequest, "bad security", "%s", err.Error())
	}
	return s.Scheme.CanAccess(up, guarded), nil
}

type user struct {
	Username  string         `json:"username"`
	Org       string         `json:"org"`
	Roles     []string       `json:"roles"`
	APIAccess []string       `json:"api_access"`
	Email     string         `json:"email,omitempty"`
	Decoded   map[string]any `json:"decoded"`
	UniqueID  string         `json:"unique_id"`
}

func (s *Server) me(_ context.Context, c *call, _ *Base) (user, error) {
	return user{c.User, c.Org, some(c.Roles), []string{"all"}, c.Email, map[string]any{}, c.User}, nil
}

type userAccess struct {
	Account    map[string]any `json:"account_info"`
	Enabled    bool           `json:"security_enabled"`
	Privileged bool           `json:"privileged"`
	Roles      []string       `json:"roles"`
	Security   userSecurity   `json:"security"`
}

type userSecurity struct {
	Labels     []string `json:"labels"`
	Inclusive  []string `json:"labels_inclusive"`
	Exclusive  []string `json:"labels_exclusive"`
	Markings   []string `json:"labels_markings"`
	Unique     string   `json:"unique"`
	MaxAccess  string   `json:"max_access"`
	MaxDisplay string   `json:"max_access_display"`
	Presets    []string `json:"allowed_presets"`
}

// myAccess says what the reader may see, in the terms of the reference: groups are inclusive, classifications and caveats
// exclusive, TLPs markings.
func (s *Server) myAccess(_ context.Context, c *call, _ *Base) (userAccess, error) {
	classes, caveats, groups, tlps := s.Scheme.Names()
	out := userAccess{Account: map[string]any{"user_name": c.User}, Enabled: true, Privileged: c.All, Roles: some(c.Roles)}
	sec := &out.Security
	sec.Exclusive = c.holds(append(classes, caveats...))
	sec.Inclusive, sec.Markings = c.holds(groups), c.holds(tlps)
	sec.Labels = slices.Concat(sec.Exclusive, sec.Inclusive, sec.Markings)
	sum := md5.Sum([]byte(strings.Join(sec.Labels, ".")))
	sec.Unique = hex.EncodeToString(sum[:])
	sec.Presets = c.presets()
	sec.MaxAccess = c.highest()
	sec.MaxDisplay = sec.MaxAccess
	return out, nil
}

// holds leaves the names of parts that the reader has. A classification counts as held when something that is below it may be read.
func (c *call) holds(names []string) []string {
	out := []string{}
	for _, name := range names {
		if c.All || slices.ContainsFunc(c.Up, func(up security.Label) bool { return c.Scheme.Holds(up, name) }) {
			out = append(out, name)
		}
	}
	return out
}

// highest is the label up to which the reader may read: that of all that is configured for who sees everything. "" if there is none
// for all of it together.
func (c *call) highest() string {
	if !c.All {
		labels := make([]string, len(c.Up))
		for i, up := range c.Up {
			labels[i] = up.String()
		}
		text, _ := c.Highest(labels)
		return text
	}
	classes, caveats, groups, tlps := c.Scheme.Names()
	words := append(classes[len(classes)-1:], caveats...)
	words = append(words, groups...)
	if len(tlps) > 0 {
		words = append(words, tlps[len(tlps)-1])
	}
	text, err := c.Scheme.Normalise(strings.Join(words, " "))
	if err != nil {
		return words[0]
	}
	return text
}
