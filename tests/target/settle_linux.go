// What makes the counts exact when a command is answered. Go's runtime starts threads when it
// likes and keeps them for later use, and a new goroutine takes a moment before it waits: settle
// brings the number of threads to what the ledger says, and lets the goroutines come to rest.
package main

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	spareThreads  = 4 // idle ones beside GOMAXPROCS, so that the runtime need not start any itself
	settleTimeout = 5 * time.Second
	shortestPause = 100 * time.Microsecond
	longestPause  = 50 * time.Millisecond
)

// calibrateThreads starts enough idle threads for all that the program does at rest and notes
// their number. The runtime takes an idle thread before it starts one, and never ends one.
func (t *target) calibrateThreads() {
	spare := runtime.GOMAXPROCS(0) + spareThreads
	occupyThreads(func(occupied int) bool { return occupied < spare })
	t.restThreads = threadCount()
}

// settle waits until the process is as the ledger says; the caller holds t.mu. It gives up, and
// says so, when nothing has changed for a while, as when a client keeps the pprof server busy.
func (t *target) settle() bool {
	until := time.Now().Add(settleTimeout)
	threads, running := 0, 0
	pause := shortestPause
	for {
		threadsBefore, runningBefore := threads, running
		threads, running = threadCount(), countRunning()
		if t.threadsSettled(threads, threadsBefore) && running <= t.meantToRun() {
			return true
		}
		if threads != threadsBefore || running < runningBefore {
			pause, until = shortestPause, time.Now().Add(settleTimeout)
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
// threads come out of the idle ones first, and these must be replaced. While threads are still
// ending by themselves it only waits.
func (t *target) threadsSettled(have, before int) bool {
	want := t.restThreads + int(t.add((*hold).threadCount))
	switch {
	case have < want:
		occupyThreads(func(int) bool { return threadCount() < want })
	case have > want && have == before:
		endThread()
	}
	return have == want
}

// occupyThreads locks a goroutine to a thread for as long as more says so, then lets all go. The
// threads stay behind, idle.
func occupyThreads(more func(occupied int) bool) {
	release := make(chan struct{})
	var ended sync.WaitGroup
	for occupied := 0; more(occupied); occupied++ {
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

// endThread ends one thread: the runtime ends the thread of a goroutine that ends locked to it.
func endThread() {
	ended := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(ended)
	}()
	<-ended
}

// threadCount reads proc_pid_status(5).
func threadCount() int {
	status, _ := os.ReadFile("/proc/self/status")
	_, line, _ := strings.Cut(string(status), "\nThreads:\t")
	line, _, _ = strings.Cut(line, "\n")
	n, _ := strconv.Atoi(line)
	return n
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
