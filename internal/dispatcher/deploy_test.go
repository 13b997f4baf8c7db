package dispatcher

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// registered maps the names of all metrics of a platform to their labels, with those that a histogram adds.
func registered(t *testing.T) map[string][]string {
	t.Helper()
	process := prometheus.NewRegistry()
	process.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	families, err := process.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{"up": {"instance", "job"}} // made by Prometheus itself
	for _, f := range families {
		all[f.GetName()] = []string{"instance", "job"}
	}
	for _, line := range metricNames(t) {
		name, _, _ := strings.Cut(line, " ")
		name, labels, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
		list := append(strings.Split(labels, ","), "instance", "job")
		all[name] = list
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			all[name+part] = append(list, "le")
		}
	}
	return all
}

var (
	quoted   = regexp.MustCompile(`"[^"]*"`)
	ranges   = regexp.MustCompile(`\[[^\]]*\]`)
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
	selector = regexp.MustCompile(`([a-z_]+)\{([^}]*)\}`)
	word     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	number   = regexp.MustCompile(`\b[0-9][0-9.e]*\b`)
)

// promWords are functions and operators of PromQL that the expressions use; anything else must be a metric.
var promWords = []string{"sum", "max", "rate", "increase", "deriv", "topk", "histogram_quantile", "and"}

// checkExpression returns what an expression names that does not exist.
func checkExpression(expr string, metrics map[string][]string) (faults []string) {
	var labels []string
	text := ranges.ReplaceAllString(quoted.ReplaceAllString(expr, ""), "")
	for _, m := range grouping.FindAllStringSubmatch(text, -1) {
		labels = append(labels, word.FindAllString(m[1], -1)...)
	}
	for _, m := range selector.FindAllStringSubmatch(text, -1) {
		for _, label := range word.FindAllString(m[2], -1) {
			if !slices.Contains(metrics[m[1]], label) {
				faults = append(faults, fmt.Sprintf("%s has no label %s", m[1], label))
			}
		}
	}
	text = number.ReplaceAllString(grouping.ReplaceAllString(text, ""), "")
	text = regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(text, "")
	var used []string
	for _, name := range word.FindAllString(text, -1) {
		if slices.Contains(promWords, name) {
			continue
		}
		if _, ok := metrics[name]; !ok {
			faults = append(faults, "no metric is called "+name)
			continue
		}
		used = append(used, name)
	}
	if len(used) == 0 && faults == nil {
		faults = append(faults, "it uses no metric")
	}
	for _, name := range used {
		for _, label := range labels {
			if !slices.Contains(metrics[name], label) {
				faults = append(faults, fmt.Sprintf("%s has no label %s", name, label))
			}
		}
	}
	return faults
}

type panel struct {
	ID      int
	Type    string
	Title   string
	GridPos struct{ H, W, X, Y int }
	Targets []struct{ Expr, LegendFormat, RefID string }
}

// TestDeployDashboard: every expression of the dashboard uses metrics and labels that exist, and every metric of the
// dispatcher is on it.
func TestDeployDashboard(t *testing.T) {
	text, err := os.ReadFile("../../deploy/grafana/lazuli-dispatcher.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		UID, Title string
		Panels     []panel
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	metrics := registered(t)
	ids := map[int]bool{}
	var all strings.Builder
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H < 1 {
			t.Errorf("%s: its number or its place is not its own", p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s: it shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			all.WriteString(target.Expr + "\n")
			for _, fault := range checkExpression(target.Expr, metrics) {
				t.Errorf("%s: %s: %s", p.Title, target.Expr, fault)
			}
		}
	}
	if dashboard.UID == "" || len(ids) < 20 {
		t.Errorf("%q has %d panels", dashboard.Title, len(ids))
	}
	for _, line := range metricNames(t) {
		name, _, _ := strings.Cut(line, " ")
		name, _, _ = strings.Cut(name, "{")
		if !strings.Contains(all.String(), name) && !slices.Contains(notShown, name) {
			t.Errorf("%s is on no panel", name)
		}
	}
}

// notShown are metrics that the dashboard leaves out: what they tell is there already.
var notShown = []string{
	"dispatcher_event_fetch_requests_total", "dispatcher_events_filtered_total",
	"dispatcher_events_produce_pipelines_added", "dispatcher_events_produce_pipelines_removed",
	"lazuli_draining", "lazuli_pages",
}

func TestDeployAlerts(t *testing.T) {
	text, err := os.ReadFile("../../deploy/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For string
				Labels           map[string]string
				Annotations      map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	metrics := registered(t)
	n := 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			n++
			for _, fault := range checkExpression(r.Expr, metrics) {
				t.Errorf("%s: %s", r.Alert, fault)
			}
			if r.Alert == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%+v lacks a name, a severity or a text", r)
			}
		}
	}
	if n < 5 {
		t.Errorf("there are %d alerts", n)
	}
}

// TestCheckExpression: the check tells right from wrong.
func TestCheckExpression(t *testing.T) {
	metrics := map[string][]string{"a_total": {"x", "instance"}, "b": {"y"}, "h_bucket": {"le", "x"}}
	for expr, want := range map[string]string{
		`sum by (x) (rate(a_total{x="no_metric"}[5m])) > 0.5`:                 "",
		`histogram_quantile(0.99, sum by (le) (rate(h_bucket[$__interval])))`: "",
		`sum(rate(c_total[5m]))`: "no metric is called c_total",
		`sum by (z) (a_total)`:   "a_total has no label z",
		`b{x="1"}`:               "b has no label x",
		`1 + 1`:                  "it uses no metric",
	} {
		if got := strings.Join(checkExpression(expr, metrics), "; "); got != want {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}
