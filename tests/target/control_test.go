package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTheControlLeavesNoTrace(t *testing.T) {
	p := start(t)
	descriptors, threads, dump := p.descriptors(), p.threads(), states(p.goroutines())
	for i := 0; i < 200; i++ {
		p.do("status")
		if now := p.descriptors(); len(now) > len(descriptors)+1 { // one more may be pprof's last
			t.Fatalf("%d descriptors after command %d, %d before", len(now), i, len(descriptors))
		}
	}
	p.waitForDescriptors(descriptors)
	if now := p.threads(); now != threads {
		t.Errorf("%d threads, %d before", now, threads)
	}
	if now := states(p.goroutines()); !reflect.DeepEqual(now, dump) {
		t.Errorf("%v, %v before", now, dump)
	}
}

func TestABadCommandSaysWhatIsWrongAndHoldsNothing(t *testing.T) {
	p := start(t)
	before := p.descriptors()
	for _, c := range []struct{ line, says string }{
		{"nonsense", "no such command"},
		{"fds", "which kind?"},
		{"fds nonsense 1", "which kind?"},
		{"fds regular", "how much?"},
		{"fds regular 0", "no count"},
		{"fds regular -1", "no count"},
		{"fds regular 1000001", "no count"},
		{"fds regular 1e3", "no count"},
		{"fds regular 1 shared", "unknown option"},
		{"fds regular 1 path=a path=b", "given twice"},
		{"fds pipe 1 path=a", "no path"},
		{"fds regular 1 path", "wants a value"},
		{"locks posix 1 shared=no", "wants a value, or none"},
		{"fds device 1 path=/etc/passwd", "no character device"},
		{"fds regular 1 path=" + strings.Repeat("x", 256), "file name too long"},
		{`fds regular 1 path=\x00`, "hexadecimal"},
		{`fds regular 1 path=\q`, "unknown escape"},
		{`fds regular 1 path=\`, "nothing follows"},
		{`fds regular 1 path="a`, "not closed"},
		{"watches 2 path=one", "%d"},
		{"locks posix 1 start=x", "no number"},
		{"locks flock 1 start=1", "whole files"},
		{"maps anon 1 path=x", "no path"},
		{"maps anon 1 size=0", "no size"},
		{"goroutines mutex 1 as=nobody", `as="nobody"`},
		{"goroutines mutex 1 depth=x", "no number"},
		{"threads 8001", "at most"},
		{"heap 10", "held"}, // a number of bytes is a size
		{"heap many", "no size"},
		{"heap NaN", "no size"},
		{"heap 10MB via=nobody", `via="nobody"`},
		{"leak fds regular 5", "no rate"},
		{"leak cpu 5/s", "cannot leak"},
		{"leak", "of what?"},
		{"garbage", "how much?"},
		{"stop fds", "what?"},
		{"release", "what?"},
		{"release nonsense", "unknown class"},
		{"release fds nonsense", "unknown kind"},
		{"gc now", "os"},
		{"quit now", "Nothing follows"},
		{"status x", "Nothing follows"},
	} {
		reply := p.ask(c.line)
		if isError(reply) == (c.says == "held") || !strings.Contains(reply, c.says) || strings.Contains(reply, "\n") {
			t.Errorf("%q gets %q", c.line, reply)
		}
	}
	p.do("release heap")
	if now := p.descriptors(); !reflect.DeepEqual(now, before) {
		t.Errorf("%d descriptors before, %d after", len(before), len(now))
	}
	if reply := p.do("status"); !strings.Contains(reply, " fds=0 goroutines=0 threads=0 regions=0 ") {
		t.Error(reply)
	}
}

func TestALineHoldsSeveralCommandsUpToTheFirstError(t *testing.T) {
	p := start(t)
	if reply := p.do("fds pipe 2; fds eventfd 3"); reply != "ok held=2; held=3" {
		t.Error(reply)
	}
	if reply := p.ask("fds pipe 2; nonsense; fds pipe 100"); !strings.HasPrefix(reply, "error: nonsense: ") {
		t.Error(reply)
	}
	if got := p.status("fds"); got != 7 {
		t.Errorf("fds=%d", got)
	}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	reply := start(t).do("help")
	for _, word := range append(sortedKeys(classes), sortedKeys(verbs)...) {
		if !strings.Contains(reply, `\n  `+word) && !strings.Contains(reply, " | "+word) {
			t.Errorf("not %s: %s", word, reply)
		}
	}
}

func TestAClientThatSaysTooMuchOrNothingDoesNotHarm(t *testing.T) {
	p := start(t)
	for _, line := range []string{"", strings.Repeat("x", maxLine+1)} {
		conn, err := net.Dial("unix", p.control)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, line)
		conn.(*net.UnixConn).CloseWrite()
		io.ReadAll(conn)
		conn.Close()
	}
	p.do("status")
}

