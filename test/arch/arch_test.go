// Package arch holds the directions in which packages may import one another; docs/architecture.md draws them.
package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// layer is packages of one kind: what of ours they may import, and where code belongs that wants more. A pattern is a path
// below the module; with /... at its end also everything below that.
type layer struct {
	packages []string
	may      []string
	instead  string
}

// foundation are the packages that know one thing each, and event.
var foundation = []string{
	"internal/index", "internal/index/query", "internal/blob", "internal/eventlog", "internal/identify", "internal/digest", "internal/cart", "internal/inspect",
	"internal/bulk", "internal/security", "event",
}

// pure are the helpers without state that plugins may share with the platform.
var pure = []string{"internal/identify", "internal/identify/zoo", "internal/digest", "internal/cart"}

// layers go from the bottom up. A package belongs to the first that names it, and may always import what lies below itself.
var layers = []layer{
	{
		packages: []string{"event/..."},
		instead:  "event is the bottom and knows nothing of ours; what needs both belongs to the package that imports event",
	},
	{
		packages: []string{"internal/security/..."},
		instead:  "security is the algebra of labels alone; what applies it belongs to internal/dispatcher or internal/api",
	},
	{
		packages: []string{"internal/config"},
		may:      []string{"internal/security"}, // its configuration is checked with the others
		instead:  "config only reads settings; what acts on them belongs to cmd/lazuli or to the part that is set",
	},
	{
		packages: []string{"internal/index/..."},
		may:      []string{"internal/index/query", "internal/digest"}, // fuzzy hashes are compared where they are found
		instead:  "the index knows nothing of the log, of HTTP or of labels; what joins it with them belongs to internal/ingest or api",
	},
	{
		packages: []string{
			"internal/blob/...", "internal/eventlog/...", "internal/identify/...", "internal/digest/...", "internal/cart/...", "internal/inspect/...",
		},
		may:     []string{"event", "internal/security"},
		instead: "these know one thing each and not one another; what joins two of them belongs to internal/dispatcher, ingest or api",
	},
	{
		packages: []string{"internal/bulk/..."},
		may:      []string{"internal/cart"}, // members may be wrapped
		instead:  "bulk writes an archive of what it is handed; what finds and opens files belongs to internal/api",
	},
	{
		packages: []string{"client/..."},
		may:      []string{"event"},
		instead:  "client is for others to import and speaks over the wire; what needs the platform's insides belongs to internal/api or internal/dispatcher",
	},
	{
		packages: []string{"plugin/plugintest/..."},
		may:      append([]string{"plugin", "event"}, pure...),
		instead:  "plugintest runs a plugin over bytes; what needs a platform belongs to test/platform",
	},
	{
		packages: []string{"plugin/..."},
		may:      []string{"event", "client"},
		instead:  "the kit is for others to import; what a plugin needs of a library goes into that plugin, what hosts plugins into internal/worker",
	},
	{
		packages: []string{"plugins/..."},
		may:      append([]string{"plugin", "event"}, pure...),
		instead:  "a plugin sees jobs only through lazuli/plugin; what the platform must do for it belongs to internal/dispatcher or internal/worker",
	},
	{
		packages: []string{"internal/web/..."},
		may:      append([]string{"internal/api/...", "internal/config"}, foundation...),
		instead:  "pages show what internal/api answers; the rest belongs there",
	},
	{
		packages: []string{"internal/worker/..."},
		may:      append([]string{"plugin", "client", "internal/config"}, foundation...),
		instead:  "workers reach the platform over the wire like any plugin; what brings parts together belongs to cmd/lazuli",
	},
	{
		packages: []string{"internal/api/..."},
		may:      append([]string{"internal/api/...", "internal/config"}, foundation...),
		instead:  "REST says what it needs of the other parts as a small interface; the two are put together in cmd/lazuli",
	},
	{
		packages: []string{"internal/ingest/...", "internal/dispatcher/...", "internal/auth/...", "internal/serve/..."},
		may:      append([]string{"internal/config"}, foundation...),
		instead:  "the parts do not know one another: say what is needed as a small interface here, and put the two together in cmd/lazuli",
	},
	{
		packages: []string{"cmd/...", "test/..."},
		may:      []string{"client/...", "event/...", "internal/...", "plugin/...", "plugins/...", "test/..."},
		instead:  "commands are imported by nobody; shared code belongs below internal",
	},
}

// vague are names that say nothing of what is in a package.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "base", "models", "types"}

// listed is a package as `go list` tells it.
type listed struct {
	ImportPath string
	Imports    []string
}

func TestImports(t *testing.T) {
	packages, module := list(t)
	if len(packages) < 5 {
		t.Fatalf("go list names only %d packages", len(packages))
	}
	for _, p := range packages {
		for _, fault := range check(p, module) {
			t.Error(fault)
		}
	}
}

