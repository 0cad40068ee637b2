// Memory regions outside Go's heap, as cgo or a mapped file makes them. The kernel merges
// neighbours that are alike, so each kind has something that keeps its regions apart; N of them
// are N lines of /proc/PID/maps.
//
// The pages are never touched from Go: the kernel is asked to fill them in, which needs no pointer.
package main

import (
	"fmt"
	"syscall"
)

const adviseFree = 8 // MADV_FREE, missing from the syscall package

// mapping is a region or a run of adjacent ones.
type mapping struct{ start, length uintptr }

type mappingKind struct {
	size int64 // of one region if the command names none; 0 for a page
	make func(t *target, r request, size uintptr, files *made) ([]mapping, error)
}

var mappingKinds = map[string]mappingKind{
	"regions":  {0, mapRegions},
	"anon":     {1 << 20, each(mapAnonymous)},
	"lazyfree": {1 << 20, each(mapLazyFree)},
	"shmem":    {1 << 20, each(mapShared)},
	"file":     {1 << 20, mapFile},
}

// holdMappings adds exactly r.amount regions, or none.
func holdMappings(t *target, r request) (*hold, error) {
	kind := mappingKinds[r.kind]
	if r.kind != "file" && r.options.has("path") {
		return nil, fmt.Errorf("%s has no path", r.kind)
	}
	size, err := r.options.size("size", kind.size)
	if err != nil {
		return nil, err
	}
	var files made
	mappings, err := kind.make(t, r, wholePages(size), &files)
	free := func() error {
		err := unmapAll(mappings)
		files.remove()
		return err
	}
	if err != nil {
		free()
		return nil, err
	}
	h := &hold{regions: int(r.amount), free: free}
	if r.kind != "regions" {
		h.mappedBytes = r.amount * int64(wholePages(size))
	}
	return h, nil
}

func wholePages(size int64) uintptr {
	page := int64(syscall.Getpagesize())
	if size < page {
		size = page
	}
	return uintptr((size + page - 1) / page * page)
}

func mapPages(length uintptr, protection, flags, fd int) (mapping, error) {
	start, _, errno := syscall.Syscall6(syscall.SYS_MMAP, 0, length, uintptr(protection),
		uintptr(flags), uintptr(fd), 0)
	if errno != 0 {
		return mapping{}, fmt.Errorf("mmap of %d bytes: %w", length, errno)
	}
	return mapping{start, length}, nil
}

func (m mapping) unmap() error {
	if _, _, errno := syscall.Syscall(syscall.SYS_MUNMAP, m.start, m.length, 0); errno != 0 {
		return errno
	}
	return nil
}

func unmapAll(mappings []mapping) (err error) {
	for _, m := range mappings {
		if failed := m.unmap(); failed != nil {
			err = failed
		}
	}
	return err
}

// mapApart maps private memory with a page free on either side, so that no neighbour is near
// enough to merge with.
func mapApart(length uintptr, protection, flags int) (mapping, error) {
	page := wholePages(1)
	m, err := mapPages(length+2*page, protection, syscall.MAP_PRIVATE|syscall.MAP_ANON|flags, -1)
	if err != nil {
		return m, err
	}
	before := mapping{m.start, page}
	after := mapping{m.start + page + length, page}
	inner := mapping{m.start + page, length}
	if err := unmapAll([]mapping{before, after}); err != nil {
		m.unmap()
		return m, err
	}
	return inner, nil
}

// mapRegions maps one run and gives every other part of it another protection. Nothing is
// resident. Neither protection occurs in Go's own anonymous memory, so a test can tell them.
func mapRegions(_ *target, r request, size uintptr, _ *made) ([]mapping, error) {
	run, err := mapApart(uintptr(r.amount)*size, syscall.PROT_READ, 0)
	if err != nil {
		return nil, err
	}
	for i := uintptr(1); i < uintptr(r.amount); i += 2 {
		_, _, errno := syscall.Syscall(syscall.SYS_MPROTECT, run.start+i*size, size, syscall.PROT_WRITE)
		if errno != 0 {
			run.unmap()
			return nil, fmt.Errorf("region %d of %d: %w (vm.max_map_count?)", i, r.amount, errno)
		}
	}
	return []mapping{run}, nil
}

// each makes r.amount regions one by one.
func each(mapOne func(size uintptr) (mapping, error)) func(*target, request, uintptr, *made) ([]mapping, error) {
	return func(_ *target, r request, size uintptr, _ *made) ([]mapping, error) {
		var all []mapping
		for int64(len(all)) < r.amount {
			m, err := mapOne(size)
			if err != nil {
				return all, err
			}
			all = append(all, m)
		}
		return all, nil
	}
}

// mapAnonymous is resident at once: MAP_POPULATE writes to private writable pages.
func mapAnonymous(size uintptr) (mapping, error) {
	return mapApart(size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_POPULATE)
}

// mapLazyFree is memory that the process has given up and the kernel has not yet taken: it counts
// as resident, and smaps shows it as LazyFree.
func mapLazyFree(size uintptr) (mapping, error) {
	m, err := mapAnonymous(size)
	if err != nil {
		return m, err
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.start, m.length, adviseFree); errno != 0 {
		m.unmap()
		return m, fmt.Errorf("madvise: %w", errno)
	}
	return m, nil
}

// mapShared needs no gap: each has a nameless file of its own.
func mapShared(size uintptr) (mapping, error) {
	return mapPages(size, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_SHARED|syscall.MAP_ANON|syscall.MAP_POPULATE, -1)
}

// mapFile maps files from their beginning, and neighbours that both begin at 0 never merge. The
// descriptors are closed again: the regions keep the files open. The bytes count as file pages, or
// as shared memory where the folder is a tmpfs.
func mapFile(t *target, r request, size uintptr, files *made) (all []mapping, err error) {
	template := r.options.text("path", "mapped-%d")
	for int64(len(all)) < r.amount {
		path := t.path(template)
		fd, err := files.file(path, syscall.O_RDWR, false)
		if err != nil {
			return all, err
		}
		m, err := mapFileDescriptor(fd, size)
		syscall.Close(fd)
		if err != nil {
			return all, pathError("map", path, err)
		}
		all = append(all, m)
	}
	return all, nil
}

// mapFileDescriptor lengthens a file that is shorter than the region.
func mapFileDescriptor(fd int, size uintptr) (mapping, error) {
	var is syscall.Stat_t
	if err := syscall.Fstat(fd, &is); err != nil {
		return mapping{}, err
	}
	if is.Size < int64(size) {
		if err := syscall.Ftruncate(fd, int64(size)); err != nil {
			return mapping{}, err
		}
	}
	return mapPages(size, syscall.PROT_READ, syscall.MAP_SHARED|syscall.MAP_POPULATE, fd)
}
