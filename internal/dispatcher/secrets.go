package dispatcher

import (
	"encoding/json"
	"io"
	"regexp"
	"strings"

	"lazuli/event"
)

// A registration carries a plugin's settings, and azul-runner leaves some secrets among them. hideSecrets takes them out before
// anything is stored: values of settings whose name speaks of a secret become empty text, credentials in URLs go.
func hideSecrets(p *event.Plugin) {
	for key, value := range p.Entity.Config {
		p.Entity.Config[key] = hideSecret(key, value)
	}
}

// secretNames are names whose values nobody should read: some words wherever they stand, and some that must stand alone, so that
// encryption_key and vtKey are secrets and keywords is none.
var secretNames = regexp.MustCompile(`(?i:password|passwd|passphrase|secret|token|credential|authorization|apikey|accesskey|privatekey)` +
	`|(?:^|[^a-zA-Z])(?i:keys?|pwd|pass)(?:[^a-z]|$)|[a-z](?:Keys?|Pwd|Pass)(?:[^a-z]|$)`)

// hideSecret returns what may be stored of a setting. Values are JSON text.
func hideSecret(key, value string) string {
	if secretNames.MatchString(key) {
		return `""`
	}
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber() // large ones stay as they are
	var parsed any
	if decoder.Decode(&parsed) != nil {
		return withoutCredentials(value)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return withoutCredentials(value)
	}
	text, err := json.Marshal(hideIn(parsed))
	if err != nil {
		return `""` // what was read can be written
	}
	return string(text)
}

// hideIn takes credentials out of the URLs in a JSON value, and secrets out of its objects.
func hideIn(value any) any {
	switch v := value.(type) {
	case string:
		return withoutCredentials(v)
	case []any:
		for i := range v {
			v[i] = hideIn(v[i])
		}
	case map[string]any:
		for key, inner := range v {
			if v[key] = hideIn(inner); secretNames.MatchString(key) {
				v[key] = ""
			}
		}
	}
	return value
}

// The name and password of URLs, also of those in the middle of a text or a list: up to the last @ before the path; and up to the
// last @ of all where a password with a slash stands in place of the port.
var (
	userInfo    = regexp.MustCompile(`://[^/?#\s"'<>]*@`)
	oddUserInfo = regexp.MustCompile(`://[^/?#\s"'<>@:]*:\d*[^\d/?#\s"'<>@][^\s"'<>]*@`)
)

// withoutCredentials takes names and passwords out of the URLs in a text; the rest stays.
func withoutCredentials(text string) string {
	return oddUserInfo.ReplaceAllString(userInfo.ReplaceAllString(text, "://"), "://")
}
