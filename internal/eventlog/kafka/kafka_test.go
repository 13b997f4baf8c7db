package kafka_test

import (
	"testing"

	"lazuli/test/servers"
)

// TestSuiteOnKafka is the suite on the real thing.
func TestSuiteOnKafka(t *testing.T) { runSuite(t, []string{servers.Kafka(t)}) }
