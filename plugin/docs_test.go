package plugin_test

import (
	"os"
	"strings"
	"testing"
)

// TestDocs: the plugin in docs/plugins.md is the one of the Example, to the letter.
func TestDocs(t *testing.T) {
	code, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile("../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(code), "// Links finds links in text.\n")
	body, _, found := strings.Cut(rest, "func Example()")
	if shown := "// Links finds links in text.\n" + strings.TrimSpace(body); !found || !strings.Contains(string(docs), shown) {
		t.Errorf("docs/plugins.md does not show the plugin of plugin/example_test.go:\n%s", shown)
	}
}