// list returns our packages, paths below the module, and the module's name. Imports of tests are not in it: a test may bring
// anything together.
func list(t *testing.T) ([]listed, string) {
	t.Helper()
	run := func(args ...string) []byte {
		cmd := exec.Command("go", args...)
		cmd.Dir = "../.."
		var errOut bytes.Buffer
		cmd.Stderr = &errOut
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, &errOut)
		}
		return out
	}
	module := strings.TrimSpace(string(run("list", "-m")))
	// -e, because what does not compile is the compiler's to tell.
	dec := json.NewDecoder(bytes.NewReader(run("list", "-e", "-json=ImportPath,Imports", "./...")))
	var packages []listed
	for {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages, module
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// check returns what is wrong with a package: one line for each import.
func check(p listed, module string) []string {
	name, ours := strings.CutPrefix(p.ImportPath, module+"/")
	if !ours {
		return []string{p.ImportPath + ": the module's root holds no code; it belongs to cmd/lazuli or below internal"}
	}
	var faults []string
	if slices.Contains(vague, path.Base(name)) {
		faults = append(faults, name+": the name says nothing of what is in it; put the code where it is used, or name what it is about")
	}
	l, ok := layerOf(name)
	if !ok {
		return append(faults, name+": belongs to no layer yet; give it a place in the layers of test/arch and in docs/architecture.md")
	}
	for _, imported := range p.Imports {
		below, ours := strings.CutPrefix(imported, module+"/")
		if ours && !related(name, below) && !onePlugin(name, below) && !(forTests(name) && forTests(below)) && !matchesAny(l.may, below) {
			faults = append(faults, fmt.Sprintf("%s imports %s: %s", name, below, l.instead))
		}
	}
	return faults
}

func layerOf(name string) (layer, bool) {
	for _, l := range layers {
		if matchesAny(l.packages, name) {
			return l, true
		}
	}
	return layer{}, false
}

// related tells whether one of two packages lies below the other: blob and blobtest, plugins and plugins/unbox.
func related(a, b string) bool {
	return strings.HasPrefix(b, a+"/") || strings.HasPrefix(a, b+"/")
}

// onePlugin tells whether two packages are parts of one plugin: plugins/unbox/cab and plugins/unbox/archive.
func onePlugin(a, b string) bool {
	plugin := func(name string) string {
		parts := strings.SplitN(name, "/", 3)
		if len(parts) < 3 || parts[0] != "plugins" {
			return ""
		}
		return parts[1]
	}
	return plugin(a) != "" && plugin(a) == plugin(b)
}

// forTests tells whether a package exists for tests, such as eventtest; these may help one another.
func forTests(name string) bool { return strings.HasSuffix(name, "test") }

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if root, ok := strings.CutSuffix(pattern, "/..."); ok {
			return name == root || strings.HasPrefix(name, root+"/")
		}
		return name == pattern
	})
}

// TestCheck: the rules tell right from wrong.
func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		fault    string // "" if it is allowed, otherwise a part of what is said
	}{
		{"cmd/lazuli", "internal/api", ""},
		{"cmd/lazuli", "plugins", ""},
		{"internal/web", "internal/api", ""},
		{"internal/api", "internal/web", "a small interface"},
		{"internal/api", "internal/index", ""},
		{"internal/api", "internal/config", ""},
		{"internal/api", "internal/dispatcher", "a small interface"},
		{"internal/dispatcher", "internal/worker", "a small interface"},
		{"internal/dispatcher", "plugin", "a small interface"},
		{"internal/worker", "plugin", ""},
		{"internal/worker", "plugins/unbox", "cmd/lazuli"},
		{"internal/index", "event", "nothing of the log"},
		{"internal/index", "internal/digest", ""},
		{"internal/index", "internal/eventlog", "nothing of the log"},
		{"internal/blob/blobtest", "internal/blob", ""},
		{"internal/blob", "internal/config", "know one thing each"},
		{"internal/config", "event", "only reads settings"},
		{"internal/bulk", "internal/cart", ""},
		{"internal/bulk", "internal/blob", "what it is handed"},
		{"internal/inspect", "internal/blob", "know one thing each"},
		{"event", "internal/digest", "event is the bottom"},
		{"event/eventtest", "event", ""},
		{"internal/worker/workertest", "event/eventtest", ""},
		{"internal/worker", "event/eventtest", "over the wire"},
		{"client", "event", ""},
		{"client", "internal/index", "speaks over the wire"},
		{"plugin", "client", ""},
		{"plugin", "internal/identify", "the kit is for others"},
		{"plugin/plugintest", "internal/identify", ""},
		{"plugins/unbox", "plugin", ""},
		{"plugins/unbox", "internal/identify", ""},
		{"plugins/unbox", "internal/blob", "only through lazuli/plugin"},
		{"plugins/unbox", "plugins/entropy", "only through lazuli/plugin"},
		{"plugins", "plugins/unbox", ""},
		{"plugins/unbox/cab", "plugins/unbox/archive", ""},
		{"plugins/entropy/blocks", "plugins/unbox/archive", "only through lazuli/plugin"},
		{"internal/api", "cmd/lazuli", "a small interface"},
		{"internal/novelty", "event", "belongs to no layer yet"},
		{"internal/api/util", "event", "the name says nothing"},
	} {
		faults := check(listed{"m/" + tc.from, []string{"fmt", "example.com/m/internal/web", "m/" + tc.to}}, "m")
		text := strings.Join(faults, "\n")
		if tc.fault == "" && text != "" || !strings.Contains(text, tc.fault) {
			t.Errorf("%s imports %s: got %q, want %q", tc.from, tc.to, text, tc.fault)
		}
	}
}
