package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// setting is one value that a user may set: as key in the file (a dot goes down one level), as LAZULI_KEY in the environment
// and as --key on the command line.
type setting struct {
	key  string
	kind string // what flag help calls the value
	help string
	set  func(c *Config, text string) error
	get  func(c *Config) string
}

func (s setting) variable() string {
	return "LAZULI_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

func (s setting) flag() string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(strings.TrimPrefix(s.key, "limits."))
}

// settings lists every setting that is one value, in the order of the help. Sources, users and labels are lists: see readEntry.
var settings = []setting{
	text("data", "DIR", "directory that keeps everything", func(c *Config) *string { return &c.Data }),
	text("listen", "HOST:PORT", "address of pages and REST; port 0 picks a free one", func(c *Config) *string { return &c.Listen }),
	text("dispatcher_listen", "HOST:PORT", "address for plugins", func(c *Config) *string { return &c.DispatcherListen }),
	text("tls.cert_file", "FILE", "certificate of pages and REST, PEM", func(c *Config) *string { return &c.TLS.CertFile }),
	text("tls.key_file", "FILE", "its private key", func(c *Config) *string { return &c.TLS.KeyFile }),
	text("dispatcher_tls.cert_file", "FILE", "certificate of the port for plugins, PEM", func(c *Config) *string { return &c.DispatcherTLS.CertFile }),
	text("dispatcher_tls.key_file", "FILE", "its private key", func(c *Config) *string { return &c.DispatcherTLS.KeyFile }),
	number("workers", "processes that run the built-in plugins; 0 is one for each CPU", func(c *Config) *int { return &c.Workers }),
	boolean("plugins", "run the built-in plugins", func(c *Config) *bool { return &c.Plugins }),
	text("store", "LOCATION", "directory of the store or s3://BUCKET/PREFIX?endpoint=URL; every instance on one Kafka has the same", func(c *Config) *string { return &c.Store }),
	text("store_key_file", "FILE", "key with which the store is encrypted, 32 bytes in hex or base64; or LAZULI_STORE_KEY", func(c *Config) *string { return &c.StoreKeyFile }),
	text("kafka.brokers", "HOST:PORT,…", "brokers of the Kafka that holds the log, in place of the embedded one", func(c *Config) *string { return &c.Kafka.Brokers }),
	number("kafka.replicas", "replicas of the topics that are made; 0 is 3, or as many as there are brokers", func(c *Config) *int { return &c.Kafka.Replicas }),
	text("kafka.address", "URL", "where other instances reach this one's port for plugins", func(c *Config) *string { return &c.Kafka.Address }),
	text("kafka.token_file", "FILE", "token that instances show one another, one of dispatcher_auth", func(c *Config) *string { return &c.Kafka.TokenFile }),
	text("topic_prefix", "NAME", "second part of every topic's name", func(c *Config) *string { return &c.TopicPrefix }),
	text("keys", "v2|azul", "how events get their keys; azul for a log that is shared with Azul", func(c *Config) *string { return &c.Keys }),
	text("default_source", "NAME", "source of what is submitted without one", func(c *Config) *string { return &c.DefaultSource }),
	size("limits.max_upload_bytes", "largest stream", func(c *Config) *int64 { return &c.Limits.MaxUploadBytes }),
	size("limits.max_event_bytes", "largest event, without the results of a status", func(c *Config) *int64 { return &c.Limits.MaxEventBytes }),
	size("limits.max_post_bytes", "largest request that posts events", func(c *Config) *int64 { return &c.Limits.MaxPostBytes }),
	size("limits.worker_memory_bytes", "memory of one worker process", func(c *Config) *int64 { return &c.Limits.WorkerMemoryBytes }),
	size("limits.store_cache_bytes", "memory that keeps what was read of a store on S3; 0 for none", func(c *Config) *int64 { return &c.Limits.StoreCacheBytes }),
	boolean("allow_delete", "let clients of the port for plugins delete streams", func(c *Config) *bool { return &c.AllowDelete }),
	duration("lease", "how long a job is out with a plugin that sends no heartbeat", func(c *Config) *time.Duration { return &c.Lease }),
	number("max_attempts", "how often a job is handed out before it is given up", func(c *Config) *int { return &c.MaxAttempts }),
}

