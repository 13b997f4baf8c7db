package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// What an address that others could reach gets where nobody would be asked who they are.
var (
	errPagesBeyondLoopback = errors.New("pages and REST have no authentication yet, so they listen on loopback alone: " +
		"keep 127.0.0.1 and reach them from elsewhere with ssh -L 8080:127.0.0.1:8080")
	errPluginsBeyondLoopback = errors.New("listening beyond loopback needs authentication: add users or tokens under dispatcher_auth (docs/operate.md says how)")
)

// Validate returns nil, or an error that names the first key with a value that makes no sense and says what is expected.
func (c *Config) Validate() error {
	if c.Data == "" {
		return errors.New("data must name a directory")
	}
	if err := validListen(c.Listen, errPagesBeyondLoopback); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	beyond := errPluginsBeyondLoopback
	if !c.DispatcherAuth.Empty() {
		beyond = nil
	}
	if err := validListen(c.DispatcherListen, beyond); err != nil {
		return fmt.Errorf("dispatcher_listen: %w", err)
	}
	if err := c.DispatcherAuth.validate(); err != nil {
		return fmt.Errorf("dispatcher_auth.%w", err)
	}
	if err := c.TLS.validate(); err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	if err := c.DispatcherTLS.validate(); err != nil {
		return fmt.Errorf("dispatcher_tls: %w", err)
	}
	if c.Listen == c.DispatcherListen && !portZero(c.Listen) {
		return fmt.Errorf("dispatcher_listen: %s is the address of listen as well; the two need different ports", c.Listen)
	}
	if c.Workers < 0 || c.Workers > maxWorkers {
		return fmt.Errorf("workers: %d must be between 0 (one for each CPU) and %d", c.Workers, maxWorkers)
	}
	if !wellFormed(c.TopicPrefix) || len(c.TopicPrefix) > 32 {
		return fmt.Errorf("topic_prefix: %.80q must be 1 to 32 of a-z 0-9 . _ - and begin with a letter or digit", c.TopicPrefix)
	}
	if c.Keys != "v2" && c.Keys != "azul" {
		return fmt.Errorf("keys: %.40q must be v2 or azul", c.Keys)
	}
	if err := c.Kafka.validate(!c.DispatcherAuth.Empty()); err != nil {
		return fmt.Errorf("kafka.%w", err)
	}
	if c.StoreKey != "" && c.StoreKeyFile != "" {
		return fmt.Errorf("store_key_file: %s is set as well: one of them is too many", storeKeyVariable)
	}
	if c.Lease < 10*time.Second || c.Lease > day {
		return fmt.Errorf("lease: %s must be between 10s and 24h", shortDuration(c.Lease))
	}
	if c.MaxAttempts < 1 || c.MaxAttempts > 100 {
		return fmt.Errorf("max_attempts: %d must be between 1 and 100", c.MaxAttempts)
	}
	if err := c.Limits.validate(); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		if err := c.Sources[name].validate(name); err != nil {
			return err
		}
	}
	for i := range c.Topics {
		if err := c.Topics[i].validate(); err != nil {
			return fmt.Errorf("topics: number %d: %w", i+1, err)
		}
	}
	if err := c.SourceAllowed(c.DefaultSource); err != nil {
		return fmt.Errorf("default_source: %w", err)
	}
	return validSecurity(c.Security)
}

// validate checks what is there; auth tells whether instances are asked who they are.
func (k KafkaLog) validate(auth bool) error {
	for _, broker := range k.List() {
		if _, port, err := net.SplitHostPort(broker); err != nil || port == "" {
			return fmt.Errorf("brokers: %.80q must be host:port, such as kafka-1:9092", broker)
		}
	}
	if k.Replicas < 0 || k.Replicas > 100 {
		return fmt.Errorf("replicas: %d must be between 1 and 100, or 0", k.Replicas)
	}
	if u, err := url.Parse(k.Address); k.Address != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("address: %.80q must be a URL such as http://dispatcher-1:8111", k.Address)
	}
	if k.On() && auth && k.TokenFile == "" {
		return errors.New("token_file: dispatcher_auth asks everybody who they are, other instances as well: name a file with one of its tokens")
	}
	return nil
}

const maxWorkers = 1024

// The bounds of the limits, in bytes. An event and what belongs to it must fit into one record of the log (16 MiB).
const (
	minUpload, maxUpload = 1 << 10, 1 << 40
	minEvent, maxEvent   = 16 << 10, 8 << 20
	maxPost              = 1 << 30
	minWorker, maxWorker = 128 << 20, 1 << 40
	maxCache             = 1 << 40
)

func (l Limits) validate() error {
	for _, limit := range []struct {
		key              string
		value, low, high int64
	}{
		{"max_upload_bytes", l.MaxUploadBytes, minUpload, maxUpload},
		{"max_event_bytes", l.MaxEventBytes, minEvent, maxEvent},
		{"max_post_bytes", l.MaxPostBytes, l.MaxEventBytes, maxPost},
		{"worker_memory_bytes", l.WorkerMemoryBytes, minWorker, maxWorker},
		{"store_cache_bytes", l.StoreCacheBytes, 0, maxCache},
	} {
		if limit.value < limit.low || limit.value > limit.high {
			return fmt.Errorf("limits.%s: %s must be between %s and %s", limit.key,
				formatSize(limit.value), formatSize(limit.low), formatSize(limit.high))
		}
	}
	return nil
}

// partitionUnits are Azul's; "" is its default.
var partitionUnits = []string{"", "all", "year", "month", "week", "day"}

func (s Source) validate(name string) error {
	if err := validSourceName(name); err != nil {
		return fmt.Errorf("sources: %w", err)
	}
	if !slices.Contains(partitionUnits, s.PartitionUnit) {
		return fmt.Errorf("sources.%s.partition_unit: %.40q must be all, year, month, week or day", name, s.PartitionUnit)
	}
	if _, err := parseExpiry(s.ExpireEventsAfter); err != nil {
		return fmt.Errorf("sources.%s.expire_events_after: %w", name, err)
	}
	if len(s.References) > MaxReferences {
		return fmt.Errorf("sources.%s.references: %d are more than %d", name, len(s.References), MaxReferences)
	}
	seen := map[string]bool{}
	for i, r := range s.References {
		if r.Name == "" {
			return fmt.Errorf("sources.%s.references: number %d must have a name", name, i+1)
		}
		if seen[r.Name] {
			return fmt.Errorf("sources.%s.references: %.80q is there twice", name, r.Name)
		}
		seen[r.Name] = true
	}
	if err := s.Kafka.validate(); err != nil {
		return fmt.Errorf("sources.%s.kafka.%w", name, err)
	}
	return nil
}

// validListen accepts host:port. beyond is the error of an address that others can reach; nil allows it.
func validListen(addr string, beyond error) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%.80q must be host:port, such as 127.0.0.1:8080", addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("port %.20q must be a number from 0 (any free one) to 65535", port)
	}
	if beyond != nil && !Loopback(addr) {
		return fmt.Errorf("%.80q: %w", addr, beyond)
	}
	return nil
}

// Loopback tells whether host:port can be reached from this machine alone. A name other than localhost counts as reachable
// without looking it up: what it means could change.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

func portZero(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	return err == nil && port == "0"
}
