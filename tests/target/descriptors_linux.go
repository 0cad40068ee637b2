// Open descriptors of every class that a watcher tells apart. They are taken by bare system calls
// and never enter Go's poller, so that N of them add N descriptors and nothing else.
package main

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// descriptorKind opens one descriptor, or two where they come in pairs; path is empty for a kind
// without a template.
type descriptorKind struct {
	template string // the path if the command names none
	open     func(m *made, path string) ([]int, error)
}

var descriptorKinds = map[string]descriptorKind{
	"regular":   {"file-%d", openRegular},
	"deleted":   {"deleted-%d", openDeleted},
	"directory": {"folder-%d", openDirectory},
	"device":    {"/dev/null", openDevice},
	"pipe":      {"", openPipe},
	"socket":    {"", openSocketPair},
	"tcp":       {"", openListener},
	"inotify":   {"", one(func() (int, error) { return syscall.InotifyInit1(syscall.IN_CLOEXEC) })},
	"eventpoll": {"", one(func() (int, error) { return syscall.EpollCreate1(syscall.EPOLL_CLOEXEC) })},
	"eventfd":   {"", bySyscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC)},
	"timerfd":   {"", bySyscall(syscall.SYS_TIMERFD_CREATE, 1 /* CLOCK_MONOTONIC */, syscall.O_CLOEXEC)},
	"memfd":     {"", openMemory},
}

// holdDescriptors raises the number of descriptors by exactly r.amount, or not at all. Of a pair
// that would be one too many only the first stays open.
func holdDescriptors(t *target, r request) (*hold, error) {
	kind := descriptorKinds[r.kind]
	if kind.template == "" && r.options.has("path") {
		return nil, fmt.Errorf("%s has no path", r.kind)
	}
	template := r.options.text("path", kind.template)
	var fds []int
	var files made
	free := func() error {
		err := closeAll(fds)
		files.remove()
		return err
	}
	for int64(len(fds)) < r.amount {
		path := ""
		if template != "" {
			path = t.path(template)
		}
		opened, err := kind.open(&files, path)
		if err != nil {
			free()
			return nil, err
		}
		fds = append(fds, opened...)
	}
	closeAll(fds[r.amount:])
	fds = fds[:r.amount]
	return &hold{fds: len(fds), free: free}, nil
}

// reservedDescriptors stay free, or the program could no longer be told to give some back.
const reservedDescriptors = 8

// descriptorsLeft tells whether n more can be had.
func descriptorsLeft(n int) bool {
	var fds []int
	for len(fds) < n {
		fd, err := duplicate(syscall.Stdin)
		if err != nil {
			break
		}
		fds = append(fds, fd)
	}
	closeAll(fds)
	return len(fds) == n
}

func closeAll(fds []int) (err error) {
	for _, fd := range fds {
		if failed := syscall.Close(fd); failed != nil {
			err = failed
		}
	}
	return err
}

func openRegular(m *made, path string) ([]int, error) {
	fd, err := m.file(path, syscall.O_RDONLY, false)
	return []int{fd}, err
}

// openDeleted never unlinks a file that was there before.
func openDeleted(m *made, path string) ([]int, error) {
	fd, err := m.file(path, syscall.O_RDWR, true)
	if err == nil {
		err = syscall.Unlink(path)
		*m = (*m)[:len(*m)-1]
	}
	return []int{fd}, err
}

func openDirectory(m *made, path string) ([]int, error) {
	if err := m.folder(path); err != nil {
		return nil, err
	}
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, pathError("open", path, err)
	}
	return []int{fd}, nil
}

func openDevice(_ *made, path string) ([]int, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, pathError("open", path, err)
	}
	var is syscall.Stat_t
	if err := syscall.Fstat(fd, &is); err != nil || is.Mode&syscall.S_IFMT != syscall.S_IFCHR {
		syscall.Close(fd)
		return nil, fmt.Errorf("%s is no character device", path)
	}
	return []int{fd}, nil
}

func openPipe(*made, string) ([]int, error) {
	var ends [2]int
	err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC)
	return ends[:], err
}

func openSocketPair(*made, string) ([]int, error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	return ends[:], err
}

// openListener listens on a free port of the loopback address.
func openListener(*made, string) ([]int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err == nil {
		err = syscall.Listen(fd, 1)
	}
	if err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return []int{fd}, nil
}

// sysMemfdCreate is missing from the syscall package; memfd_create(2) has another number on each
// architecture.
var sysMemfdCreate = map[string]uintptr{"amd64": 319, "arm64": 279, "386": 356, "arm": 385}

func openMemory(*made, string) ([]int, error) {
	number, known := sysMemfdCreate[runtime.GOARCH]
	if !known {
		return nil, syscall.ENOSYS
	}
	name := [...]byte{'t', 'a', 'r', 'g', 'e', 't', 0}
	const closeOnExec = 1 // MFD_CLOEXEC
	fd, _, errno := syscall.Syscall(number, uintptr(unsafe.Pointer(&name)), closeOnExec, 0)
	if errno != 0 {
		return nil, errno
	}
	return []int{int(fd)}, nil
}

func duplicate(fd int) (int, error) {
	got, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(got), nil
}

// one adapts a call that opens one descriptor.
func one(open func() (int, error)) func(*made, string) ([]int, error) {
	return func(*made, string) ([]int, error) {
		fd, err := open()
		return []int{fd}, err
	}
}

func bySyscall(number, first, second uintptr) func(*made, string) ([]int, error) {
	return one(func() (int, error) {
		fd, _, errno := syscall.Syscall(number, first, second, 0)
		if errno != 0 {
			return -1, errno
		}
		return int(fd), nil
	})
}

// holdWatches puts all watches on one descriptor. The kernel keeps one watch for each file, so
// the path must tell them apart.
func holdWatches(t *target, r request) (*hold, error) {
	template := r.options.text("path", "watched-%d")
	if r.amount > 1 && !strings.Contains(template, "%d") {
		return nil, fmt.Errorf("%d watches want a path with %%d", r.amount)
	}
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	var files made
	free := func() error {
		err := syscall.Close(fd)
		files.remove()
		return err
	}
	for i := int64(0); i < r.amount; i++ {
		path := t.path(template)
		err := files.folder(path)
		if err == nil {
			_, err = syscall.InotifyAddWatch(fd, path, syscall.IN_CREATE|syscall.IN_MODIFY)
		}
		if err != nil {
			free()
			return nil, pathError("watch", path, err)
		}
	}
	return &hold{fds: 1, free: free}, nil
}

func pathError(what, path string, err error) error {
	return fmt.Errorf("%s %q: %w", what, path, err)
}
