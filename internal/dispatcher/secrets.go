package dispatcher

import (
	"encoding/json"
	"net/url"
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

// secretWords are parts of names whose values nobody should read.
var secretWords = []string{"password", "passwd", "secret", "token", "credential", "api_key", "apikey", "access_key", "private_key"}

// hideSecret returns what may be stored of a setting. Values are JSON text.
func hideSecret(key, value string) string {
	name := strings.ToLower(key)
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return `""`
		}
	}
	var parsed any
	if json.Unmarshal([]byte(value), &parsed) != nil {
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
			v[key] = hideIn(inner)
			for _, word := range secretWords {
				if strings.Contains(strings.ToLower(key), word) {
					v[key] = ""
				}
			}
		}
	}
	return value
}

// withoutCredentials takes name and password out of a URL; other text stays.
func withoutCredentials(text string) string {
	if !strings.Contains(text, "@") || !strings.Contains(text, "://") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		scheme, rest, _ := strings.Cut(text, "://")
		return scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
	}
	u.User = nil
	return u.String()
}
