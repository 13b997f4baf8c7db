package servers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var script = filepath.Join(here, "kafka.sh")

// needKafka skips the test, loudly, where Kafka cannot run; with CI=true that is a failure.
func needKafka(t testing.TB) {
	t.Helper()
	missing := ""
	if _, err := os.Stat(filepath.Join(cache, "kafka-4.4.0", "complete")); err != nil {
		missing = "Kafka's jars are not there"
	}
	if _, err := exec.LookPath("java"); err != nil && os.Getenv("JAVA_HOME") == "" {
		missing = "there is no Java"
	}
	if missing != "" {
		skip(t, missing+" (it needs Java 17 and Maven)")
	}
}

var shared struct {
	once sync.Once
	addr string
	err  error
}

// Kafka returns the address of a broker that all test processes share. The first starts it; it ends some seconds after
// the last process that uses it, however that ends. Topics and groups of a test need names of their own.
func Kafka(t testing.TB) string {
	t.Helper()
	needKafka(t)
	shared.once.Do(func() { shared.addr, shared.err = shareKafka() })
	if shared.err != nil {
		t.Fatalf("start the Kafka that tests share: %v", shared.err)
	}
	return shared.addr
}

// shareKafka takes part in the shared broker for as long as this process lives, and starts it if it does not run.
func shareKafka() (string, error) {
	dir := filepath.Join(cache, "kafka")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// First this lock: while a process holds it nobody ends the broker. The kernel releases it when the process ends.
	if err := lock(filepath.Join(dir, "users"), syscall.LOCK_SH); err != nil {
		return "", err
	}
	starting, err := os.OpenFile(filepath.Join(dir, "starting"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return "", err
	}
	defer starting.Close() // releases
	if err := syscall.Flock(int(starting.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if addr, ok := running(dir); ok {
		return addr, nil
	}
	ports, err := freePorts(2)
	if err != nil {
		return "", err
	}
	cmd := exec.Command(script, "share", dir, ports[0], ports[1])
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return "127.0.0.1:" + ports[0], nil
}

// lock locks a file until the process ends.
func lock(path string, how int) error {
	fd, err := syscall.Open(path, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o644) // a number, not an *os.File: nothing closes it
	if err != nil {
		return err
	}
	return syscall.Flock(fd, how)
}

// running returns the address of the shared broker if it answers.
func running(dir string) (string, bool) {
	port, err := os.ReadFile(filepath.Join(dir, "port"))
	if err != nil {
		return "", false
	}
	addr := "127.0.0.1:" + strings.TrimSpace(string(port))
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", false
	}
	conn.Close()
	return addr, true
}

// KafkaServer is a broker of one test.
type KafkaServer struct {
	process
	Addr string

	dir, controller string
	settings        []string
}

// StartKafka starts a broker that the test may kill, with settings of the form name=value. It ends with the test, and with
// the test's process.
func StartKafka(t testing.TB, settings ...string) *KafkaServer {
	t.Helper()
	needKafka(t)
	ports, err := freePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	k := &KafkaServer{Addr: "127.0.0.1:" + ports[0], dir: t.TempDir(), controller: ports[1], settings: settings}
	t.Cleanup(k.Kill)
	k.Start(t)
	return k
}

// Start starts it again, on the data that it had, and returns when it is ready.
func (k *KafkaServer) Start(t testing.TB) {
	t.Helper()
	cmd := exec.Command(script, "run", k.dir, k.Addr[strings.LastIndexByte(k.Addr, ':')+1:], k.controller)
	cmd.Env = append(os.Environ(), "KAFKA_SETTINGS="+strings.Join(k.settings, ";"))
	k.start(t, cmd, "Kafka Server started")
}
