// Package config is what a user may set: one YAML file, LAZULI_* in the environment and flags become one Config.
//
// A setting is described once, in the table of settings.go, and every way of giving it follows from there. The package
// knows nothing of what the settings are for beyond which values make sense. Begin with Load.
package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lazuli/internal/security"
)

// Config is all settings. The zero value is not valid: begin with Defaults or Load.
type Config struct {
	Data             string // the data directory
	Listen           string // host:port of pages and REST; port 0 picks a free one
	DispatcherListen string // host:port for plugins
	DispatcherAuth   Auth   // who may speak to it; empty is everybody on this machine
	TLS              TLS    // of pages and REST
	DispatcherTLS    TLS    // of the port for plugins
	Workers          int    // processes that run the built-in plugins; 0 is one for each CPU
	Plugins          bool   // whether the built-in plugins run
	TopicPrefix      string // second part of every topic's name
	Keys             string // how events get their keys: "v2", or "azul" for a log that is shared with Azul
	DefaultSource    string // of what is submitted without a source
	Sources          map[string]Source
	Topics           []Topic
	PluginSettings   map[string]map[string]string // of built-in plugins: by name of the plugin and of the setting
	Security         security.Config              // the labels that there are
	Limits           Limits
	Kafka            KafkaLog
	Store            string        // directory or URL of the store; "" is store in the data directory
	StoreKeyFile     string        // file with the key with which the store is encrypted
	StoreKey         string        // or the key itself; it comes from the environment alone
	AllowDelete      bool          // whether plugins and feeds may delete streams
	Lease            time.Duration // how long a job is out with a plugin that sends no heartbeat
	MaxAttempts      int           // how often a job is handed out before it is given up
}

// KafkaLog is where the log is, if it is not embedded. Then several instances share it, and the store.
type KafkaLog struct {
	Brokers  string // host:port of some of them, with commas between; "" is the embedded log
	Replicas int    // of topics that are made; 0 is three, or as many as there are brokers
	Address  string // base URL at which other instances reach this one's port for plugins; "" is where it listens
	// TokenFile holds the token that instances show one another where dispatcher_auth asks who somebody is; it is one of its
	// tokens.
	TokenFile string
}

// On tells whether the log is on Kafka.
func (k KafkaLog) On() bool { return k.Brokers != "" }

// List returns the brokers.
func (k KafkaLog) List() []string {
	return strings.FieldsFunc(k.Brokers, func(r rune) bool { return r == ',' || r == ' ' })
}

// Limits bound what one request or one worker may take, in bytes.
type Limits struct {
	MaxUploadBytes    int64 // one stream
	MaxEventBytes     int64 // one event's JSON, without the results of a status
	MaxPostBytes      int64 // one request that posts events
	WorkerMemoryBytes int64 // one worker process
	StoreCacheBytes   int64 // memory for what was read of a store on a server
}

// Defaults returns what holds where nothing is set.
func Defaults() *Config {
	return &Config{
		Data:             DefaultData(),
		Listen:           "127.0.0.1:8080",
		DispatcherListen: "127.0.0.1:8111",
		Plugins:          true,
		TopicPrefix:      "lazuli",
		Keys:             "v2",
		DefaultSource:    "local",
		Security:         security.Default(),
		Limits: Limits{
			MaxUploadBytes:    1 << 30,
			MaxEventBytes:     2 << 20,
			MaxPostBytes:      64 << 20,
			WorkerMemoryBytes: 1 << 30,
			StoreCacheBytes:   256 << 20,
		},
		Lease:       2 * time.Minute,
		MaxAttempts: 3,
	}
}

// DefaultData is the data directory where none is set: lazuli below XDG_DATA_HOME or ~/.local/share (XDG Base Directory
// Specification), or lazuli-data in the current directory for a user without a home.
func DefaultData() string {
	base := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(base) { // the specification has relative ones ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return "lazuli-data"
		}
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(base, "lazuli")
}

// Load puts the settings together: flags go before the environment, the environment before the file, the file before the
// defaults. An empty path means no file. environ is as os.Environ returns it. The result is valid; an error names the key and where it was set.
func Load(path string, environ []string, flags Flags) (*Config, error) {
	c := Defaults()
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the configuration: %w", err)
		}
		if err := c.readYAML(text); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := c.readEnvironment(environ); err != nil {
		return nil, err
	}
	for _, s := range settings {
		text, given := flags[s.key]
		if !given {
			continue
		}
		if err := s.set(c, text); err != nil {
			return nil, fmt.Errorf("--%s: %w", s.flag(), err)
		}
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// storeKeyVariable holds, in the environment, the key of an encrypted store. No flag does: others could see it.
const storeKeyVariable = "LAZULI_STORE_KEY"

// readEnvironment applies the LAZULI_* variables that name a setting. Others are left alone: some belong to other commands,
// and Kubernetes makes such variables up for every service that is called lazuli.
func (c *Config) readEnvironment(environ []string) error {
	given := map[string]string{}
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		given[name] = text
	}
	for _, s := range settings {
		text, ok := given[s.variable()]
		if !ok {
			continue
		}
		if err := s.set(c, text); err != nil {
			return fmt.Errorf("%s in the environment: %w", s.variable(), err)
		}
	}
	c.StoreKey = given[storeKeyVariable]
	if text, ok := given[authVariable]; ok {
		if err := c.DispatcherAuth.readText(text); err != nil {
			return fmt.Errorf("%s in the environment: %w", authVariable, err)
		}
	}
	return nil
}
