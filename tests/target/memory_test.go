package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const megabyte = 1 << 20

// smaps adds up a field over the regions of /proc/PID/smaps, in bytes.
func (p *process) smaps(field string) int64 {
	p.Helper()
	form := regexp.MustCompile(`(?m)^` + field + `: +(\d+) kB$`)
	var sum int64
	for _, found := range form.FindAllStringSubmatch(p.proc("smaps"), -1) {
		n, err := strconv.ParseInt(found[1], 10, 64)
		if err != nil {
			p.Fatal(err)
		}
		sum += n << 10
	}
	return sum
}

// kernelStatus is a field of /proc/PID/status, in bytes.
func (p *process) kernelStatus(field string) int64 {
	p.Helper()
	found := regexp.MustCompile(`(?m)^` + field + `:\s+(\d+) kB$`).FindStringSubmatch(p.proc("status"))
	if found == nil {
		p.Fatalf("no %s in /proc/PID/status", field)
	}
	n, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		p.Fatal(err)
	}
	return n << 10
}

// near tells whether a figure is within a share of what it should be.
func near(got, want int64, share float64) bool {
	difference := float64(got - want)
	return difference <= share*float64(want) && -difference <= share*float64(want)
}

func TestRegionsAreLinesOfMaps(t *testing.T) {
	p := start(t)
	for _, c := range []struct {
		command string
		count   int
		like    string // the added lines
	}{
		{"maps regions 1", 1, `r--p 00000000 00:00 0 *$`},
		{"maps regions 501", 501, `(r--|-w-)p 00000000 00:00 0 *$`},
		{"maps regions 3000; maps regions 3000", 6000, `(r--|-w-)p 00000000 00:00 0 *$`},
		{"maps anon 20 size=64KB", 20, `rw-p 00000000 00:00 0 *$`},
		{"maps lazyfree 5 size=64KB", 5, `rw-p 00000000 00:00 0 *$`},
		{"maps shmem 20 size=64KB", 20, `rw-s 00000000 .* /dev/zero \(deleted\)$`},
		{"maps file 20 size=64KB", 20, `r--s 00000000 .* ` + regexp.QuoteMeta(p.dir) + `/mapped-\d+$`},
		{"maps file 20 size=64KB path=one", 20, `r--s 00000000 .* ` + regexp.QuoteMeta(p.dir) + `/one$`},
	} {
		p.do("gc os") // the heap is at rest
		form := regexp.MustCompile(`(?m)^[0-9a-f]+-[0-9a-f]+ ` + c.like)
		count := func() int { return len(form.FindAllString(p.proc("maps"), -1)) }
		before := count()
		p.do(c.command)
		if got := count() - before; got != c.count {
			t.Errorf("%s: %d lines more", c.command, got)
		}
		if got := p.status("regions"); got != c.count {
			t.Errorf("%s: status says regions=%d", c.command, got)
		}
		p.do("release maps")
		if got := count(); got != before {
			t.Errorf("%s: %d lines before, %d after release", c.command, before, got)
		}
	}
}

func TestMappedMemoryIsResident(t *testing.T) {
	p := start(t)
	for _, c := range []struct{ command, figure string }{
		{"maps anon 1 size=64MB", "RssAnon"},
		{"maps anon 64", "RssAnon"},
		{"maps lazyfree 64", "RssAnon"},
		{"maps shmem 64", "RssShmem"},
	} {
		p.do("gc os")
		heap, before := p.memory("HeapSys"), p.kernelStatus(c.figure)
		p.do(c.command)
		if got := p.kernelStatus(c.figure) - before; !near(got, 64*megabyte, 0.02) {
			t.Errorf("%s: %s is %d bytes more", c.command, c.figure, got)
		}
		if got := p.memory("HeapSys"); got > heap+8*megabyte {
			t.Errorf("%s: Go's heap went from %d to %d", c.command, heap, got)
		}
		p.do("release maps; gc os")
		if got := p.kernelStatus(c.figure) - before; got > 2*megabyte {
			t.Errorf("%s: %d bytes are left after release", c.command, got)
		}
	}
}

func TestLazilyFreedMemoryShowsInSmaps(t *testing.T) {
	p := start(t)
	p.do("maps lazyfree 32")
	if got := p.smaps("LazyFree"); !near(got, 32*megabyte, 0.02) {
		t.Errorf("%d bytes", got)
	}
}

func TestMappedFilesAreResident(t *testing.T) {
	p := start(t)
	files := func() int64 { return p.kernelStatus("RssFile") + p.kernelStatus("RssShmem") }
	before := files()
	p.do("maps file 4 size=8MB")
	if got := files() - before; !near(got, 32*megabyte, 0.02) {
		t.Errorf("%d bytes more", got)
	}
}

