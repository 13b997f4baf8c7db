package worker

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

const (
	niceness     = 10  // of workers: pages and the dispatcher come first
	oomScore     = 500 // of 1000: the kernel that runs out of memory shall take a worker first
	maxOpenFiles = 256
)

// thisProgram names the running program even after its file was replaced by a newer one (proc(5)).
func thisProgram() (string, error) {
	const self = "/proc/self/exe"
	if _, err := os.Readlink(self); err == nil {
		return self, nil
	}
	return os.Executable()
}

func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// begin starts the spawner's thread, which gets a low priority and can gain no privileges. Neither can be taken back, so
// the thread ends with the goroutine.
func (s *spawner) begin() {
	go func() {
		defer close(s.ended)
		runtime.LockOSThread() // and never unlock it
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, niceness)
		_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) // the sandbox does it again, if there is one
		for f := range s.requests {
			f()
		}
	}()
}

// residentBytes is the memory of a process that is in RAM, from the second field of /proc/PID/statm (proc(5)).
func residentBytes(pid int) (int64, error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(raw)
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm of process %d reads %q", pid, raw)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// limitResources sets what the kernel enforces itself. The data limit is for a single huge allocation, which is quicker
// than the host's samples; Go maps its heap in pieces of 64 MiB, so it is well above what the host allows.
func limitResources(memory int64) error {
	data := uint64(2*memory + 256<<20)
	for _, l := range []struct {
		what  string
		which int
		value uint64
	}{
		{"core dumps", unix.RLIMIT_CORE, 0},
		{"open files", unix.RLIMIT_NOFILE, maxOpenFiles},
		{"data", unix.RLIMIT_DATA, data},
	} {
		var now unix.Rlimit
		if err := unix.Getrlimit(l.which, &now); err != nil {
			return fmt.Errorf("%s: %w", l.what, err)
		}
		value := min(l.value, now.Max)
		if err := unix.Setrlimit(l.which, &unix.Rlimit{Cur: value, Max: value}); err != nil {
			return fmt.Errorf("%s: %w", l.what, err)
		}
	}
	return nil
}

// confine shuts the process in, for good: files only in its own folder and none to execute, TCP only out to the
// dispatcher's port (on any host: Landlock knows no addresses), and, as far as the kernel can, no UDP and no signals to other
// processes. A kernel without Landlock is worth a warning, no more.
func confine(o ChildOptions, dispatcher string, logger *slog.Logger) error {
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(oomScore)), 0); err != nil {
		logger.Warn("the worker's out-of-memory score cannot be set", "err", err)
	}
	u, err := url.Parse(dispatcher)
	if err != nil {
		return fmt.Errorf("read the dispatcher's URL: %w", err)
	}
	port, err := portOf(u)
	if err != nil {
		return err
	}
	// What is read from the system now cannot be read later.
	_ = time.Now().Local().String()
	if u.Scheme == "https" {
		if _, err := x509.SystemCertPool(); err != nil {
			return fmt.Errorf("read the system's certificates: %w", err)
		}
	}
	if version, err := ll.LandlockGetABIVersion(); err != nil || version < 1 {
		logger.Warn("the kernel has no Landlock: plugins run without a sandbox")
	}
	rules := []landlock.Rule{
		landlock.PathAccess(ll.AccessFSReadFile|ll.AccessFSReadDir|ll.AccessFSWriteFile|ll.AccessFSTruncate|
			ll.AccessFSMakeReg|ll.AccessFSMakeDir|ll.AccessFSRemoveFile|ll.AccessFSRemoveDir, o.TempDir),
		landlock.ConnectTCP(port),
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil { // a name, which must be looked up
		rules = append(rules,
			landlock.ROFiles("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf").IgnoreIfMissing(),
			landlock.ConnectTCP(53), landlock.ConnectSendUDP(53), landlock.BindUDP(0))
	}
	return landlock.V11.BestEffort().Restrict(rules...)
}

func portOf(u *url.URL) (uint16, error) {
	text := u.Port()
	switch {
	case text == "" && u.Scheme == "https":
		return 443, nil
	case text == "":
		return 80, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("read the dispatcher's port: %w", err)
	}
	return uint16(port), nil
}
