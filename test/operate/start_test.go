package operate

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"lazuli/test/platform"
)

// TestStartBeforeKafka: a dispatcher whose Kafka is not there yet says so, and starts when it is.
func TestStartBeforeKafka(t *testing.T) {
	address := fmt.Sprintf("127.%d.%d.%d:9092", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)) // nobody else's
	cmd := exec.CommandContext(t.Context(), platform.Binary(t), "dispatch", "--kafka-brokers", address, "--store", t.TempDir(), "--dispatcher-listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	warnings, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waits, ended := make(chan string), make(chan struct{})
	go func() {
		defer close(ended)
		for lines, told := bufio.NewScanner(warnings), false; lines.Scan(); {
			if !told && strings.Contains(lines.Text(), "the start waits for it") {
				told = true
				waits <- lines.Text()
			}
		}
	}()
	select {
	case line := <-waits:
		if !strings.Contains(line, address) {
			t.Errorf("it does not say for whom it waits: %s", line)
		}
	case <-ended:
		t.Fatal("it ended without Kafka")
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ListenFn(func(string, string) (net.Listener, error) { return net.Listen("tcp", address) }))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	ready := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // what it waits for would be over
	defer ready.Stop()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "lazuli is ready") {
		t.Errorf("it said %q, %v", line, err)
	}
	_ = cmd.Process.Kill()
	<-ended
	_ = cmd.Wait() // killed
}
