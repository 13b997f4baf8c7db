package azul

import (
	"context"
	"net/http"
	"strings"

	"lazuli/event"
	"lazuli/internal/api/submit"
	"lazuli/internal/index"
)

// The downloads here are those of plugins that fetch a file from elsewhere; content.go is what clients download.

func (s *Server) registerDownloads() {
	const tag = "downloads"
	bare(s, operation(http.MethodPost, prefix+"/binaries/source/download", "request-download", "Ask plugins to fetch a file from elsewhere", tag), s.requestDownload)
	bare(s, operation(http.MethodGet, prefix+"/binaries/source/download/{sha256}", "download-statuses", "What became of it", tag), s.downloadStatuses)
	bare(s, operation(http.MethodGet, prefix+"/plugins/download", "download-plugins", "The plugins that have fetched files", tag), s.downloadPlugins)
}

type downloadInput struct {
	Base
	Body struct {
		_          struct{}          `json:"-" additionalProperties:"true"`
		SHA256     string            `json:"sha256" pattern:"^[0-9a-fA-F]{64}$"`
		Security   string            `json:"security,omitempty"`
		Source     string            `json:"source_id"`
		References map[string]string `json:"references,omitempty"`
		Settings   map[string]string `json:"settings,omitempty"`
	}
}

type downloadState struct {
	SHA256    string        `json:"sha256"`
	Security  string        `json:"last_download_security"`
	Timestamp string        `json:"last_download_timestamp"`
	Author    string        `json:"last_download_author_name"`
	Statuses  []statusEvent `json:"plugin_statuses"`
}

func (s *Server) requestDownload(ctx context.Context, c *call, in *downloadInput) (downloadState, error) {
	none := downloadState{}
	b := &in.Body
	label, err := s.submitLabel(c, b.Security)
	if err != nil {
		return none, err
	}
	if err := submit.Check(s.Config, b.Source, b.References); err != nil {
		return none, err
	}
	now := event.Now()
	sha := strings.ToLower(b.SHA256)
	ev := &event.Download{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: now, Author: event.Author{Category: "user", Name: c.User, Security: label}},
		Action: "requested", Entity: event.DownloadEntity{Hash: sha},
		Source: event.Source{Name: b.Source, Timestamp: now, References: b.References, Settings: b.Settings, Security: label}}
	if err := s.Dispatcher.Publish(ctx, ev); err != nil {
		return none, s.uploadError(err)
	}
	c.label(label)
	statuses, err := s.downloads(ctx, c, sha)
	return downloadState{sha, label, stamp(now.Time), c.User, statuses}, err
}

type downloadStatusInput struct {
	SHA256Input
	Requests bool `query:"include_download_requests" doc:"also what people asked for"`
}

func (s *Server) downloadStatuses(ctx context.Context, c *call, in *downloadStatusInput) ([]statusEvent, error) {
	list, err := s.downloads(ctx, c, strings.ToLower(in.SHA256))
	if err != nil || in.Requests {
		return list, err
	}
	out := []statusEvent{}
	for _, e := range list {
		if e.Entity.Status != string(event.DownloadRequested) {
			out = append(out, e)
		}
	}
	return out, nil
}

// downloads are the statuses of a file that are about fetching it.
func (s *Server) downloads(ctx context.Context, c *call, sha string) ([]statusEvent, error) {
	list, err := s.Index.Statuses(ctx, c.reader, sha)
	if err != nil {
		return nil, err
	}
	out := []statusEvent{}
	for i := range list {
		if d := &list[i]; d.Input == "" || d.State == string(event.DownloadRequested) {
			c.label(d.Label)
			out = append(out, statusOf(d))
		}
	}
	return out, nil
}

// downloadPlugins lists the plugins that say that they fetch files.
func (s *Server) downloadPlugins(ctx context.Context, c *call, _ *Base) ([]author, error) {
	list, err := s.Index.Plugins(ctx, c.reader)
	if err != nil {
		return nil, err
	}
	out := []author{}
	for _, g := range versionsOf(list) {
		if p := g[0]; fetches(p) {
			c.label(p.Security)
			out = append(out, author{p.Security, pluginOf(p).Category, p.Name, p.Version})
		}
	}
	return out, nil
}

func fetches(p *index.Plugin) bool { return strings.Contains(strings.ToLower(p.Category), "download") }
