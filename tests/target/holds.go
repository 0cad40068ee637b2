// The ledger of what is held. Every command that takes something enters one hold here with what a
// watcher must now see more of; release gives holds back, the newest first, and status adds them
// up. How each kind of thing is taken stands in the other files.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// hold is what one command took.
type hold struct {
	class, kind string // as in the command: fds regular
	count       int64  // how many things of that kind

	// What it adds to the process, in total and beside the things themselves.
	fds, goroutines, threads, regions int
	heapBytes, mappedBytes            int64

	busy  int          // how many of the goroutines run rather than wait
	free  func() error // gives everything back; nil where Go has no way to
	keeps any          // memory that must stay reachable
}

type target struct {
	dir    string // where it makes its files
	ownDir bool   // the folder is temporary and goes at the end
	quit   chan struct{}
	ending sync.Once

	mu       sync.Mutex // one command, or one step of a leak, at a time
	holds    []*hold
	serials  map[string]int // for each path with %d, the last number used
	quitting bool
	leaving  leaving
}

// newTarget holds nothing yet. An empty dir means a temporary folder.
func newTarget(dir string) (*target, error) {
	t := &target{serials: map[string]int{}, quit: make(chan struct{})}
	var err error
	if dir == "" {
		t.ownDir = true
		t.dir, err = os.MkdirTemp("", "sidecar-target-")
	} else if t.dir, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(t.dir, 0o700)
	}
	return t, err
}

// close gives back what reaches beyond the process: the files it made.
func (t *target) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.release("", "")
	if t.ownDir {
		os.RemoveAll(t.dir)
	}
}

// end ends the program.
func (t *target) end() {
	t.ending.Do(func() { close(t.quit) })
}

// endIfAsked follows every reply: quit is answered before it is obeyed.
func (t *target) endIfAsked() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.quitting {
		t.end()
	}
	return t.quitting
}

// release gives back the holds of a class and kind, where empty means any. It returns how many
// things went and how many could not be given back and stay.
func (t *target) release(class, kind string) (released, kept int64, err error) {
	for i := len(t.holds) - 1; i >= 0; i-- {
		h := t.holds[i]
		switch {
		case class != "" && h.class != class, kind != "" && h.kind != kind:
		case h.free == nil:
			kept += h.count
		default:
			if failed := h.free(); failed != nil && err == nil {
				err = failed
			}
			released += h.count
			t.holds[i] = nil
		}
	}
	rest := make([]*hold, 0, len(t.holds))
	for _, h := range t.holds {
		if h != nil {
			rest = append(rest, h)
		}
	}
	t.holds = rest
	return released, kept, err
}

// add sums up one figure over all holds.
func (t *target) add(figure func(*hold) int64) int64 {
	var sum int64
	for _, h := range t.holds {
		sum += figure(h)
	}
	return sum
}

func (h *hold) threadCount() int64 { return int64(h.threads) }

// status words the ledger: what the process has beyond its state at rest, then what is held.
func (t *target) status() string {
	var b strings.Builder
	fmt.Fprintf(&b, "pid=%d go=%s fds=%d goroutines=%d threads=%d regions=%d", os.Getpid(),
		runtime.Version(),
		t.add(func(h *hold) int64 { return int64(h.fds) }),
		t.add(func(h *hold) int64 { return int64(h.goroutines) }),
		t.add((*hold).threadCount),
		t.add(func(h *hold) int64 { return int64(h.regions) }))
	fmt.Fprintf(&b, " heap_bytes=%d mapped_bytes=%d",
		t.add(func(h *hold) int64 { return h.heapBytes }),
		t.add(func(h *hold) int64 { return h.mappedBytes }))
	counts := map[string]int64{}
	for _, h := range t.holds {
		counts[strings.TrimSuffix(h.class+"."+h.kind, ".")] += h.count
	}
	for _, name := range sortedKeys(counts) {
		fmt.Fprintf(&b, " %s=%d", name, counts[name])
	}
	return b.String()
}
