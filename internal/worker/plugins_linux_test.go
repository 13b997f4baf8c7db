package worker_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"lazuli/internal/worker"
	"lazuli/plugin"
)

// envHost makes the test binary a host for the dispatcher it names, in place of running tests.
const envHost = "LAZULI_TEST_HOST"

// The test binary is its own worker: a Host starts it again with the plugins below.
func TestMain(m *testing.M) {
	if os.Getenv(worker.EnvOptions) != "" {
		o, err := worker.ChildOptionsFromEnv()
		if err == nil {
			err = worker.Main(context.Background(), o, plugins)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if url := os.Getenv(envHost); url != "" {
		h, err := worker.NewHost(worker.Options{Workers: 1, DispatcherURL: url})
		if err == nil {
			err = h.Run(context.Background())
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// testPlugin runs a function.
type testPlugin struct {
	name    string
	timeout time.Duration
	run     func(ctx context.Context) error
}

func (p testPlugin) Spec() plugin.Spec {
	return plugin.Spec{Name: p.name, Version: "1", Description: "A test.", Timeout: p.timeout}
}

func (p testPlugin) Run(ctx context.Context, _ *plugin.Job) error { return p.run(ctx) }

const shortTimeout = 200 * time.Millisecond

var plugins = []plugin.Plugin{
	testPlugin{"Good", time.Minute, func(context.Context) error { return nil }},
	testPlugin{"Slow", time.Minute, func(context.Context) error {
		fmt.Fprintln(os.Stderr, hasBegun)
		time.Sleep(shortTimeout)
		return nil
	}},
	testPlugin{"Obedient", time.Minute, func(ctx context.Context) error {
		fmt.Fprintln(os.Stderr, hasBegun)
		<-ctx.Done()
		return ctx.Err()
	}},
	testPlugin{"Littering", time.Minute, litter},
	testPlugin{"Pid", time.Minute, func(context.Context) error { return fmt.Errorf("pid=%d", os.Getpid()) }},
	testPlugin{"Panicking", time.Minute, func(ctx context.Context) error {
		go panic("boom in a goroutine")
		<-ctx.Done()
		return nil
	}},
	testPlugin{"Exiting", time.Minute, func(context.Context) error {
		fmt.Fprintln(os.Stderr, "last words of a plugin")
		os.Exit(7)
		return nil
	}},
	testPlugin{"Hanging", shortTimeout, hang},
	testPlugin{"Stuck", time.Minute, hang},
	testPlugin{"Eating", time.Minute, func(context.Context) error {
		var eaten [][]byte
		for {
			eaten = append(eaten, fill(make([]byte, 4<<20)))
			runtime.KeepAlive(eaten)
		}
	}},
	testPlugin{"Devouring", time.Minute, func(context.Context) error {
		runtime.KeepAlive(fill(make([]byte, 16<<30)))
		return nil
	}},
	testPlugin{"Spying", time.Minute, spy},
}

// hasBegun is what some plugins write to standard error when they begin.
const hasBegun = "the plugin has begun"

func hang(context.Context) error {
	fmt.Fprintln(os.Stderr, hasBegun)
	for {
		time.Sleep(time.Hour)
	}
}

func fill(b []byte) []byte {
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// litter leaves a file behind, and says so if it finds one.
func litter(context.Context) error {
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
	if err != nil || len(left) > 0 {
		return fmt.Errorf("found %v, %w", left, err)
	}
	return os.WriteFile(filepath.Join(os.TempDir(), "litter"), []byte("x"), 0o600)
}

// spy tries what the sandbox must not let it do, and what it must; it tells what went wrong.
func spy(ctx context.Context) error {
	var wrong []error
	denied := func(what string, err error, want ...syscall.Errno) {
		for _, w := range want {
			if errors.Is(err, w) {
				return
			}
		}
		wrong = append(wrong, fmt.Errorf("%s: %v, want %v", what, err, want))
	}
	_, err := os.ReadFile("/etc/passwd")
	denied("read /etc/passwd", err, unix.EACCES)
	_, err = os.ReadDir("/")
	denied("list /", err, unix.EACCES)
	denied("write outside", os.WriteFile(filepath.Join(filepath.Dir(os.TempDir()), "outside"), nil, 0o600), unix.EACCES)
	_, err = (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:1")
	denied("connect elsewhere", err, unix.EACCES)
	var listen net.ListenConfig
	listen.SetMultipathTCP(false) // Landlock has no say over it
	_, err = listen.Listen(ctx, "tcp", "127.0.0.1:0")
	denied("listen", err, unix.EACCES)
	denied("execute", exec.Command("/bin/true").Run(), unix.EACCES)
	denied("gain privileges", func() error {
		if on, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil || on != 1 {
			return fmt.Errorf("no_new_privs is %d, %w", on, err)
		}
		return unix.EACCES
	}(), unix.EACCES)
	if unix.Kill(os.Getppid(), 0) == nil && scopedSignals() {
		wrong = append(wrong, errors.New("the host can be signalled"))
	}
	for _, l := range []struct {
		which int
		most  uint64
	}{{unix.RLIMIT_CORE, 0}, {unix.RLIMIT_NOFILE, 256}, {unix.RLIMIT_DATA, 4 << 30}} {
		var now unix.Rlimit
		if err := unix.Getrlimit(l.which, &now); err != nil || now.Max > l.most {
			wrong = append(wrong, fmt.Errorf("limit %d is %d, want at most %d, %w", l.which, now.Max, l.most, err))
		}
	}
	if nice, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err != nil || nice > 10 { // the kernel answers 20 less the niceness
		wrong = append(wrong, fmt.Errorf("the priority is %d, %w", nice, err))
	}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "TMPDIR", "HOME", "GOTRACEBACK", "TZ", "GODEBUG", "SSL_CERT_FILE", "SSL_CERT_DIR":
		default:
			wrong = append(wrong, fmt.Errorf("%s is in the environment", name))
		}
	}
	if err := os.WriteFile(filepath.Join(os.TempDir(), "inside"), []byte("x"), 0o600); err != nil {
		wrong = append(wrong, fmt.Errorf("write inside: %w", err))
	}
	return errors.Join(wrong...)
}
