// Go heap: blocks that stay live, made through functions whose names a heap profile shows; garbage;
// and free memory that the process keeps. Memory outside Go's heap is in mappings_linux.go.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"example.com/target/internal/ansi"
)

const (
	defaultBlock = 1 << 20
	smallPage    = 4096
)

// allocators make a block of live heap of about the size. It is exact, rounded up to Go's size
// classes, where README.md says so.
var allocators = map[string]func(size int) any{
	"leakHeap":      func(size int) any { return leakHeap(size) },
	"scanner":       func(size int) any { return scanTranscript(size) },
	"json":          func(size int) any { return decodeTranscript(size) },
	"output_buffer": func(size int) any { return captureOutput(size) },
	"ansi":          func(size int) any { return stripOutput(size) },
	"append":        func(size int) any { return collectRecords(size) },
}

func holdHeap(_ *target, r request) (*hold, error) {
	via := r.options.text("via", "leakHeap")
	allocate, ok := allocators[via]
	if !ok {
		return nil, fmt.Errorf("via=%q is %s", via, oneOf(sortedKeys(allocators)))
	}
	block, err := r.options.size("block", defaultBlock)
	if err != nil {
		return nil, err
	}
	if block > 1<<30 {
		return nil, fmt.Errorf("block=%d is more than 1GB", block)
	}
	var blocks []any
	for rest := r.amount; rest > 0; rest -= block {
		if rest < block {
			block = rest
		}
		blocks = append(blocks, allocate(int(block)))
	}
	// The ledger's pointer keeps them; they go when the hold leaves it and the collector runs.
	return &hold{heapBytes: r.amount, keeps: blocks, free: func() error { return nil }}, nil
}

// leakHeap writes to every page: fresh memory is not resident before.
//
//go:noinline
func leakHeap(size int) []byte {
	block := make([]byte, size)
	for i := 0; i < size; i += smallPage {
		block[i] = 1
	}
	return block
}

// transcript reads as one line of so many bytes, its end included.
type transcript struct{ left int }

func (t *transcript) Read(p []byte) (int, error) {
	if t.left == 0 {
		return 0, io.EOF
	}
	n := len(p)
	if n > t.left {
		n = t.left
	}
	for i := range p[:n] {
		p[i] = 'x'
	}
	if t.left -= n; t.left == 0 {
		p[n-1] = '\n'
	}
	return n, nil
}

// scanTranscript keeps a scanner, and so the buffer that it grew for a long line.
//
//go:noinline
func scanTranscript(size int) *bufio.Scanner {
	scanner := bufio.NewScanner(&transcript{size})
	scanner.Buffer(nil, size)
	scanner.Scan()
	return scanner
}

// decodeTranscript keeps what json.Unmarshal made of a message.
//
//go:noinline
func decodeTranscript(size int) any {
	document := make([]byte, size+2)
	io.ReadFull(&transcript{size}, document[1:size+1])
	document[0], document[size], document[size+1] = '"', 'x', '"'
	var message any
	if err := json.Unmarshal(document, &message); err != nil {
		panic(err) // the document above is right
	}
	return message
}

// OutputBuffer keeps the lines of a captured terminal, all of them parts of one string.
type OutputBuffer struct{ lines []string }

// Update replaces the lines.
//
//go:noinline
func (b *OutputBuffer) Update(content string) {
	content = strings.ReplaceAll(content, "\r\n", "\n")
	b.lines = strings.Split(content, "\n")
}

// captureOutput fills a buffer with lines of 79 characters; the lines' headers count as well.
//
//go:noinline
func captureOutput(size int) *OutputBuffer {
	const line, header = 80, 16
	b := &OutputBuffer{}
	b.Update(strings.Repeat(strings.Repeat("x", line-1)+"\r\n", size/(line+header)))
	return b
}

//go:noinline
func stripOutput(size int) string {
	return ansi.Strip("\x1b[1m" + strings.Repeat("x", size) + "\x1b[0m")
}

