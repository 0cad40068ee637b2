// File locks of the three kinds that /proc/locks tells apart. For a lock that stands in another's
// way, start the target a second time.
package main

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// fcntl(2): open file description locks are missing from the syscall package.
const (
	ofdGetLock = 36
	ofdSetLock = 37
)

var lockKinds = map[string]func(fd int, shared bool, start, length int64) error{
	"posix": func(fd int, shared bool, start, length int64) error {
		return lockRange(fd, syscall.F_SETLK, syscall.F_GETLK, shared, start, length)
	},
	"ofd": func(fd int, shared bool, start, length int64) error {
		return lockRange(fd, ofdSetLock, ofdGetLock, shared, start, length)
	},
	"flock": func(fd int, shared bool, start, length int64) error {
		if start != 0 || length != 0 {
			return fmt.Errorf("flock locks whole files")
		}
		how := syscall.LOCK_EX
		if shared {
			how = syscall.LOCK_SH
		}
		return syscall.Flock(fd, how|syscall.LOCK_NB)
	},
}

func lockRange(fd, set, get int, shared bool, start, length int64) error {
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: start, Len: length}
	if shared {
		lock.Type = syscall.F_RDLCK
	}
	err := syscall.FcntlFlock(uintptr(fd), set, &lock)
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		owner := lock
		if syscall.FcntlFlock(uintptr(fd), get, &owner) == nil && owner.Type != syscall.F_UNLCK {
			return fmt.Errorf("locked by process %d", owner.Pid)
		}
	}
	return err
}

// holdLocks opens and locks r.amount files, or one file that often. It never waits.
//
// POSIX locks belong to the process, not to the descriptor: several on one range are one, and all
// of a file's go as soon as any of the process's descriptors of that file is closed.
func holdLocks(t *target, r request) (*hold, error) {
	start, err := r.options.number("start", 0, 1<<62)
	if err != nil {
		return nil, err
	}
	length, err := r.options.number("length", 0, 1<<62)
	if err != nil {
		return nil, err
	}
	var fds []int
	var files made
	free := func() error {
		err := closeAll(fds)
		files.remove()
		return err
	}
	for int64(len(fds)) < r.amount {
		path := t.path(r.options.text("path", "lock-%d.db"))
		fd, err := files.file(path, syscall.O_RDWR, false)
		if err == nil {
			fds = append(fds, fd)
			err = lockKinds[r.kind](fd, r.options.has("shared"), start, length)
		}
		if err != nil {
			free()
			return nil, pathError("lock", path, err)
		}
	}
	return &hold{fds: len(fds), free: free}, nil
}
