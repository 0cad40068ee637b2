// Checks the built program from outside, as a watcher sees it: every command against /proc and the
// pprof server. This file builds and starts it and reads what the kernel says; the tests are in
// the files named after what they test.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const deadline = time.Minute // longer than anything takes on a busy machine; no test measures speed

var program string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "target-test-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(folder, "sidecar")
	build := exec.Command("go", "build", "-trimpath", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOTOOLCHAIN=local")
	status := 1
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, output)
	} else {
		status = m.Run()
	}
	os.RemoveAll(folder)
	os.Exit(status)
}

// process is a running target.
type process struct {
	*testing.T
	command *exec.Cmd
	pid     int
	dir     string // where it makes its files
	control string
	port    int // of pprof
	errors  *journal
	ended   chan error
}

// start runs the target with a control socket and pprof; it is ready on return, and gone when the
// test ends.
func start(t *testing.T, flags ...string) *process {
	t.Helper()
	p := prepare(t, freePort(t), flags...)
	p.launch(nil)
	return p
}

func prepare(t *testing.T, port int, flags ...string) *process {
	p := &process{T: t, port: port, errors: &journal{}, ended: make(chan error, 1)}
	p.control = filepath.Join(t.TempDir(), "control")
	p.command = exec.Command(program, append([]string{"-control", p.control}, flags...)...)
	p.command.Env = append(os.Environ(), fmt.Sprintf("SIDECAR_PPROF=%d", port), "TMPDIR="+t.TempDir())
	p.command.Stderr = p.errors
	return p
}

func (p *process) launch(stdin io.Reader) {
	p.Helper()
	p.command.Stdin = stdin
	output, err := p.command.StdoutPipe()
	if err != nil {
		p.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		p.Fatal(err)
	}
	hung := p.expectWithin(deadline)
	ready, _ := bufio.NewReader(output).ReadString('\n')
	hung.Stop()
	go func() { p.ended <- p.command.Wait() }()
	p.Cleanup(func() {
		p.command.Process.Kill()
		select {
		case <-p.ended:
		case <-time.After(deadline):
		}
	})
	p.pid = p.command.Process.Pid
	if n, err := fmt.Sscanf(ready, "ready pid=%d dir=%s", new(int), &p.dir); n != 2 {
		p.Fatalf("it said %q and %q on start: %v", ready, p.errors, err)
	}
}

// expectWithin makes a target that hangs end with a dump, unless the timer is stopped before.
func (p *process) expectWithin(d time.Duration) *time.Timer {
	return time.AfterFunc(d, func() { p.command.Process.Signal(syscall.SIGQUIT) })
}

// journal is what a process has written so far.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// ask sends a line and returns the reply.
func (p *process) ask(line string) string {
	p.Helper()
	conn, err := net.Dial("unix", p.control)
	if err != nil {
		p.Fatal(err)
	}
	defer conn.Close()
	defer p.expectWithin(deadline).Stop()
	fmt.Fprintln(conn, line)
	reply, err := io.ReadAll(conn)
	if err != nil || len(reply) == 0 {
		p.Fatalf("%s: no reply, %v\n%s", line, err, p.errors)
	}
	return strings.TrimSuffix(string(reply), "\n")
}

// do sends a line that must succeed and bring everything to rest.
func (p *process) do(line string) string {
	p.Helper()
	reply := p.ask(line)
	if !strings.HasPrefix(reply, "ok") || strings.Contains(reply, "settled=no") {
		p.Fatalf("%s: %s", line, reply)
	}
	return reply
}

// proc is a file's text below /proc/PID.
func (p *process) proc(name string) string {
	p.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.pid, name))
	if err != nil {
		p.Fatal(err)
	}
	return string(text)
}

// descriptors maps each open descriptor to what it is.
func (p *process) descriptors() map[string]string {
	p.Helper()
	folder := fmt.Sprintf("/proc/%d/fd/", p.pid)
	entries, err := os.ReadDir(folder)
	if err != nil {
		p.Fatal(err)
	}
	links := map[string]string{}
	for _, entry := range entries {
		// One that pprof has just closed may be gone by now.
		if link, err := os.Readlink(folder + entry.Name()); err == nil {
			links[entry.Name()] = link
		}
	}
	return links
}

func (p *process) threads() int {
	p.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.pid))
	if err != nil {
		p.Fatal(err)
	}
	return len(entries)
}

// status is a field of the reply to the command status.
func (p *process) status(field string) int {
	p.Helper()
	for _, word := range strings.Fields(p.do("status")) {
		if strings.HasPrefix(word, field+"=") {
			n, err := strconv.Atoi(word[len(field)+1:])
			if err != nil {
				p.Fatal(err)
			}
			return n
		}
	}
	return 0
}

// page gets a page of the pprof server and leaves no connection behind.
func (p *process) page(path string) string {
	p.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: deadline}
	answer, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/%s", p.port, path))
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.Fatal(err)
	}
	return string(text)
}

// memory is a figure of runtime.MemStats, from the end of the heap profile.
func (p *process) memory(field string) int64 {
	p.Helper()
	found := regexp.MustCompile(`(?m)^# ` + field + ` = (\d+)$`).FindStringSubmatch(p.page("heap?debug=1"))
	if found == nil {
		p.Fatalf("no %s in the heap profile", field)
	}
	n, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		p.Fatal(err)
	}
	return n
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// eventually waits for something that takes its time.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(deadline); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("never: %s", what)
		}
	}
}