func TestHeapIsHeldAndGivenBack(t *testing.T) {
	p := start(t)
	for _, c := range []struct {
		command string
		share   float64 // by how much it may be off; serving the figure has its part in it
	}{
		{"heap 100MB", 0.03},
		{"heap 64MB block=64KB", 0.03},
		{"heap 64MB via=scanner", 0.03},
		{"heap 64MB via=json", 0.03},
		{"heap 64MB via=output_buffer", 0.04},
		{"heap 64MB via=ansi", 0.03},
		{"heap 64MB via=append", 0.28},
	} {
		p.do("gc os")
		heap, resident := p.memory("HeapAlloc"), p.kernelStatus("VmRSS")
		p.do(c.command)
		want := int64(p.status("heap_bytes"))
		if got := p.memory("HeapAlloc") - heap; !near(got, want, c.share) {
			t.Errorf("%s: HeapAlloc is %d bytes more", c.command, got)
		}
		// Pages that serving the profile has left free are used again and are not more.
		if got := p.kernelStatus("VmRSS") - resident; got < want-8*megabyte {
			t.Errorf("%s: %d bytes more are resident", c.command, got)
		}
		p.do("release heap; gc os")
		if got := p.memory("HeapAlloc") - heap; got > megabyte {
			t.Errorf("%s: %d bytes are left after release", c.command, got)
		}
		if got := p.kernelStatus("VmRSS") - resident; got > 8*megabyte {
			t.Errorf("%s: %d bytes are still resident", c.command, got)
		}
	}
}

// sites adds up the bytes in use of the profile's records that have a function on their stack.
func (p *process) sites(function string) int64 {
	var sum int64
	form := regexp.MustCompile(`^\d+: (\d+) \[`)
	for _, record := range strings.Split(p.page("heap?debug=1"), "\n\n") {
		for _, line := range strings.Split(record, "\n") {
			if found := form.FindStringSubmatch(line); found != nil && strings.Contains(record, function) {
				n, _ := strconv.ParseInt(found[1], 10, 64)
				sum += n
			}
		}
	}
	return sum
}

func TestHeapHasTheAllocatorsAskedFor(t *testing.T) {
	p := start(t, "-mem-profile-rate", "1")
	for _, c := range []struct {
		via, function string
		share         float64
	}{
		{"leakHeap", "main.leakHeap+", 0.01},
		{"scanner", "bufio.(*Scanner).Scan+", 0.01},
		{"json", "encoding/json.Unmarshal+", 0.01},
		{"output_buffer", "main.(*OutputBuffer).Update+", 0.02},
		{"ansi", "example.com/target/internal/ansi.Strip+", 0.01},
		{"append", "main.collectRecords+", 0.26},
	} {
		p.do("heap 20MB via=" + c.via)
		if got := p.sites(c.function); !near(got, 20*megabyte, c.share) {
			t.Errorf("via=%s: %s has %d bytes", c.via, c.function, got)
		}
		p.do("release heap")
		if got := p.sites(c.function); got > megabyte {
			t.Errorf("via=%s: %s has %d bytes after release", c.via, c.function, got)
		}
	}
}

// retained is what is free in Go's heap and not given to the kernel.
func (p *process) retained() int64 { return p.memory("HeapIdle") - p.memory("HeapReleased") }

func TestRetainedMemoryStaysThroughCollections(t *testing.T) {
	p := start(t)
	p.do("retain 100MB")
	for round := 0; round < 3; round++ {
		eventually(t, "100 MB are free and resident", func() bool {
			return p.retained() >= 100*megabyte && p.memory("HeapInuse") < 20*megabyte &&
				p.kernelStatus("VmRSS") >= 100*megabyte
		})
		p.do("gc")
		time.Sleep(time.Second) // long enough for the scavenger to take it if nothing prevents that
	}
	p.do("release retain; gc os")
	if got := p.retained(); got > 20*megabyte {
		t.Errorf("%d bytes are retained after release", got)
	}
}

func TestGarbageIsMadeAndNotHeld(t *testing.T) {
	p := start(t)
	total, heap := p.memory("TotalAlloc"), p.memory("HeapAlloc")
	p.do("garbage 50MB/s")
	eventually(t, "50 MB of garbage", func() bool { return p.memory("TotalAlloc")-total > 50*megabyte })
	p.do("stop; gc")
	if got := p.memory("HeapAlloc") - heap; got > 2*megabyte {
		t.Errorf("%d bytes are left", got)
	}
	total = p.memory("TotalAlloc")
	time.Sleep(500 * time.Millisecond)
	if got := p.memory("TotalAlloc") - total; got > 5*megabyte {
		t.Errorf("%d bytes of garbage after stop", got)
	}
}

// cpuTicks is the CPU time of /proc/PID/stat, user and system.
func (p *process) cpuTicks() int {
	p.Helper()
	stat := p.proc("stat")
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return user + system
}

func TestCPUIsBurntUntilStopped(t *testing.T) {
	p := start(t)
	before := p.cpuTicks()
	p.do("cpu 500")
	eventually(t, "half a second of CPU time", func() bool { return p.cpuTicks()-before >= 50 })
	p.do("cpu 100") // replaces
	if got := p.status("cpu"); got != 100 {
		t.Errorf("status says cpu=%d", got)
	}
	p.do("stop")
	stopped := p.cpuTicks()
	time.Sleep(time.Second)
	if got := p.cpuTicks() - stopped; got > 10 {
		t.Errorf("%d ticks within a second after stop", got)
	}
	if reply := p.ask(fmt.Sprintf("cpu %d", maxProcs*1000+1)); !isError(reply) {
		t.Error(reply)
	}
}

func TestMadvFreeLeavesPagesLazilyFree(t *testing.T) {
	p := prepare(t, freePort(t))
	p.command.Env = append(p.command.Env, "GODEBUG=madvdontneed=0")
	p.launch(nil)
	p.do("heap 64MB; release heap; gc os")
	if got := p.smaps("LazyFree"); got < 60*megabyte {
		t.Errorf("%d bytes", got)
	}
}
