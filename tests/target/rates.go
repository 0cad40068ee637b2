// What goes on by itself: leaks, garbage, and the burning of CPU time. Each is a worker goroutine
// that works off what its rate has brought up since it began; each is in the ledger like any hold.
package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"syscall"
	"time"
)

const (
	shortestStep = 100 * time.Millisecond
	longestStep  = time.Second
)

// startWorker calls step at intervals with the time since the start. stop returns when the worker
// has ended.
func startWorker(interval time.Duration, step func(since time.Duration)) (stop func()) {
	stopping, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		start := time.Now()
		for {
			select {
			case <-stopping:
				return
			case <-ticker.C:
				step(time.Since(start))
			}
		}
	}()
	return func() {
		close(stopping)
		<-ended
	}
}

// stepFor is often enough to take one thing at a time, within reason.
func stepFor(perSecond float64) time.Duration {
	step := longestStep
	if perSecond > 1 {
		step = time.Duration(float64(time.Second) / perSecond)
	}
	if step < shortestStep {
		step = shortestStep
	}
	return step
}

// leak starts to hold more and more: CLASS [KIND] AMOUNT/s [OPTION…]. What it takes is entered as
// if it had been commanded, so release gives it back.
func (t *target) leak(words []string) (string, error) {
	r, amount, err := parseRequest(words)
	if err != nil {
		return "", err
	}
	if classes[r.class].level {
		return "", fmt.Errorf("%s is a level and cannot leak", r.class)
	}
	perSecond, err := parseRate(amount, classes[r.class].unit)
	if err != nil {
		return "", err
	}
	quantum := int64(1)
	if classes[r.class].unit == ofBytes {
		if quantum, err = r.options.size("block", defaultBlock); err != nil {
			return "", err
		}
	}
	var done int64
	failed := false
	stop := startWorker(stepFor(perSecond/float64(quantum)), func(since time.Duration) {
		due := int64(perSecond*since.Seconds())/quantum*quantum - done
		// A command may be under way, even the one that ends this worker: then it is for the next step.
		if failed || due < 1 || !t.mu.TryLock() {
			return
		}
		defer t.mu.Unlock()
		r.amount = due
		done += due
		if err := t.take(r); err != nil {
			failed = true
			fmt.Fprintf(os.Stderr, "leak %s %s: %v\n", r.class, r.kind, err)
		}
		if r.keepsThreads() {
			t.settle() // or threads would come out of the idle ones at first
		}
	})
	t.enterWorker("leak", r.class+"."+r.kind, stop)
	return "", nil
}

// garbage allocates and drops: SIZE/s [block=SIZE].
func (t *target) garbage(words []string) (string, error) {
	if len(words) == 0 {
		return "", fmt.Errorf("how much? (such as 20MB/s)")
	}
	perSecond, err := parseRate(words[0], ofBytes)
	if err != nil {
		return "", err
	}
	o, err := parseOptions(words[1:], []string{"block"})
	if err != nil {
		return "", err
	}
	block, err := o.size("block", 64<<10)
	if err != nil {
		return "", err
	}
	var done int64
	stop := startWorker(shortestStep, func(since time.Duration) {
		due := int64(perSecond*since.Seconds())/block*block - done
		makeGarbage(due, block)
		done += due
	})
	t.enterWorker("garbage", "", stop)
	return "", nil
}

// enterWorker puts a worker into the ledger.
func (t *target) enterWorker(class, kind string, stop func()) {
	t.holds = append(t.holds, &hold{class: class, kind: kind, count: 1, goroutines: 1, busy: 1,
		free: func() error { stop(); return nil }})
}

// stop ends all workers that have a rate, or those of one class.
func (t *target) stop(words []string) (string, error) {
	rates := []string{"leak", "garbage", "cpu"}
	if len(words) > 1 || len(words) == 1 && !contains(rates, words[0]) {
		return "", fmt.Errorf("what? (nothing for all, or %s)", oneOf(rates))
	}
	if len(words) == 1 {
		rates = words
	}
	for _, class := range rates {
		if _, _, err := t.release(class, ""); err != nil {
			return "", err
		}
	}
	return "", nil
}

// holdCPU burns r.amount thousandths of a core, on a thread for each core begun.
func holdCPU(t *target, r request) (*hold, error) {
	cores := float64(r.amount) / 1000
	workers := int(math.Ceil(cores))
	if workers > runtime.GOMAXPROCS(0) {
		return nil, fmt.Errorf("%d thousandths are more than GOMAXPROCS=%d cores", r.amount, runtime.GOMAXPROCS(0))
	}
	stopping := make(chan struct{})
	ended := make(chan struct{}, workers)
	for i := 0; i < workers; i++ {
		go func() {
			burnCPU(cores/float64(workers), stopping)
			t.leaving.withThread()
			ended <- struct{}{}
		}()
	}
	return &hold{goroutines: workers, threads: workers, busy: workers, free: func() error {
		close(stopping)
		for i := 0; i < workers; i++ {
			<-ended
		}
		return nil
	}}, nil
}

// burnCPU uses a share of a core by the clock of its own thread, so that the share is right on a
// busy machine too. What cannot be had for a while is forgone, not made up for later.
//
//go:noinline
func burnCPU(share float64, stopping <-chan struct{}) {
	const nap, mostOwed = 5 * time.Millisecond, 100 * time.Millisecond
	runtime.LockOSThread()
	start, used := time.Now(), threadTime()
	for {
		select {
		case <-stopping:
			return
		default:
		}
		owed := time.Duration(share*float64(time.Since(start))) - (threadTime() - used)
		if owed > mostOwed {
			start, used, owed = time.Now(), threadTime(), mostOwed
		}
		if owed <= 0 {
			time.Sleep(nap)
			continue
		}
		for until := threadTime() + owed; threadTime() < until; {
		}
	}
}

// threadTime is the CPU time of this thread (getrusage(2), RUSAGE_THREAD).
func threadTime() time.Duration {
	const thisThread = 1
	var usage syscall.Rusage
	if syscall.Getrusage(thisThread, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
