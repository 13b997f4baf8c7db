package query

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocs reads docs/search.md. Queries in it are lines that are indented by four spaces, and what stands between the first
// two backquotes of a row in a table whose first column is called query; under mistake are those that must be refused.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/search.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("`([^`]+)`")
	column, queries, mistakes := "", 0, 0
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSuffix(line, "\n")
		if query, ok := strings.CutPrefix(line, "    "); ok {
			understood(t, query)
			if _, err := Parse(query, testNow); err != nil {
				t.Errorf("%s: %v", query, err)
			}
			queries++
			continue
		}
		if !strings.HasPrefix(line, "| ") {
			if !strings.HasPrefix(line, "|-") {
				column = ""
			}
			continue
		}
		first := strings.Split(line, " | ")[0]
		if column == "" {
			column = strings.Trim(first, "| ")
			continue
		}
		found := code.FindStringSubmatch(first)
		if found == nil {
			t.Errorf("there is no example in: %s", line)
			continue
		}
		_, err := Parse(found[1], testNow)
		switch column {
		case "query":
			if err != nil {
				t.Errorf("%s: %v", found[1], err)
			}
			queries++
		case "mistake":
			if err == nil {
				t.Errorf("%s is understood", found[1])
			}
			for _, instead := range code.FindAllStringSubmatch(strings.Split(line, " | ")[1], -1) {
				if _, err := Parse(instead[1], testNow); err != nil {
					t.Errorf("%s: %v", instead[1], err)
				}
			}
			mistakes++
		}
	}
	if queries < 50 || mistakes < 5 {
		t.Errorf("the page has %d queries and %d mistakes: was its form changed?", queries, mistakes)
	}
	for _, f := range Fields() {
		if !f.Hidden && !strings.Contains(string(page), "`"+f.Name+"`") {
			t.Errorf("the page does not name %s", f.Name)
		}
	}
}
