package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"lazuli/internal/security"
)

// load reads text as a configuration file, with nothing else set.
func load(t *testing.T, text string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lazuli.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, nil, nil)
}

func TestDefaultsAreValid(t *testing.T) {
	c, err := Load("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Defaults(), c); diff != "" {
		t.Errorf("Load without anything differs from Defaults:\n%s", diff)
	}
}

func TestFile(t *testing.T) {
	c, err := load(t, `
# everything at once
data: /var/lib/lazuli
listen: "[::1]:0"
dispatcher_listen: localhost:9111
workers: 3
plugins: off
topic_prefix: demo01
keys: azul
default_source: incidents
lease: 90s
max_attempts: 5
limits:
  max_upload_bytes: 2 GiB
  max_event_bytes: 1048576
  max_post_bytes: "64MB"
  worker_memory_bytes: 1.5 gib
  store_cache_bytes: 0
sources:
  incidents:
    description: Files from the responders
    icon_class: bug
    partition_unit: year
    expire_events_after: 2 weeks
    exclude_from_backup: true
    elastic: {number_of_shards: 3}
    references:
      - {name: case, required: true, description: the case's number, highlight: true}
    kafka:
      numpartitions: 4
      replicationfactor: 3
      config: {segment.bytes: "1073741824"}
  web.feed-2: {}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Data: "/var/lib/lazuli", Listen: "[::1]:0", DispatcherListen: "localhost:9111", Workers: 3, TopicPrefix: "demo01",
		Keys: "azul", DefaultSource: "incidents", Lease: 90 * time.Second, MaxAttempts: 5,
		Limits:   Limits{MaxUploadBytes: 2 << 30, MaxEventBytes: 1 << 20, MaxPostBytes: 64e6, WorkerMemoryBytes: 3 << 29, StoreCacheBytes: 0},
		Security: security.Default(),
		Sources: map[string]Source{
			"incidents": {
				Description: "Files from the responders", IconClass: "bug", PartitionUnit: "year", ExpireEventsAfter: "2 weeks",
				ExcludeFromBackup: true, Elastic: map[string]any{"number_of_shards": uint64(3)},
				References: []Reference{{Name: "case", Required: true, Description: "the case's number", Highlight: true}},
				Kafka:      Kafka{NumPartitions: 4, ReplicationFactor: 3, Config: map[string]string{"segment.bytes": "1073741824"}},
			},
			"web.feed-2": {},
		},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := c.Expiry("incidents"); got != 14*24*time.Hour {
		t.Errorf("Expiry of incidents is %s", got)
	}
	if got := c.Expiry("web.feed-2"); got != 0 {
		t.Errorf("Expiry of a source without one is %s", got)
	}
}

// TestFaults holds what users are told: each message names the key and what is expected.
func TestFaults(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"unknown key", "data: x\nlissten: 127.0.0.1:1", "line 2: unknown key lissten: did you mean listen?"},
		{"unknown limit", "limits:\n  max_upload: 1", "line 2: unknown key limits.max_upload: known are allow_delete, data,"},
		{"unknown key of a source", "sources:\n  a:\n    colour: red", "line 3: unknown key colour"},
		{"repeated key", "data: x\ndata: y", "line 2: "},
		{"not YAML", "data: [", "line 1: "},
		{"not a mapping", "- data", "line 1: the configuration must be a mapping"},
		{"limits not a mapping", "limits: 3", "line 1: limits must be a mapping"},
		{"two documents", "data: x\n---\ndata: y", "line 3: a second document begins"},
		{"a list for a value", "data: [a, b]", "line 1: data must have one value"},
		{"no value", "data:", "line 1: data must have one value"},
		{"empty data", `data: ""`, "data must name a directory"},
		{"not a number", "workers: many", `line 1: workers: "many" is not a whole number`},
		{"not a bool", "plugins: perhaps", `line 1: plugins: "perhaps" is neither true nor false`},
		{"not a duration", "lease: 2 minutes", `line 1: lease: "2 minutes" is not a duration such as 90s or 2m`},
		{"not a size", "limits:\n  max_event_bytes: big", `line 2: limits.max_event_bytes: "big" is not a size such as 64 MiB or 1 GiB`},
		{"beyond loopback", "listen: 0.0.0.0:8080", "pages and REST have no authentication yet, so they listen on loopback alone: keep 127.0.0.1"},
		{"all addresses", "listen: :8080", "listen on loopback alone"},
		{"a name", "listen: example.com:80", "listen on loopback alone"},
		{"beyond loopback with users of the other port", "listen: :8080\ndispatcher_auth: {tokens: [{name: a, file: b}]}", "listen: "},
		{"beyond loopback for plugins", `dispatcher_listen: "[::]:8111"`,
			`dispatcher_listen: "[::]:8111": listening beyond loopback needs authentication: add users or tokens under dispatcher_auth (docs/operate.md says how)`},
		{"unknown key of a user", "dispatcher_auth:\n  users:\n    - {name: a, password: b}", "line 3: unknown key password (in dispatcher_auth)"},
		{"user without a name", "dispatcher_auth: {users: [{password_file: b}]}", "dispatcher_auth.users: number 1 must have a name"},
		{"user with a colon", "dispatcher_auth: {users: [{name: 'a:b', password_file: b}]}", "without a colon"},
		{"user twice", "dispatcher_auth: {users: [{name: a, password_file: b}, {name: a, password_file: c}]}", `dispatcher_auth.users: "a" is there twice`},
		{"user without a password", "dispatcher_auth: {users: [{name: a}]}", "must have either password_hash (`lazuli hash-password` makes it) or password_file"},
		{"user with two passwords", "dispatcher_auth: {users: [{name: a, password_file: b, password_hash: c}]}", "must have either password_hash"},
		{"a plain password", "dispatcher_auth: {users: [{name: a, password_hash: hunter2}]}", `password_hash of "a" is no argon2id hash`},
		{"token without a name", "dispatcher_auth: {tokens: [{file: b}]}", "dispatcher_auth.tokens: number 1 must have a name"},
		{"a plain token", "dispatcher_auth: {tokens: [{name: a, sha256: secret}]}", "dispatcher_auth.tokens: number 1 must have 64 hex digits as sha256"},
		{"certificate without a key", "dispatcher_tls: {cert_file: a.pem}", "dispatcher_tls: cert_file and key_file belong together"},
		{"key without a certificate", "tls: {key_file: a.pem}", "tls: cert_file and key_file belong together"},
		{"unknown key of tls", "tls: {cert: a.pem}", "line 1: unknown key tls.cert: known are"},
		{"no port", "listen: 127.0.0.1", `listen: "127.0.0.1" must be host:port`},
		{"port too high", "listen: 127.0.0.1:70000", `listen: port "70000" must be a number from 0`},
		{"one port for both", "listen: 127.0.0.1:8111", "dispatcher_listen: 127.0.0.1:8111 is the address of listen as well"},
		{"workers", "workers: -1", "workers: -1 must be between 0 (one for each CPU) and 1024"},
		{"prefix", "topic_prefix: A B", `topic_prefix: "A B" must be 1 to 32 of a-z`},
		{"keys", "keys: v3", `keys: "v3" must be v2 or azul`},
		{"lease", "lease: 1s", "lease: 1s must be between 10s and 24h"},
		{"attempts", "max_attempts: 0", "max_attempts: 0 must be between 1 and 100"},
		{"limit", "limits: {max_event_bytes: 1 GiB}", "limits.max_event_bytes: 1 GiB must be between 16 KiB and 8 MiB"},
		{"post below event", "limits: {max_post_bytes: 1 MiB}", "limits.max_post_bytes: 1 MiB must be between 2 MiB and 1 GiB"},
		{"source name", "sources: {Upper: {}}", `sources: source "Upper" must be 1 to 64 of a-z`},
		{"reserved source", "sources: {system: {}}", `source "system" is reserved`},
		{"expiry", "sources: {local: {expire_events_after: soon}}", `sources.local.expire_events_after: "soon" must be "0" (never) or`},
		{"expiry too long", "sources: {local: {expire_events_after: 99999999999 years}}", "at most 100 years"},
		{"partition unit", "sources: {local: {partition_unit: decade}}", `sources.local.partition_unit: "decade" must be all, year`},
		{"reference without a name", "sources: {local: {references: [{required: true}]}}", "sources.local.references: number 1 must have a name"},
		{"reference twice", "sources: {local: {references: [{name: a}, {name: a}]}}", `sources.local.references: "a" is there twice`},
		{"too many references", "sources: {local: {references: [" + strings.Repeat("{name: a}, ", 101) + "]}}", "sources.local.references: 101 are more than 100"},
		{"partitions", "sources: {local: {kafka: {numpartitions: -1}}}", "sources.local.kafka.numpartitions: -1 must be between 1 and 1024"},
		{"default source", "sources: {feed: {}}", `default_source: source "local" is not configured: known are feed`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := load(t, tc.file)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant one line with %s", err, tc.want)
			}
		})
	}
}

func TestEmptyFiles(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "sources:\n", "limits:\n"} {
		if _, err := load(t, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPrecedence(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lazuli.yaml")
	if err := os.WriteFile(path, []byte("workers: 1\nmax_attempts: 1\nlease: 1m\nkeys: azul"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := Flags{}
	set := pflag.NewFlagSet("up", pflag.ContinueOnError)
	flags.Add(set)
	if err := set.Parse([]string{"--workers", "3", "--plugins=false", "--max-upload-bytes=1 MiB"}); err != nil {
		t.Fatal(err)
	}
	environ := []string{"LAZULI_WORKERS=2", "LAZULI_MAX_ATTEMPTS=2", "LAZULI_LIMITS_MAX_POST_BYTES=5MiB", "LAZULI_PORT=tcp://10.0.0.1:80", "PATH=/bin"}
	c, err := Load(path, environ, flags)
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.Keys, want.Lease = "azul", time.Minute                              // file
	want.MaxAttempts, want.Limits.MaxPostBytes = 2, 5<<20                    // environment
	want.Workers, want.Limits.MaxUploadBytes, want.Plugins = 3, 1<<20, false // flags
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFaultsOutsideTheFile(t *testing.T) {
	_, err := Load("", []string{"LAZULI_WORKERS=x"}, nil)
	if want := `LAZULI_WORKERS in the environment: "x" is not a whole number`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	set := pflag.NewFlagSet("up", pflag.ContinueOnError)
	Flags{}.Add(set)
	if err := set.Parse([]string{"--lease", "soon"}); err == nil || !strings.Contains(err.Error(), "is not a duration") {
		t.Errorf("--lease soon: %v", err)
	}
	if _, err := Load(filepath.Join(t.TempDir(), "missing"), nil, nil); err == nil || !strings.Contains(err.Error(), "read the configuration") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestFlagHelp holds that what help tells as default can be given as value.
func TestFlagHelp(t *testing.T) {
	defaults := Defaults()
	for _, s := range settings {
		c := &Config{}
		if err := s.set(c, s.get(defaults)); err != nil {
			t.Errorf("%s: its default %q is refused: %v", s.key, s.get(defaults), err)
		}
		if got, want := s.get(c), s.get(defaults); got != want {
			t.Errorf("%s: %q became %q", s.key, want, got)
		}
	}
}

func TestSourceAllowed(t *testing.T) {
	open, closed := Defaults(), Defaults()
	closed.Sources = map[string]Source{"local": {}, "feed": {}}
	for _, tc := range []struct {
		name         string
		open, closed bool
	}{
		{"local", true, true},
		{"feed", true, true},
		{"other", true, false},
		{"a.b_c-9", true, false},
		{strings.Repeat("a", 64), true, false},
		{strings.Repeat("a", 65), false, false},
		{"", false, false},
		{".hidden", false, false},
		{"../up", false, false},
		{"Local", false, false},
		{"a b", false, false},
		{"system", false, false},
		{"system.x", false, false},
	} {
		if err := open.SourceAllowed(tc.name); (err == nil) != tc.open {
			t.Errorf("no sources configured, %q: %v", tc.name, err)
		}
		if err := closed.SourceAllowed(tc.name); (err == nil) != tc.closed {
			t.Errorf("two sources configured, %q: %v", tc.name, err)
		}
	}
}

func TestCheckReferences(t *testing.T) {
	many := map[string]string{}
	for i := range MaxReferences {
		many[fmt.Sprint("r", i)] = "x"
	}
	more := maps.Clone(many)
	more["last"] = "x"
	c := Defaults()
	c.Sources = map[string]Source{
		"cases": {References: []Reference{{Name: "case", Required: true, Description: "The case's\n number"}, {Name: "who"}}},
		"two":   {References: []Reference{{Name: "case", Required: true, Description: "its number"}, {Name: "who", Required: true}}},
		"none":  {},
	}
	for _, tc := range []struct {
		source string
		given  map[string]string
		want   string
	}{
		{"cases", map[string]string{"case": "7"}, ""},
		{"cases", map[string]string{"case": "7", "who": ""}, ""},
		{"cases", nil, "source cases needs the reference case (The case's number)"},
		{"cases", map[string]string{"case": " \t", "who": "me"}, "source cases needs the reference case (The case's number)"},
		{"two", nil, "source two needs the references case (its number), who"},
		{"two", map[string]string{"case": "7"}, "source two needs the reference who"},
		{"cases", map[string]string{"cse": "7"}, `source cases has no reference "cse": did you mean case?`},
		{"cases", map[string]string{"case": "7", "colour": "red"}, `source cases has no reference "colour": known are case, who`},
		{"none", map[string]string{"case": "7"}, `source none takes no references, and "case" is one`},
		{"none", nil, ""},
		{"other", many, ""},
		{"other", more, "101 references are more than 100"},
		{"other", map[string]string{"a": strings.Repeat("x", MaxReferenceBytes-1)}, ""},
		{"other", map[string]string{"a": strings.Repeat("x", MaxReferenceBytes)}, `the reference "a" has more than 16384 bytes`},
		{"other", map[string]string{"a": "\xff"}, `the reference "a" is not UTF-8`},
	} {
		got := ""
		if err := c.CheckReferences(tc.source, tc.given); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s with %.100v: %q, want %q", tc.source, tc.given, got, tc.want)
		}
	}
}

func TestParseExpiry(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "1 days": day, "1 day": day, "2 weeks": 14 * day, "3 months": 90 * day, "1 years": 365 * day, "100 years": 36500 * day,
	} {
		if got, err := parseExpiry(text); err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"1", "0 days", "-1 days", "1.5 days", "days", "1 hours", "101 years", "1 s", "1 days ago", "9223372036854775807 days"} {
		if got, err := parseExpiry(text); err == nil {
			t.Errorf("%q: accepted as %s", text, got)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "4096": 4096, "1 KiB": 1024, "1kb": 1000, " 2 MiB ": 2 << 20, "1.5GiB": 3 << 29, "1 TiB": 1 << 40, "10 B": 10,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1 XB", "1..5", "1e3", "99999999 TiB", "0x10"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q: accepted as %d", text, got)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("data: x\nsources: {a: {expire_events_after: 1 days}}\nlimits: {max_post_bytes: 1 GiB}")
	f.Add("&a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		c := Defaults()
		if err := c.readYAML([]byte(text)); err != nil {
			return
		}
		if c.Validate() == nil && c.SourceAllowed(c.DefaultSource) != nil {
			t.Error("valid, but the default source is not allowed")
		}
	})
}

func TestAuth(t *testing.T) {
	const file = `
dispatcher_listen: 0.0.0.0:8111
dispatcher_auth:
  users:
    - {name: runners, password_hash: "$argon2id$v=19$m=19456,t=2,p=1$AAAA$BBBB"}
    - {name: feeds, password_file: /run/secrets/feeds}
  tokens:
    - {name: scripts, file: /run/secrets/scripts}
dispatcher_tls: {cert_file: cert.pem, key_file: key.pem}
`
	want := Defaults()
	want.DispatcherListen = "0.0.0.0:8111"
	want.DispatcherTLS = TLS{"cert.pem", "key.pem"}
	want.DispatcherAuth = Auth{
		Users: []AuthUser{
			{Name: "runners", PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$AAAA$BBBB"},
			{Name: "feeds", PasswordFile: "/run/secrets/feeds"},
		},
		Tokens: []AuthToken{{Name: "scripts", File: "/run/secrets/scripts"}},
	}
	got, err := load(t, file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	environ := []string{`LAZULI_DISPATCHER_AUTH={"tokens": [{"name": "a", "file": "/run/a"}]}`, "LAZULI_DISPATCHER_LISTEN=:8111", "LAZULI_TLS_CERT_FILE=c", "LAZULI_TLS_KEY_FILE=k"}
	got, err = Load("", environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]AuthToken{{Name: "a", File: "/run/a"}}, got.DispatcherAuth.Tokens); diff != "" || got.TLS != (TLS{"c", "k"}) {
		t.Errorf("from the environment: %s %+v", diff, got.TLS)
	}
	_, err = Load("", []string{"LAZULI_DISPATCHER_AUTH={token: []}"}, nil)
	if err == nil || !strings.Contains(err.Error(), "LAZULI_DISPATCHER_AUTH in the environment: line 1: unknown key token") {
		t.Errorf("a key that is not known: %v", err)
	}
}
