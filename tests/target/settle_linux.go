// What makes the counts exact when a command is answered. Go's runtime starts threads when it
// likes and keeps them for later use, and a new goroutine takes a moment before it waits: settle
// brings the number of threads to what the ledger says, and lets the goroutines come to rest.
package main

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	settleTimeout = 30 * time.Second
	shortestPause = 100 * time.Microsecond
	longestPause  = 50 * time.Millisecond
)

// restThreads is the number of threads when nothing is held: what the program itself occupies (at
// most five: the main goroutine, the runtime's monitor, its thread that starts others, signals and
// standard input), one for each core that Go uses, and some idle ones. As many as that the runtime
// would not start by itself; it takes an idle thread before it starts one, and never ends one.
func restThreads() int {
	const own, spare = 5, 5
	procs := runtime.GOMAXPROCS(0)
	if procs < maxProcs {
		procs = maxProcs
	}
	return own + spare + procs
}

// settle waits until the process is as the ledger says; the caller holds t.mu. It gives up, and
// says so, where that cannot be had, as when a client keeps the pprof server busy.
func (t *target) settle() bool {
	until := time.Now().Add(settleTimeout)
	running, pause := 0, shortestPause
	for {
		before := running
		running = countRunning()
		if t.threadsSettled() && running <= t.meantToRun() {
			return true
		}
		if running < before {
			pause = shortestPause // counting stops the program, which helps system calls on their way
		}
		if time.Now().After(until) {
			return false
		}
		time.Sleep(pause)
		if pause *= 2; pause > longestPause {
			pause = longestPause
		}
	}
}

// threadsSettled compares the number of threads and starts or ends some where it is wrong: held
// threads come out of the idle ones first, and these must be replaced. The number is only to be
// trusted while no thread is leaving.
func (t *target) threadsSettled() bool {
	if !t.leaving.gone() {
		return false
	}
	want := restThreads() + int(t.add((*hold).threadCount))
	have := threadCount()
	if have < want {
		addThreads(want)
	}
	var ended sync.WaitGroup
	for excess := have - want; excess > 0; excess-- {
		ended.Add(1)
		go func() {
			defer ended.Done()
			t.leaving.withThread()
		}()
	}
	ended.Wait()
	return have == want
}

// leaving are threads that end, a little later than the goroutines that end them.
type leaving struct {
	mu   sync.Mutex
	tids []int
}

// withThread is the last thing that a goroutine does so as to end its thread as well: Go's runtime
// ends the thread of a goroutine that ends locked to it.
func (l *leaving) withThread() {
	runtime.LockOSThread()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tids = append(l.tids, syscall.Gettid())
}

// gone tells whether all have ended.
func (l *leaving) gone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.tids) > 0 {
		last := len(l.tids) - 1
		if _, err := os.Stat("/proc/self/task/" + strconv.Itoa(l.tids[last])); err == nil {
			return false
		}
		l.tids = l.tids[:last]
	}
	return true
}

// addThreads locks a goroutine to a thread of its own, and another, until there are as many
// threads as wanted. Then it lets all go, and the threads stay behind, idle.
func addThreads(want int) {
	release := make(chan struct{})
	var ended sync.WaitGroup
	for threadCount() < want {
		locked := make(chan struct{})
		ended.Add(1)
		go func() {
			defer ended.Done()
			runtime.LockOSThread()
			close(locked)
			<-release
			runtime.UnlockOSThread()
		}()
		<-locked
	}
	close(release)
	ended.Wait()
}

// threadCount needs no descriptor, because there may be none left: the folder has a link for each
// thread, and two of its own.
func threadCount() int {
	var task syscall.Stat_t
	if syscall.Stat("/proc/self/task", &task) != nil {
		panic("/proc is not there")
	}
	return int(task.Nlink) - 2
}

// meantToRun is how many goroutines may run when all others wait: the one that asks, and the busy
// ones of the ledger.
func (t *target) meantToRun() int {
	return 1 + int(t.add(func(h *hold) int64 { return int64(h.busy) }))
}

// countRunning counts in a dump. The buffer is not from Go's heap, which it would blow up.
func countRunning() int {
	const enough = 1 << 30
	for size := 1<<20 + runtime.NumGoroutine()<<10; ; size *= 4 {
		buffer, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE,
			syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
		if err != nil {
			return 0
		}
		length := runtime.Stack(buffer, true)
		running := 0
		for _, state := range []string{" [running", " [runnable"} {
			running += countHeaders(buffer[:length], state)
		}
		syscall.Munmap(buffer)
		if length < size || size > enough {
			return running
		}
	}
}

// countHeaders counts "goroutine N [state…" lines.
func countHeaders(dump []byte, state string) int {
	count := 0
	for len(dump) > 0 {
		header := dump
		if end := bytes.IndexByte(dump, '\n'); end >= 0 {
			header = dump[:end]
		}
		if bytes.Contains(header, []byte(state)) {
			count++
		}
		next := bytes.Index(dump, []byte("\n\n"))
		if next < 0 {
			break
		}
		dump = dump[next+2:]
	}
	return count
}
