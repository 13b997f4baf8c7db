package config

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Topic overrides how one topic is made, as in Azul's list of topics. What it leaves out is as its source says, and what that
// leaves out as it is built in.
type Topic struct {
	Topic             string `yaml:"topic"` // without azul and the prefix: "system.status", "samples.binary.sourced"
	Kafka             `yaml:",inline"`
	ReplicaAssignment any `yaml:"replicaassignment"` // accepted and not used
}

// maxPartitions bounds the partitions of a topic: each costs every consumer a little memory.
const maxPartitions = 1024

// TopicSettings returns what is configured of a topic, given by its name without azul and the prefix; source is the source that it
// belongs to, "" for none. Zero values stand for what is built in. cleanup.policy and retention.ms follow from a source's
// expiry, so only Topics may name them.
func (c *Config) TopicSettings(source, name string) (partitions, replicas int, settings map[string]string) {
	settings = map[string]string{}
	merge := func(k Kafka, all bool) {
		if k.NumPartitions > 0 {
			partitions = k.NumPartitions
		}
		if k.ReplicationFactor > 0 {
			replicas = k.ReplicationFactor
		}
		for key, value := range k.Config {
			if all || key != "cleanup.policy" && key != "retention.ms" {
				settings[key] = value
			}
		}
	}
	if source != "" {
		merge(c.Sources[source].Kafka, false)
	}
	for i := range c.Topics {
		if c.Topics[i].Topic == name {
			merge(c.Topics[i].Kafka, true)
		}
	}
	return partitions, replicas, maps.Clone(settings)
}

func (k Kafka) validate() error {
	if k.NumPartitions < 0 || k.NumPartitions > maxPartitions {
		return fmt.Errorf("numpartitions: %d must be between 1 and %d, or 0 for the default", k.NumPartitions, maxPartitions)
	}
	if k.ReplicationFactor < 0 || k.ReplicationFactor > 100 {
		return fmt.Errorf("replicationfactor: %d must be between 1 and 100, or 0 for the default", k.ReplicationFactor)
	}
	if text, ok := k.Config["retention.ms"]; ok {
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil || ms == 0 || ms < -1 || ms > maxExpiry.Milliseconds() {
			return fmt.Errorf("config.retention.ms: %.40q must be -1 (never) or at most %d", text, maxExpiry/time.Millisecond)
		}
	}
	switch policy := k.Config["cleanup.policy"]; policy {
	case "", "compact", "delete", "compact,delete", "delete,compact":
	default:
		return fmt.Errorf("config.cleanup.policy: %.40q must be compact, delete or both with a comma between", policy)
	}
	return nil
}

func (t *Topic) validate() error {
	if t.Topic == "" {
		return errors.New("topic must name one, without azul and the prefix, such as system.status")
	}
	if strings.HasPrefix(t.Topic, "azul.") {
		return fmt.Errorf("topic %.80q is written without azul and the prefix, such as system.status", t.Topic)
	}
	return t.Kafka.validate()
}

func (c *Config) readTopics(node ast.Node) error {
	c.Topics = nil
	if node.Type() == ast.NullType {
		return nil
	}
	if err := yaml.NodeToValue(node, &c.Topics, yaml.Strict()); err != nil {
		return fmt.Errorf("%w (in topics)", yamlError(err))
	}
	return nil
}