func TestLeaksGrowUntilStopped(t *testing.T) {
	p := start(t)
	for _, c := range []struct {
		leak    string
		release string
		count   func() int64
		grows   int64
	}{
		{"fds regular 50/s", "fds", func() int64 { return int64(len(p.descriptors())) }, 20},
		{"goroutines chan_receive 50/s as=fetchData", "goroutines",
			func() int64 { return int64(strings.Count(p.page("goroutine?debug=2"), "main.fetchData(")) }, 20},
		{"threads 20/s", "threads", func() int64 { return int64(p.threads()) }, 10},
		{"watches 20/s", "watches", func() int64 { return int64(p.status("watches")) }, 10},
		{"maps regions 50/s", "maps", func() int64 { return int64(strings.Count(p.proc("maps"), "r--p 00000000 00:00 0")) }, 20},
		{"heap 20MB/s", "heap", func() int64 { return p.memory("HeapAlloc") }, 20 << 20},
	} {
		p.do("gc")
		before := c.count()
		p.do("leak " + c.leak)
		eventually(t, c.leak, func() bool { return c.count() >= before+c.grows })
		p.do("stop")
		held := p.status("fds") + p.status("goroutines") + p.status("regions") + p.status("heap_bytes")
		time.Sleep(300 * time.Millisecond)
		if now := p.status("fds") + p.status("goroutines") + p.status("regions") + p.status("heap_bytes"); now != held {
			t.Errorf("leak %s: goes on after stop", c.leak)
		}
		p.do("release " + c.release + "; gc")
		if c.release == "heap" {
			before += megabyte
		}
		eventually(t, c.leak+" is given back", func() bool { return c.count() <= before })
	}
	if reply := p.do("status"); !strings.Contains(reply, " fds=0 goroutines=0 threads=0 regions=0 ") {
		t.Error(reply)
	}
}

func TestALeakThatCannotGoOnSaysSo(t *testing.T) {
	p := prepare(t, freePort(t))
	p.command.Path, p.command.Args = "/bin/sh", append([]string{"sh", "-c", `ulimit -n 40; exec "$0" "$@"`}, p.command.Args...)
	p.launch(nil)
	p.do("leak fds eventfd 100/s")
	eventually(t, "a message", func() bool {
		return strings.Contains(p.errors.String(), "leak fds eventfd: too many open files")
	})
	if reply := p.ask("fds eventfd 20"); !isError(reply) {
		t.Error(reply)
	}
	p.do("release all; fds eventfd 20")
}

func TestCommandsCanStandOnTheCommandLine(t *testing.T) {
	plain := start(t)
	p := start(t, "-do", "fds regular 10; goroutines chan_receive 5", "-do", "threads 4")
	if got := len(p.descriptors()) - len(plain.descriptors()); got != 10 {
		t.Errorf("%d descriptors more", got)
	}
	if got := p.threads() - plain.threads(); got != 4 {
		t.Errorf("%d threads more", got)
	}
	if got := p.status("goroutines"); got != 9 {
		t.Errorf("goroutines=%d", got)
	}
	output, err := exec.Command(program, "-do", "fds pipe 2", "-do", "nonsense").CombinedOutput()
	if _, failed := err.(*exec.ExitError); !failed || !strings.Contains(string(output), "-do nonsense: error: ") {
		t.Errorf("%v: %s", err, output)
	}
}

