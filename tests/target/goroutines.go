// Goroutines that wait in each way that a dump tells apart, with the names on their stacks that a
// watcher looks for. How they wait (waiters.go), who called them and whether they keep a thread
// are separate choices, so that any can be had together.
package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"sync"

	tea "example.com/target/internal/bubbletea"
)

// maxThreads stays well below the number at which Go's runtime ends the program (10,000).
const maxThreads = 8000

// misleading is a set of labels that look like the rest of a header in a dump.
var misleading = pprof.Labels("]:", "{\"}, 99 minutes]:\n\t[sleep \u00fc", "plain", "value")

// holdGoroutines starts r.amount goroutines. They have begun to wait when the command's reply is
// sent; settle sees to that.
func holdGoroutines(t *target, r request) (*hold, error) {
	if has := t.add((*hold).threadCount); r.keepsThreads() && has+r.amount > maxThreads {
		return nil, fmt.Errorf("%d threads are held, and at most %d can be", has, maxThreads)
	}
	start, err := starterOf(r.options.text("as", "plain"))
	if err != nil {
		return nil, err
	}
	depth, err := r.options.number("depth", 0, 100000)
	if err != nil {
		return nil, err
	}
	n := int(r.amount)
	g, err := waiters[r.kind](n)
	if err != nil {
		return nil, err
	}
	h := &hold{goroutines: n, fds: g.fds}
	if r.keepsThreads() {
		h.threads = n
	}
	if g.busy {
		h.busy = n
	}
	locked, labelled := r.options.has("locked"), r.options.has("labelled")
	var ended sync.WaitGroup
	ended.Add(n)
	bodies := make([]func(), n)
	for i := range bodies {
		i := i
		bodies[i] = func() {
			defer ended.Done()
			if locked {
				runtime.LockOSThread()
			}
			if labelled {
				pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), misleading))
			}
			descend(int(depth), func() { g.wait(i) })
			if r.keepsThreads() {
				t.leaving.withThread()
			}
		}
	}
	start(bodies)
	if g.wake != nil {
		h.free = func() error {
			err := g.wake()
			ended.Wait()
			return err
		}
	}
	return h, nil
}

// keepsThreads tells whether each goroutine has a thread to itself.
func (r request) keepsThreads() bool {
	return r.class == "threads" || r.kind == "syscall" || r.options.has("locked")
}

// holdThreads is the short form for threads that do nothing but exist.
func holdThreads(t *target, r request) (*hold, error) {
	r.kind = "chan_receive"
	r.options["locked"] = ""
	return holdGoroutines(t, r)
}

// starterOf returns what starts the goroutines: directly, or through a function that is known from
// the real sidecar.
func starterOf(as string) (func(bodies []func()), error) {
	callers := map[string]func(body func()){
		"plain":             func(body func()) { body() },
		"fetchData":         fetchData,
		"Monitor.fetchData": (&Monitor{}).fetchData,
		"monitorPoll":       monitorPoll,
	}
	if as == "tea" {
		return tea.NewProgram().Run, nil
	}
	call, ok := callers[as]
	if !ok {
		return nil, fmt.Errorf("as=%q is %s tea", as, oneOf(sortedKeys(callers)))
	}
	return func(bodies []func()) {
		for _, body := range bodies {
			body := body
			go func() { call(body) }()
		}
	}, nil
}

//go:noinline
func fetchData(body func()) { body() }

// Monitor is there for the name of its method.
type Monitor struct{ polls int }

//go:noinline
func (m *Monitor) fetchData(body func()) {
	m.polls++
	body()
}

//go:noinline
func monitorPoll(body func()) { body() }

// descend calls body from below so many frames; Go's dumps show a hundred and elide the rest.
//
//go:noinline
func descend(depth int, body func()) {
	if depth == 0 {
		body()
		return
	}
	descend(depth-1, body)
}
