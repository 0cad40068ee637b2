// Sidecar is the example target of the tests, the demo and the benches: a Go program that looks
// to a watcher like the real sidecar (its name, its pprof server, its kind of leaks) and that on
// command holds an exact number of things and gives them back.
//
// This file starts it up and ends it. The command language is in command.go and verbs.go, the
// things that can be held are in a file each, and README.md explains all of it.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

// maxProcs bounds GOMAXPROCS, so that the number of threads at rest is the same on a laptop and on
// a server with a hundred cores. The environment variable GOMAXPROCS overrides it.
const maxProcs = 4

// commandList collects the -do flags in their order.
type commandList []string

func (l *commandList) String() string     { return strings.Join(*l, "; ") }
func (l *commandList) Set(s string) error { *l = append(*l, s); return nil }

type settings struct {
	do        commandList
	control   string
	dir       string
	exitOnEOF bool

	pprofPrefix string
	pprofSingle bool
}

// The main goroutine keeps the main thread to itself. No other goroutine can then be locked to it,
// which matters because it is the one thread that does not end with the goroutine locked to it.
func init() {
	runtime.LockOSThread()
}

func main() {
	var s settings
	rate := flag.Int("mem-profile-rate", runtime.MemProfileRate,
		"bytes allocated for each heap profile `sample`; 1 records every allocation")
	flag.Var(&s.do, "do", "`commands` to run before the program is ready; may be repeated")
	flag.StringVar(&s.control, "control", "", "`path` of a unix socket that takes commands")
	flag.StringVar(&s.dir, "dir", "", "`folder` for the files it makes (default: a temporary one)")
	flag.StringVar(&s.pprofPrefix, "pprof-prefix", "", "`path` below which the pages of pprof are")
	flag.BoolVar(&s.pprofSingle, "pprof-single", false, "serve two pages of pprof, without the index")
	flag.BoolVar(&s.exitOnEOF, "exit-on-eof", false, "end when standard input ends")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: sidecar [flags]\n\n%s\nflags:\n", helpText())
		flag.PrintDefaults()
	}
	flag.Parse()
	runtime.MemProfileRate = *rate
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "sidecar: what is %q? Commands stand after -do\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(s); err != nil {
		fmt.Fprintf(os.Stderr, "sidecar: %v\n", err)
		os.Exit(1)
	}
}

// run lives as long as the program: it returns after quit, SIGINT, SIGTERM or a failed start.
func run(s settings) error {
	if os.Getenv("GOMAXPROCS") == "" && runtime.NumCPU() > maxProcs {
		runtime.GOMAXPROCS(maxProcs)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	signal.Ignore(syscall.SIGPIPE)

	t, err := newTarget(s.dir)
	if err != nil {
		return err
	}
	defer t.close()
	if s.control != "" {
		defer os.Remove(s.control)
	}
	failed := make(chan error, 1)
	go func() {
		if err := t.begin(s); err != nil {
			failed <- err
		}
	}()
	select {
	case err := <-failed:
		return err
	case <-ended:
		signal.Reset() // a second signal ends it the hard way
	case <-t.quit:
	}
	return nil
}

// begin brings the target into its first state, says so, and goes on to serve the control if there
// is one. That is the same goroutine, so that none is on its way somewhere else when the program
// is ready.
func (t *target) begin(s settings) error {
	servePprof(pprofRoutes(s.pprofPrefix, s.pprofSingle))
	for _, commands := range s.do {
		if reply := t.execute(commands); isError(reply) {
			return fmt.Errorf("-do %s: %s", commands, reply)
		}
		if t.endIfAsked() {
			return nil
		}
	}
	ready := make(chan struct{})
	if s.exitOnEOF || !isNull(os.Stdin) {
		go func() {
			<-ready
			t.readCommands(os.Stdin, os.Stdout, s.exitOnEOF)
		}()
	}
	if s.control == "" {
		t.rest()
		t.announce(ready)
		return nil
	}
	listener, err := listenDraft(s.control)
	if err != nil {
		return err
	}
	t.rest()
	if err := os.Rename(s.control+draft, s.control); err != nil {
		return err
	}
	t.announce(ready)
	t.serveControl(listener)
	return nil
}

// rest settles where no command does.
func (t *target) rest() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settle()
}

func (t *target) announce(ready chan<- struct{}) {
	fmt.Println(oneLine(fmt.Sprintf("ready pid=%d dir=%s", os.Getpid(), t.dir)))
	close(ready)
}

// isNull tells /dev/null, which never has a command: reading it would only add a goroutine that
// ends at some moment after the program is ready.
func isNull(f *os.File) bool {
	var is, null syscall.Stat_t
	return syscall.Fstat(int(f.Fd()), &is) == nil && syscall.Stat(os.DevNull, &null) == nil &&
		is.Rdev == null.Rdev && is.Mode&syscall.S_IFMT == syscall.S_IFCHR
}
