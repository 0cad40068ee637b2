package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"syscall"
	"testing"
)

// added is what p has open beyond before.
func (p *process) added(before map[string]string) []string {
	p.Helper()
	var links []string
	for fd, link := range p.descriptors() {
		if before[fd] != link {
			links = append(links, link)
		}
	}
	return links
}

func TestDescriptorsAreHeldExactlyAndGivenBack(t *testing.T) {
	p := start(t)
	outside := filepath.Join(t.TempDir(), "given", "state.db")
	for _, c := range []struct {
		command  string
		count    int
		like     string // each added link, where DIR is the target's folder
		distinct int
	}{
		{"fds regular 10", 10, `DIR/file-\d+`, 10},
		{"fds regular 5 path=.claude/projects/p/x.jsonl", 5, `DIR/\.claude/projects/p/x\.jsonl`, 1},
		{"fds regular 5 path=.codex/sessions/%d/x.jsonl", 5, `DIR/\.codex/sessions/\d+/x\.jsonl`, 5},
		{"fds regular 3 path=" + outside, 3, regexp.QuoteMeta(outside), 1},
		{"fds deleted 4", 4, `DIR/deleted-\d+ \(deleted\)`, 4},
		{"fds directory 6", 6, `DIR/folder-\d+`, 6},
		{"fds directory 2 path=one", 2, `DIR/one`, 1},
		{"fds device 3", 3, `/dev/null`, 1},
		{"fds device 1 path=/dev/zero", 1, `/dev/zero`, 1},
		{"fds pipe 8", 8, `pipe:\[\d+\]`, 4},
		{"fds pipe 7", 7, `pipe:\[\d+\]`, 4},
		{"fds socket 5", 5, `socket:\[\d+\]`, 5},
		{"fds tcp 3", 3, `socket:\[\d+\]`, 3},
		{"fds inotify 2", 2, `anon_inode:inotify`, 1},
		{"fds eventpoll 2", 2, `anon_inode:\[eventpoll\]`, 1},
		{"fds eventfd 2", 2, `anon_inode:\[eventfd\]`, 1},
		{"fds timerfd 2", 2, `anon_inode:\[timerfd\]`, 1},
		{"fds memfd 2", 2, `/memfd:target \(deleted\)`, 1},
		{"fds regular 5000", 5000, `DIR/file-\d+`, 5000},
	} {
		before := p.descriptors()
		p.do(c.command)
		links := p.added(before)
		like := regexp.MustCompile("^" + strings.ReplaceAll(c.like, "DIR", regexp.QuoteMeta(p.dir)) + "$")
		distinct := map[string]bool{}
		for _, link := range links {
			distinct[link] = true
			if !like.MatchString(link) {
				t.Errorf("%s: opened %q", c.command, link)
			}
		}
		if len(links) != c.count || len(distinct) != c.distinct {
			t.Errorf("%s: %d descriptors of %d things", c.command, len(links), len(distinct))
		}
		if got := p.status("fds"); got != c.count {
			t.Errorf("%s: status says fds=%d", c.command, got)
		}
		p.do("release all")
		if now := p.descriptors(); !reflect.DeepEqual(now, before) {
			t.Errorf("%s: %d descriptors before, %d after release", c.command, len(before), len(now))
		}
	}
	if left, err := os.ReadDir(p.dir); err != nil || len(left) > 0 {
		t.Errorf("files left after release: %v %v", left, err)
	}
	if _, err := os.Stat(filepath.Dir(outside)); !os.IsNotExist(err) {
		t.Errorf("the folder it made outside is left: %v", err)
	}
}

func TestAFileNameMayHoldAnyByte(t *testing.T) {
	p := start(t)
	before := p.descriptors()
	p.do(`fds regular 1 path="a\n\"b\" \xff;\\c"; fds regular 1 path=d\ e\x01=\;`)
	links := p.added(before)
	sort.Strings(links)
	want := []string{p.dir + "/a\n\"b\" \xff;\\c", p.dir + "/d e\x01=;"}
	if !reflect.DeepEqual(links, want) {
		t.Errorf("opened %q, not %q", links, want)
	}
}

func TestReleasingOneKindKeepsTheOthers(t *testing.T) {
	p := start(t)
	before := p.descriptors()
	p.do("fds regular 3; fds pipe 4; fds regular 2; watches 5")
	if reply := p.do("release fds regular"); reply != "ok released=5" {
		t.Error(reply)
	}
	if got := len(p.added(before)); got != 5 {
		t.Errorf("%d descriptors are left", got)
	}
}

func TestAFileThatWasThereBeforeStays(t *testing.T) {
	p := start(t)
	file := filepath.Join(t.TempDir(), "mine")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.do("fds regular 2 path=" + file + "; locks posix 1 path=" + file + "; release all")
	if reply := p.ask("fds deleted 1 path=" + file); !isError(reply) {
		t.Error(reply)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("%q %v", text, err)
	}
}

