package azul

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"lazuli/client"
	"lazuli/event"
	"lazuli/event/eventtest"
)

// testDownload asks a download plugin for a file; it brings it, and says so. (This release of azul-runner brings only what it
// finds in the store already: its test is the wrong way round.)
func testDownload(ctx context.Context, t *testing.T, s *suite) {
	s.run(t, "download.py", "PLUGIN_REQUIRE_HISTORIC=true")
	sha := s.submit(ctx, t, "there already")
	request := &event.Download{Head: event.Head{ModelVersion: event.ModelVersion, Timestamp: event.Now(), Author: event.Author{Category: "user", Name: "bob"}},
		Action: "requested", Entity: event.DownloadEntity{Hash: sha}, Source: eventtest.Binary().Source}
	request.Source.Name = "test"
	api, err := client.NewDispatcher(s.Plugins)
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	if _, err := api.PostEvents(ctx, event.ModelDownload, request); err != nil {
		t.Fatal(err)
	}
	brought := sha256.Sum256([]byte("fetched " + sha))
	s.binary(ctx, t, event.Sourced, "Fetch", hex.EncodeToString(brought[:]))
	s.until(ctx, t, "the outcome of the request", func(events []event.Event) bool {
		for _, ev := range events {
			if d, ok := ev.(*event.Download); ok && d.Author.Name == "Fetch" && d.Entity.Hash == sha {
				return d.Action == "success"
			}
		}
		return false
	})
}
