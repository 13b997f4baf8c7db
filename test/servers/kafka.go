// Package servers runs the real servers that tests need, on loopback and on free ports. Begin with Kafka, which all test
// processes share, or StartKafka, for a test that kills it. test/setup installs what they need.
package servers

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take to start. After a kill Kafka looks through its logs.
const patience = 2 * time.Minute

// here is this package's folder, and cache what test/setup and the servers keep.
var here, cache = func() (string, string) {
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Dir(file)
	return dir, filepath.Join(dir, "../../.cache/servers")
}()

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
	if missing == "" {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: test/setup should have installed it", missing)
	}
	t.Skipf("SKIPPED: %s (run test/setup; it needs Java 17 and Maven)", missing)
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

// freePorts returns ports that nobody listens on at the moment.
func freePorts(n int) ([]string, error) {
	ports := make([]string, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports[i] = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// KafkaServer is a broker of one test.
type KafkaServer struct {
	Addr string

	dir, controller string
	settings        []string
	cmd             *exec.Cmd
	exited          chan struct{}
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
	k.cmd = exec.Command(script, "run", k.dir, k.Addr[strings.LastIndexByte(k.Addr, ':')+1:], k.controller)
	k.cmd.Env = append(os.Environ(), "KAFKA_SETTINGS="+strings.Join(k.settings, ";"))
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	k.cmd.Stderr = k.cmd.Stdout
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k.exited = make(chan struct{})
	ready := make(chan struct{})
	var last []string
	go func() {
		defer close(k.exited)
		begun := false
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			last = append(last[max(0, len(last)-20):], lines.Text())
			if !begun && strings.Contains(lines.Text(), "Kafka Server started") {
				begun = true
				close(ready)
			}
		}
		_ = k.cmd.Wait() // killed
	}()
	select {
	case <-ready:
	case <-k.exited:
		t.Fatalf("Kafka ended before it was ready:\n%s", strings.Join(last, "\n"))
	case <-time.After(patience):
		t.Fatal("Kafka was not ready within ", patience)
	}
}

// Kill ends it as kill -9 does.
func (k *KafkaServer) Kill() {
	if k.cmd == nil || k.cmd.Process == nil {
		return
	}
	_ = k.cmd.Process.Kill() // it may have ended already
	<-k.exited
}

// Freeze stops its process where it is; connections stay open and nothing is answered. Thaw lets it go on.
func (k *KafkaServer) Freeze() { _ = k.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (k *KafkaServer) Thaw() { _ = k.cmd.Process.Signal(syscall.SIGCONT) }