func TestTooManyDescriptorsAreNone(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Max >= maxCount {
		t.Skipf("the limit of %d descriptors is out of reach", limit.Max)
	}
	p := start(t)
	before := p.descriptors()
	reply := p.ask(fmt.Sprintf("fds eventfd %d", limit.Max))
	if !isError(reply) || !strings.Contains(reply, "too many open files") {
		t.Error(reply)
	}
	if now := p.descriptors(); !reflect.DeepEqual(now, before) {
		t.Errorf("%d descriptors before, %d after", len(before), len(now))
	}
}

func TestWatchesAreOnOneDescriptor(t *testing.T) {
	p := start(t)
	before := p.descriptors()
	p.do("watches 25")
	if links := p.added(before); !reflect.DeepEqual(links, []string{"anon_inode:inotify"}) {
		t.Errorf("opened %q", links)
	}
	if got := p.watches(before); got != 25 {
		t.Errorf("%d watches", got)
	}
	p.do("watches 5 path=.claude/projects/%d")
	if got := p.watches(before); got != 30 {
		t.Errorf("%d watches with a second descriptor", got)
	}
	p.do("release watches")
	if now := p.descriptors(); !reflect.DeepEqual(now, before) {
		t.Errorf("%d descriptors before, %d after release", len(before), len(now))
	}
}

// watches counts the inotify watches in fdinfo of what is open beyond before.
func (p *process) watches(before map[string]string) int {
	count := 0
	for fd := range p.descriptors() {
		if _, old := before[fd]; !old {
			count += strings.Count(p.proc("fdinfo/"+fd), "inotify wd:")
		}
	}
	return count
}

func TestListenersListenOnLoopback(t *testing.T) {
	p := start(t)
	before := p.descriptors()
	p.do("fds tcp 2")
	table := p.proc("net/tcp")
	for _, link := range p.added(before) {
		inode := regexp.MustCompile(`\d+`).FindString(link)
		const listening = `0100007F:[0-9A-F]{4} 00000000:0000 0A .* `
		if !regexp.MustCompile(listening + inode + " ").MatchString(table) {
			t.Errorf("%s does not listen:\n%s", link, table)
		}
	}
}

func TestLocksAreWhatTheKernelLists(t *testing.T) {
	p := start(t)
	for _, c := range []struct{ command, like string }{
		{"locks posix 1 path=x.db", `POSIX +ADVISORY +WRITE PID DEV:INODE 0 EOF`},
		{"locks posix 1 path=x.db shared", `POSIX +ADVISORY +READ PID DEV:INODE 0 EOF`},
		{"locks posix 1 path=x.db start=1073741824 length=510",
			`POSIX +ADVISORY +WRITE PID DEV:INODE 1073741824 1073742333`},
		{"locks flock 1 path=x.db", `FLOCK +ADVISORY +WRITE PID DEV:INODE 0 EOF`},
		{"locks flock 1 path=x.db shared", `FLOCK +ADVISORY +READ PID DEV:INODE 0 EOF`},
		{"locks ofd 1 path=x.db", `OFDLCK +ADVISORY +WRITE -?\d+ DEV:INODE 0 EOF`},
		{"locks ofd 1 path=x.db shared", `OFDLCK +ADVISORY +READ -?\d+ DEV:INODE 0 EOF`},
	} {
		p.do(c.command)
		var is syscall.Stat_t
		if err := syscall.Stat(p.dir+"/x.db", &is); err != nil {
			t.Fatal(err)
		}
		like := strings.NewReplacer("PID", fmt.Sprint(p.pid), "INODE", fmt.Sprint(is.Ino),
			"DEV", "[0-9a-f]+:[0-9a-f]+").Replace(c.like)
		if table := p.proc("../locks"); !regexp.MustCompile(`(?m)^\d+: ` + like + `$`).MatchString(table) {
			t.Errorf("%s: no %s in\n%s", c.command, like, table)
		}
		p.do("release locks")
		if table := p.proc("../locks"); strings.Contains(table, fmt.Sprintf(":%d ", is.Ino)) {
			t.Errorf("%s: still there after release:\n%s", c.command, table)
		}
	}
}

func TestLocksOnSeveralFiles(t *testing.T) {
	p := start(t)
	before := p.descriptors()
	p.do("locks ofd 3; locks flock 2 shared path=one.db")
	if links := p.added(before); len(links) != 5 {
		t.Errorf("opened %q", links)
	}
}

func TestALockInTheWayIsAnErrorThatNamesItsOwner(t *testing.T) {
	owner := start(t)
	file := owner.dir + "/session.db"
	owner.do("locks posix 1 path=session.db")
	output, err := exec.Command(program, "-do", "locks posix 1 path="+file).CombinedOutput()
	want := fmt.Sprintf("locked by process %d", owner.pid)
	if err == nil || !strings.Contains(string(output), want) {
		t.Errorf("%v: %s", err, output)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error("the second process took the file away:", err)
	}
}