func text(key, kind, help string, field func(*Config) *string) setting {
	return setting{key: key, kind: kind, help: help,
		set: func(c *Config, text string) error { *field(c) = text; return nil },
		get: func(c *Config) string { return *field(c) },
	}
}

func number(key, help string, field func(*Config) *int) setting {
	return setting{key: key, kind: "N", help: help,
		set: func(c *Config, text string) error {
			n, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				return fmt.Errorf("%.40q is not a whole number", text)
			}
			*field(c) = n
			return nil
		},
		get: func(c *Config) string { return strconv.Itoa(*field(c)) },
	}
}

func boolean(key, help string, field func(*Config) *bool) setting {
	return setting{key: key, kind: "BOOL", help: help,
		set: func(c *Config, text string) error {
			switch strings.ToLower(strings.TrimSpace(text)) {
			case "true", "yes", "on", "1":
				*field(c) = true
			case "false", "no", "off", "0":
				*field(c) = false
			default:
				return fmt.Errorf("%.40q is neither true nor false", text)
			}
			return nil
		},
		get: func(c *Config) string { return strconv.FormatBool(*field(c)) },
	}
}

func size(key, help string, field func(*Config) *int64) setting {
	return setting{key: key, kind: "SIZE", help: help,
		set: func(c *Config, text string) error {
			n, err := ParseSize(text)
			if err == nil {
				*field(c) = n
			}
			return err
		},
		get: func(c *Config) string { return formatSize(*field(c)) },
	}
}

func duration(key, help string, field func(*Config) *time.Duration) setting {
	return setting{key: key, kind: "DURATION", help: help,
		set: func(c *Config, text string) error {
			d, err := time.ParseDuration(strings.TrimSpace(text))
			if err != nil {
				return fmt.Errorf("%.40q is not a duration such as 90s or 2m", text)
			}
			*field(c) = d
			return nil
		},
		get: func(c *Config) string { return shortDuration(*field(c)) },
	}
}

// sizeUnits maps a unit in lower case to its bytes: powers of 1024 with an i, of 1000 without, as in IEC 80000-13.
var sizeUnits = map[string]float64{
	"": 1, "b": 1,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
}

// ParseSize reads a number of bytes such as 4096, "64 MiB" or "1.5gb".
func ParseSize(text string) (int64, error) {
	trimmed := strings.TrimSpace(text)
	end := strings.IndexFunc(trimmed, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(trimmed)
	}
	unit, known := sizeUnits[strings.ToLower(strings.TrimSpace(trimmed[end:]))]
	n, err := strconv.ParseFloat(trimmed[:end], 64)
	if err != nil || !known {
		return 0, fmt.Errorf("%.40q is not a size such as 64 MiB or 1 GiB", text)
	}
	if n *= unit; n >= 1<<62 {
		return 0, errors.New("the size is too large")
	}
	return int64(n), nil
}

// formatSize writes n as ParseSize reads it, in the largest binary unit that divides it.
func formatSize(n int64) string {
	for _, u := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if unit := int64(sizeUnits[strings.ToLower(u)]); n > 0 && n%unit == 0 {
			return strconv.FormatInt(n/unit, 10) + " " + u
		}
	}
	return strconv.FormatInt(n, 10)
}

// shortDuration writes 2m0s as 2m.
func shortDuration(d time.Duration) string {
	text := d.String()
	if rest, ok := strings.CutSuffix(text, "m0s"); ok {
		text = rest + "m"
	}
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		text = rest + "h"
	}
	return text
}

// Flags holds the settings that were given on the command line, by key.
type Flags map[string]string

// Add gives set a flag for every setting, so that what is given ends up in f.
func (f Flags) Add(set *pflag.FlagSet) {
	defaults := Defaults()
	for _, s := range settings {
		v := set.VarPF(&flagValue{s, f}, s.flag(), "", fmt.Sprintf("%s [%s]", s.help, s.get(defaults)))
		if s.kind == "BOOL" {
			v.NoOptDefVal = "true"
		}
	}
}

// flagValue is a setting as pflag wants it.
type flagValue struct {
	setting setting
	flags   Flags
}

func (v *flagValue) Set(text string) error {
	if err := v.setting.set(&Config{}, text); err != nil {
		return err
	}
	v.flags[v.setting.key] = text
	return nil
}

func (v *flagValue) String() string { return "" } // the default is in the help text, written as a user would
func (v *flagValue) Type() string   { return v.setting.kind }
