package main

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// goroutine is one of a dump.
type goroutine struct {
	state string // what stands in the header's brackets, without an age
	stack string
}

var headerForm = regexp.MustCompile(`^goroutine \d+ \[(.*)\]:$`)
var ageForm = regexp.MustCompile(`, \d+ minutes`)

// goroutines reads a dump. It leaves out the goroutines of the server that writes the dump, which
// are busy with it, and the one that has just answered a command and may not be back at its wait.
func (p *process) goroutines() []goroutine {
	p.Helper()
	var all []goroutine
	for _, text := range strings.Split(strings.TrimSpace(p.page("goroutine?debug=2")), "\n\n") {
		header, stack, _ := strings.Cut(text, "\n")
		found := headerForm.FindStringSubmatch(header)
		if found == nil {
			p.Fatalf("a dump has the header %q", header)
		}
		if strings.Contains(stack, "net/http.") || strings.Contains(stack, "main.(*target).begin(") {
			continue
		}
		all = append(all, goroutine{ageForm.ReplaceAllString(found[1], ""), stack})
	}
	return all
}

func states(all []goroutine) map[string]int {
	counts := map[string]int{}
	for _, g := range all {
		counts[g.state]++
	}
	return counts
}

// more is what now has beyond before.
func more(now, before map[string]int) map[string]int {
	beyond := map[string]int{}
	for state, n := range now {
		if n -= before[state]; n != 0 {
			beyond[state] = n
		}
	}
	return beyond
}

func TestGoroutinesWaitInTheWayAskedFor(t *testing.T) {
	p := start(t)
	for _, c := range []struct {
		command, state string
		older          string // the state's name in Go 1.19
		count          int
		kept           bool // Go cannot end it
	}{
		{"chan_receive 5", "chan receive", "", 5, false},
		{"chan_send 5", "chan send", "", 5, false},
		{"select 5", "select", "", 5, false},
		{"io_wait 5", "IO wait", "", 5, false},
		{"mutex 5", "sync.Mutex.Lock", "semacquire", 5, false},
		{"rwmutex 5", "sync.RWMutex.RLock", "semacquire", 5, false},
		{"rwmutex_write 5", "sync.RWMutex.Lock", "semacquire", 5, false},
		{"cond 5", "sync.Cond.Wait", "", 5, false},
		{"waitgroup 5", "sync.WaitGroup.Wait", "semacquire", 5, false},
		{"syscall 5", "syscall", "", 5, false},
		{"chan_receive 3 locked", "chan receive, locked to thread", "", 3, false},
		{"syscall 3 locked", "syscall, locked to thread", "", 3, false},
		{"chan_receive 3 labelled", "chan receive", "", 3, false},
		{"chan_receive 2000", "chan receive", "", 2000, false},
		{"sleep 3", "sleep", "", 3, true},
		{"select_forever 3", "select (no cases)", "", 3, true},
		{"chan_receive_nil 3", "chan receive (nil chan)", "", 3, true},
		{"chan_send_nil 3", "chan send (nil chan)", "", 3, true},
		{"chan_receive_lost 3", "chan receive", "", 3, true},
		{"mutex_lost 3", "sync.Mutex.Lock", "semacquire", 3, true},
	} {
		before, descriptors := states(p.goroutines()), p.descriptors()
		held := p.status("goroutines")
		p.do("goroutines " + c.command)
		got := more(states(p.goroutines()), before)
		want, older := map[string]int{c.state: c.count}, map[string]int{c.older: c.count}
		if !reflect.DeepEqual(got, want) && !reflect.DeepEqual(got, older) {
			t.Errorf("%s: beyond before are %v", c.command, got)
		}
		if now := p.status("goroutines"); now != held+c.count {
			t.Errorf("%s: status says %d goroutines after %d", c.command, now, held)
		}
		kind := strings.Fields(c.command)[0]
		reply, wanted := p.do("release goroutines "+kind), fmt.Sprintf("ok released=%d", c.count)
		if c.kept {
			wanted = fmt.Sprintf("ok released=0 kept=%d", c.count)
		}
		if reply != wanted {
			t.Errorf("%s: release says %q", c.command, reply)
		}
		if c.kept {
			continue
		}
		if after := states(p.goroutines()); !reflect.DeepEqual(after, before) {
			t.Errorf("%s: %v before, %v after release", c.command, before, after)
		}
		p.waitForDescriptors(descriptors)
	}
}

// waitForDescriptors outwaits the connection of the last look at pprof.
func (p *process) waitForDescriptors(want map[string]string) {
	p.Helper()
	eventually(p.T, fmt.Sprintf("%d descriptors again", len(want)), func() bool {
		return len(p.descriptors()) <= len(want)
	})
}

