package iso

import (
	"strings"
	"testing"
	"time"

	"lazuli/plugins/unbox/archive"
	"lazuli/plugins/unbox/archive/archivetest"
)

func TestUDF(t *testing.T) {
	changed := time.Date(2024, 1, 2, 2, 4, 6, 0, time.UTC)
	want := []archivetest.File{
		{Entry: archive.Entry{Name: "inside", Size: 6, Changed: changed}, Content: "inside"},
		{
			Entry:   archive.Entry{Name: "pieces", Size: 1800, Changed: changed},
			Content: strings.Repeat("0", 512) + strings.Repeat("\x00", 512) + strings.Repeat("2", 512) + strings.Repeat("3", 264),
		},
		{Entry: archive.Entry{Name: "link", Link: "../pass", Changed: changed}},
		{Entry: archive.Entry{Name: "folder", Folder: true, Changed: changed}},
	}
	files := archivetest.MustRead(t, Walk, smallUDF())
	if len(files) != len(want) {
		t.Fatalf("%d files: %+v", len(files), files)
	}
	for i, f := range files {
		if f.Entry != want[i].Entry || f.Content != want[i].Content {
			t.Errorf("%+v: %q", f.Entry, f.Content)
		}
	}
}

func TestUDFSuite(t *testing.T) { archivetest.Suite(t, Walk, smallUDF()) }