func TestFilesAreMadeInTheFolderGiven(t *testing.T) {
	folder := t.TempDir()
	p := start(t, "-dir", folder)
	p.do("fds regular 1 path=x")
	if _, err := os.Stat(folder + "/x"); err != nil || p.dir != folder {
		t.Errorf("dir=%s: %v", p.dir, err)
	}
	p.do("quit")
	<-p.ended
	p.ended <- nil
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
}

func TestQuitAndSignalsLeaveNothingBehind(t *testing.T) {
	for name, end := range map[string]func(p *process){
		"quit":    func(p *process) { p.do("quit") },
		"SIGTERM": func(p *process) { p.command.Process.Signal(syscall.SIGTERM) },
		"SIGINT":  func(p *process) { p.command.Process.Signal(syscall.SIGINT) },
	} {
		outside := t.TempDir() + "/made/x"
		p := start(t)
		p.do("fds regular 3; goroutines select_forever 1; threads 2; leak heap 1MB/s; cpu 100; fds regular 1 path=" + outside)
		end(p)
		select {
		case err := <-p.ended:
			p.ended <- nil
			if err != nil {
				t.Errorf("%s: %v %s", name, err, p.errors)
			}
		case <-time.After(deadline):
			t.Fatalf("%s does not end it", name)
		}
		for _, path := range []string{p.dir, p.control, outside} {
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("%s leaves %s", name, path)
			}
		}
	}
}

func TestStandardInputTakesCommands(t *testing.T) {
	command := exec.Command(program, "-exit-on-eof")
	command.Stdin = strings.NewReader("fds pipe 2\n\nnonsense\nstatus\n")
	output, err := command.Output()
	lines := strings.Split(string(output), "\n")
	if err != nil || len(lines) != 5 || !strings.HasPrefix(lines[0], "ready ") || lines[1] != "ok held=2" ||
		!isError(lines[2]) || !strings.Contains(lines[3], " fds=2 ") {
		t.Errorf("%v: %q", err, lines)
	}
	command = exec.Command(program)
	command.Stdin = strings.NewReader("fds pipe 2\nquit\nstatus\n")
	output, err = command.Output()
	if err != nil || !strings.HasSuffix(string(output), "ok held=2\nok\n") {
		t.Errorf("%v: %q", err, output)
	}
}

func TestTheEndOfStandardInputEndsItOnlyOnRequest(t *testing.T) {
	p := prepare(t, freePort(t))
	p.launch(strings.NewReader("fds pipe 2\n"))
	eventually(t, "the command is done", func() bool { return p.status("fds") == 2 })
	p = prepare(t, freePort(t), "-exit-on-eof")
	input, writer := io.Pipe()
	p.launch(input)
	p.do("status")
	writer.Close()
	select {
	case err := <-p.ended:
		p.ended <- err
	case <-time.After(deadline):
		t.Error("it runs on")
	}
}

func TestPprofIsOnWhereTheVariableAsks(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)
	for _, c := range []struct{ value, says string }{
		{"", ""},
		{"1", "pprof enabled on http://localhost:6060/debug/pprof/\n"},
		{port, "pprof enabled on http://localhost:" + port + "/debug/pprof/\n" +
			"pprof server error: listen tcp 127.0.0.1:" + port + ": bind: address already in use\n"},
		{"abc", "pprof enabled on http://localhost:abc/debug/pprof/\npprof server error: listen tcp: "},
		{"99999", "pprof enabled on http://localhost:99999/debug/pprof/\npprof server error: listen tcp: "},
	} {
		var errors bytes.Buffer
		command := exec.Command(program, "-exit-on-eof")
		command.Env = append(os.Environ(), "SIDECAR_PPROF="+c.value)
		command.Stdin, command.Stderr = strings.NewReader("status\n"), &errors
		output, err := command.Output()
		if err != nil || !strings.Contains(string(output), "\nok pid=") {
			t.Errorf("SIDECAR_PPROF=%s: %v, %s", c.value, err, output)
		}
		if said := errors.String(); !strings.HasPrefix(said, c.says) || c.says == "" && said != "" {
			t.Errorf("SIDECAR_PPROF=%s: it says %q", c.value, said)
		}
	}
}
