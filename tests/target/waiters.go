// The ways to wait, each with what ends the waiting. The functions that wait are named after their
// kind, each on its own, so that a stack shows which it is.
package main

import (
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// gathering is one hold's goroutines: what they wait on and how they are woken.
type gathering struct {
	wait func(i int)  // blocks goroutine i
	wake func() error // makes every wait return; nil where Go has no way to
	fds  int          // descriptors that the waiting needs
	busy bool         // it does not wait at all
}

// waiters prepare n waits of a kind.
var waiters = map[string]func(n int) (gathering, error){
	"chan_receive":      waitChanReceive,
	"chan_send":         waitChanSend,
	"chan_receive_nil":  waitChanReceiveNil,
	"chan_send_nil":     waitChanSendNil,
	"chan_receive_lost": waitChanReceiveLost,
	"select":            waitSelect,
	"select_forever":    waitSelectForever,
	"io_wait":           waitIO,
	"sleep":             waitSleep,
	"mutex":             waitMutex,
	"mutex_lost":        waitMutexLost,
	"rwmutex":           waitRWMutex,
	"rwmutex_write":     waitRWMutexWrite,
	"cond":              waitCond,
	"waitgroup":         waitWaitGroup,
	"syscall":           waitSyscall,
	"running":           neverWait,
}

func waitChanReceive(int) (gathering, error) {
	c := make(chan struct{})
	return gathering{
		wait: func(int) { <-c },
		wake: func() error { close(c); return nil },
	}, nil
}

func waitChanSend(n int) (gathering, error) {
	c := make(chan struct{})
	return gathering{
		wait: func(int) { c <- struct{}{} },
		wake: func() error {
			for i := 0; i < n; i++ {
				<-c
			}
			return nil
		},
	}, nil
}

func waitChanReceiveNil(int) (gathering, error) {
	var c chan struct{}
	return gathering{wait: func(int) { <-c }}, nil
}

func waitChanSendNil(int) (gathering, error) {
	var c chan struct{}
	return gathering{wait: func(int) { c <- struct{}{} }}, nil
}

// waitChanReceiveLost waits for a channel that only those who wait know: they have leaked.
func waitChanReceiveLost(int) (gathering, error) {
	c := make(chan struct{})
	return gathering{wait: func(int) { <-c }}, nil
}

func waitSelect(int) (gathering, error) {
	one, other := make(chan struct{}), make(chan struct{})
	return gathering{
		wait: func(int) {
			select {
			case <-one:
			case <-other:
			}
		},
		wake: func() error { close(one); return nil },
	}, nil
}

func waitSelectForever(int) (gathering, error) {
	return gathering{wait: func(int) { select {} }}, nil
}

// waitIO reads from one pipe through Go's poller. Each goroutine has a descriptor of its own for
// the same end, because a second reader of one os.File waits for the first, not for input.
func waitIO(n int) (gathering, error) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return gathering{}, err
	}
	fds := []int{ends[1], ends[0]}
	for len(fds) < n+1 {
		fd, err := duplicate(ends[0])
		if err != nil {
			closeAll(fds)
			return gathering{}, err
		}
		fds = append(fds, fd)
	}
	return gathering{
		wait: func(i int) {
			f := os.NewFile(uintptr(fds[1+i]), "wait")
			f.Read(make([]byte, 1))
			f.Close()
		},
		wake: func() error { return syscall.Close(ends[1]) },
		fds:  n + 1,
	}, nil
}

// waitSleep sleeps for good. Shorter sleeps, which could be ended, would show as running now and
// then and never grow old.
func waitSleep(int) (gathering, error) {
	return gathering{wait: func(int) { time.Sleep(math.MaxInt64) }}, nil
}

func waitMutex(int) (gathering, error) {
	var m sync.Mutex
	m.Lock()
	return gathering{
		wait: func(int) { m.Lock(); m.Unlock() },
		wake: func() error { m.Unlock(); return nil },
	}, nil
}

// waitMutexLost waits for a lock that only those who wait know.
func waitMutexLost(int) (gathering, error) {
	m := new(sync.Mutex)
	m.Lock()
	return gathering{wait: func(int) { m.Lock(); m.Unlock() }}, nil
}

func waitRWMutex(int) (gathering, error) {
	var m sync.RWMutex
	m.Lock()
	return gathering{
		wait: func(int) { m.RLock(); m.RUnlock() },
		wake: func() error { m.Unlock(); return nil },
	}, nil
}

// waitRWMutexWrite has a lock for each goroutine: of several writers on one, all but the first
// wait on a plain mutex inside it.
func waitRWMutexWrite(n int) (gathering, error) {
	locks := make([]sync.RWMutex, n)
	for i := range locks {
		locks[i].RLock()
	}
	return gathering{
		wait: func(i int) { locks[i].Lock(); locks[i].Unlock() },
		wake: func() error {
			for i := range locks {
				locks[i].RUnlock()
			}
			return nil
		},
	}, nil
}

func waitCond(int) (gathering, error) {
	c, woken := sync.NewCond(&sync.Mutex{}), false
	return gathering{
		wait: func(int) {
			c.L.Lock()
			for !woken {
				c.Wait()
			}
			c.L.Unlock()
		},
		wake: func() error {
			c.L.Lock()
			woken = true
			c.L.Unlock()
			c.Broadcast()
			return nil
		},
	}, nil
}

func waitWaitGroup(int) (gathering, error) {
	var g sync.WaitGroup
	g.Add(1)
	return gathering{
		wait: func(int) { g.Wait() },
		wake: func() error { g.Done(); return nil },
	}, nil
}

// waitSyscall blocks in read(2), behind the poller's back, so that each goroutine keeps a thread.
func waitSyscall(n int) (gathering, error) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		return gathering{}, err
	}
	readers := int64(n)
	return gathering{
		wait: func(int) {
			syscall.Read(ends[0], make([]byte, 1))
			if atomic.AddInt64(&readers, -1) == 0 {
				syscall.Close(ends[0])
			}
		},
		wake: func() error { return syscall.Close(ends[1]) },
		fds:  2,
	}, nil
}

func neverWait(int) (gathering, error) {
	var stop int32
	return gathering{
		wait: func(int) {
			for atomic.LoadInt32(&stop) == 0 {
			}
		},
		wake: func() error { atomic.StoreInt32(&stop, 1); return nil },
		busy: true,
	}, nil
}