// collectRecords appends until there is room for size; append makes up to a quarter more.
//
//go:noinline
func collectRecords(size int) []byte {
	var records []byte
	for cap(records) < size {
		records = append(records, "one more record of the kind that is never dropped\n"...)
	}
	return records
}

// makeGarbage allocates and forgets, for the leak of that rate in rates.go.
//
//go:noinline
func makeGarbage(amount, block int64) {
	for ; amount > 0; amount -= block {
		sink = leakHeap(int(block))
	}
	sink = nil
}

// sink keeps the compiler from leaving an allocation out.
var sink []byte

const (
	noCollection   = 1000000 // GOGC in percent
	retainInterval = 250 * time.Millisecond
)

// holdRetained keeps free pages in the process, as after a spike: high RSS, little heap in use. It
// looks after them, because the next collection makes Go's scavenger give them to the kernel.
func holdRetained(_ *target, r request) (*hold, error) {
	everyday := debug.SetGCPercent(noCollection)
	retain(r.amount, everyday)
	collections := readMetric(collectionsMetric)
	stop := startWorker(retainInterval, func(time.Duration) {
		if readMetric(collectionsMetric) != collections || readMetric(freeHeapMetric) < r.amount {
			retain(r.amount, everyday)
			collections = readMetric(collectionsMetric)
		}
	})
	return &hold{goroutines: 1, busy: 1, free: func() error {
		stop()
		debug.SetGCPercent(everyday)
		return nil
	}}, nil
}

// retain stops the scavenger and then makes a spike where too little is free.
//
// The scavenger keeps as much as was in use at the last collection, times the growth of the
// collector's goal since then. So it stops when a collection under the everyday goal is followed
// by a goal out of reach. The collection that frees the spike is the first under that goal: the
// spike still counts as in use then, and stays. It is a bit above what is asked for, because
// everyday allocations nibble at it.
func retain(size int64, everyday int) {
	debug.SetGCPercent(everyday)
	runtime.GC()
	debug.SetGCPercent(noCollection)
	if readMetric(freeHeapMetric) >= size {
		return
	}
	var spike [][]byte
	for made := int64(0); made < size+size/64+defaultBlock; made += defaultBlock {
		spike = append(spike, leakHeap(defaultBlock))
	}
	runtime.KeepAlive(spike)
	runtime.GC()
}

const (
	freeHeapMetric    = "/memory/classes/heap/free:bytes"
	collectionsMetric = "/gc/cycles/total:gc-cycles"
)

// readMetric does not stop the program, as runtime.ReadMemStats does.
func readMetric(name string) int64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

const stackDepth = 20 // calls that differ: Go 1.19 keeps 32 of a stack

// allocateFromStacks allocates from so many stacks and keeps nothing. Each of them is a record of the
// heap profile from then on, of 2 kB in its text.
func (t *target) allocateFromStacks(words []string) (string, error) {
	if len(words) != 1 {
		return "", fmt.Errorf("how many stacks?")
	}
	number, err := strconv.Atoi(words[0])
	if err != nil || number < 1 || number > 1<<stackDepth {
		return "", fmt.Errorf("stacks are 1 to %d", 1<<stackDepth)
	}
	everyday := runtime.MemProfileRate
	runtime.MemProfileRate = 1
	for path := 0; path < number; path++ {
		sink = turnLeft(path, stackDepth)
	}
	sink = nil
	runtime.MemProfileRate = everyday
	runtime.GC() // publishes the heap profile as of now
	return fmt.Sprintf("stacks=%d", number), nil
}

// turnLeft goes on by the next bit of the path; the last turn allocates.
//
//go:noinline
func turnLeft(path, turns int) []byte {
	if turns == 0 {
		return make([]byte, 16)
	}
	if path&1 == 0 {
		return turnLeft(path>>1, turns-1)
	}
	return turnRight(path>>1, turns-1)
}

//go:noinline
func turnRight(path, turns int) []byte {
	if turns == 0 {
		return make([]byte, 16)
	}
	if path&1 == 0 {
		return turnLeft(path>>1, turns-1)
	}
	return turnRight(path>>1, turns-1)
}
