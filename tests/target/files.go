// Files and folders that the target makes so as to open, watch or lock them, and their removal.
// Whatever it made goes when the hold is given back; what was there before stays.
package main

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// made is a list of what was created, in that order.
type made []string

// remove takes everything away again, the last first. A folder that something else is in stays,
// for instance one that a later hold uses as well.
func (m made) remove() {
	for i := len(m) - 1; i >= 0; i-- {
		if syscall.Unlink(m[i]) != nil {
			syscall.Rmdir(m[i])
		}
	}
}

// path is the next file name of a template. A relative one lies in the target's folder, and %d is
// a number that no earlier file of that template had.
func (t *target) path(template string) string {
	path := template
	if strings.Contains(template, "%d") {
		t.serials[template]++
		path = strings.Replace(template, "%d", strconv.Itoa(t.serials[template]), 1)
	}
	if !filepath.IsAbs(path) {
		path = t.dir + "/" + path
	}
	return path
}

// folder makes a folder, and those on the way to it, where it is missing.
func (m *made) folder(path string) error {
	err := syscall.Mkdir(path, 0o700)
	if errors.Is(err, syscall.ENOENT) {
		if err := m.folder(filepath.Dir(path)); err != nil {
			return err
		}
		err = syscall.Mkdir(path, 0o700)
	}
	if err == nil {
		*m = append(*m, path)
	} else if !errors.Is(err, syscall.EEXIST) {
		return pathError("mkdir", path, err)
	}
	return nil
}

// file opens a file and makes it, with its folders, where it is missing. New insists that it was.
func (m *made) file(path string, flags int, isNew bool) (fd int, err error) {
	create := func() (int, error) {
		return syscall.Open(path, flags|syscall.O_CREAT|syscall.O_EXCL|syscall.O_CLOEXEC, 0o600)
	}
	fd, err = create()
	if errors.Is(err, syscall.ENOENT) {
		if err := m.folder(filepath.Dir(path)); err != nil {
			return -1, err
		}
		fd, err = create()
	}
	if err == nil {
		*m = append(*m, path)
	} else if errors.Is(err, syscall.EEXIST) && !isNew {
		fd, err = syscall.Open(path, flags|syscall.O_CLOEXEC|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		return -1, pathError("open", path, err)
	}
	return fd, nil
}