func TestRunningGoroutinesRun(t *testing.T) {
	p := start(t)
	before := states(p.goroutines())
	p.do("goroutines running 2")
	got := more(states(p.goroutines()), before)
	if got["running"]+got["runnable"] != 2 || len(got) > 2 {
		t.Errorf("beyond before are %v", got)
	}
	p.do("release goroutines running")
	if after := states(p.goroutines()); !reflect.DeepEqual(after, before) {
		t.Errorf("%v before, %v after release", before, after)
	}
}

func TestTheCountOfTheIndexPageRisesByWhatIsHeld(t *testing.T) {
	p := start(t)
	count := func() (n int) {
		p.Helper()
		form := regexp.MustCompile(`(?s)<td>(\d+)</td>\s*<td>\s*<a href='?"?goroutine`)
		found := form.FindStringSubmatch(p.page(""))
		if found == nil {
			t.Fatal("the index page has no number of goroutines")
		}
		fmt.Sscan(found[1], &n)
		return n
	}
	// A connection that was just closed may still have its goroutine.
	before := 1 << 30
	eventually(t, "a steady number of goroutines", func() bool {
		last := before
		before = count()
		return before == last
	})
	p.do("goroutines chan_receive 40; goroutines select 2; threads 3")
	eventually(t, "45 goroutines more", func() bool { return count() == before+45 })
	p.do("release all")
	eventually(t, "as many goroutines as before", func() bool { return count() == before })
}

func TestGoroutinesHaveTheCallersAskedFor(t *testing.T) {
	p := start(t)
	for _, c := range []struct{ option, name string }{
		{"as=fetchData", "main.fetchData("},
		{"as=Monitor.fetchData", "main.(*Monitor).fetchData("},
		{"as=monitorPoll", "main.monitorPoll("},
		{"as=tea", "example.com/target/internal/bubbletea.(*Program).handleCommands.func1.1("},
		{"as=plain", "main.waitChanReceive.func1("},
		{"", "main.waitChanReceive.func1("},
	} {
		p.do("goroutines chan_receive 4 " + c.option)
		with, all := 0, p.goroutines()
		for _, g := range all {
			if strings.Contains(g.stack, c.name) {
				with++
			}
		}
		if with != 4 {
			t.Errorf("%s: %d stacks have %s", c.option, with, c.name)
		}
		p.do("release goroutines")
		for _, g := range p.goroutines() {
			if strings.Contains(g.stack, c.name) {
				t.Errorf("%s: %s is left after release", c.option, c.name)
			}
		}
	}
}

func TestNoStackAtRestHasANameThatAWatcherLooksFor(t *testing.T) {
	p := start(t)
	p.do("goroutines chan_receive 2; threads 2")
	names := regexp.MustCompile(`(?i)fetchdata|monitor|tea|scanner|json`)
	for _, g := range p.goroutines() {
		if names.MatchString(g.stack) {
			t.Errorf("a stack has one: %s", g.stack)
		}
	}
}

// Go 1.19 leaves the line out more often than not; of a goroutine that waits for input it is there.
func TestDeepStacksAreElided(t *testing.T) {
	p := start(t)
	p.do("goroutines io_wait 1 depth=50")
	if dump := p.page("goroutine?debug=2"); strings.Contains(dump, "elided") {
		t.Error("at a depth of 50 frames are elided")
	}
	p.do("release goroutines; goroutines io_wait 1 depth=150")
	if dump := p.page("goroutine?debug=2"); !strings.Contains(dump, "frames elided...") {
		t.Error("at a depth of 150 none are")
	}
}

func TestThreadsRiseAndFallExactly(t *testing.T) {
	p := start(t)
	rest := p.threads()
	for _, c := range []struct {
		command string
		more    int
	}{
		{"threads 30", 30},
		{"threads 1", 31},
		{"goroutines syscall 20", 51},
		{"goroutines io_wait 10 locked", 61},
		{"goroutines sleep 2 locked", 63},
		{"goroutines chan_receive 1000", 63},
		{"release threads", 32},
		{"threads 200", 232},
		{"cpu 1500", 234},
		{"stop cpu", 232},
		{"release goroutines syscall", 212},
		{"heap 50MB; release heap", 212},
		{"release all", 2},
	} {
		p.do(c.command)
		if got := p.threads() - rest; got != c.more {
			t.Errorf("after %s there are %d more than the %d at rest", c.command, got, rest)
		}
		if got := p.status("threads"); got != c.more {
			t.Errorf("after %s status says threads=%d", c.command, got)
		}
	}
	for i := 0; i < 3; i++ { // what serves and collects needs no further thread
		p.page("goroutine?debug=2")
		p.page("heap?debug=1")
		p.do("gc")
		time.Sleep(10 * time.Millisecond)
	}
	if got := p.threads() - rest; got != 2 {
		t.Errorf("after some use there are %d more", got)
	}
}

func TestTheNumberOfThreadsAtRestIsTheSameOnEachStart(t *testing.T) {
	first, second := start(t), start(t)
	if first.threads() != second.threads() {
		t.Errorf("%d and %d", first.threads(), second.threads())
	}
}
