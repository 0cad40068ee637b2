// The commands: what each word does, and the text that explains them. Splitting and reading the
// words is in command.go; how a class is held is in the file of that class.
package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
)

// request is a command that holds something: CLASS [KIND] AMOUNT [OPTION…].
type request struct {
	class, kind string
	amount      int64
	options     options
}

// class is a sort of thing that can be held.
type class struct {
	kinds   []string // empty where the class has no kinds
	unit    unit
	options []string
	level   bool // a level to keep: a new command replaces the old one, and it cannot leak
	hold    func(*target, request) (*hold, error)
	help    string
}

var classes = map[string]class{
	"fds": {
		kinds: sortedKeys(descriptorKinds), options: []string{"path"}, hold: holdDescriptors,
		help: "N open descriptors of a kind",
	},
	"watches": {
		options: []string{"path"}, hold: holdWatches,
		help: "one inotify descriptor with N watches on N folders",
	},
	"locks": {
		kinds: sortedKeys(lockKinds), options: []string{"path", "shared", "start", "length"},
		hold: holdLocks,
		help: "N locks, each with a descriptor of its file",
	},
	"maps": {
		kinds: sortedKeys(mappingKinds), options: []string{"size", "path"}, hold: holdMappings,
		help: "N memory regions of a size each, outside Go's heap",
	},
	"goroutines": {
		kinds: sortedKeys(waiters), options: []string{"as", "depth", "locked", "labelled"}, hold: holdGoroutines,
		help: "N goroutines that wait in a way",
	},
	"threads": {
		options: []string{"as", "depth"}, hold: holdThreads,
		help: "N threads: short for goroutines chan_receive N locked",
	},
	"heap": {
		unit: ofBytes, options: []string{"block", "via"}, hold: holdHeap,
		help: "SIZE of live heap in blocks (1MB) made by a named function",
	},
	"retain": {
		unit: ofBytes, level: true, hold: holdRetained,
		help: "keeps at least SIZE of free heap that the kernel does not get back",
	},
	"cpu": {
		level: true, hold: holdCPU,
		help: "burns N thousandths of a core",
	},
}

// execute runs the commands of a line and returns the reply, one line without its end. The first
// command that fails ends the line; what the ones before it took stays.
func (t *target) execute(line string) string {
	commands, err := splitCommands(line)
	if err != nil {
		return "error: " + err.Error()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var replies []string
	for _, words := range commands {
		reply, err := t.run(words[0], words[1:])
		if err != nil {
			t.settle()
			return oneLine(fmt.Sprintf("error: %s: %v", words[0], err))
		}
		replies = append(replies, reply)
	}
	if !t.settle() {
		replies = append(replies, "settled=no")
	}
	return oneLine(strings.TrimSuffix("ok "+strings.Join(replies, "; "), " "))
}

func isError(reply string) bool { return strings.HasPrefix(reply, "error: ") }

// oneLine keeps a name with a newline in it from ending the reply early.
func oneLine(reply string) string {
	return strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(reply)
}

// verbs are the commands that do not themselves hold a class of things.
var verbs = map[string]func(t *target, words []string) (string, error){
	"leak":    (*target).leak,
	"garbage": (*target).garbage,
	"stop":    (*target).stop,
	"release": (*target).releaseCommand,
	"gc":      (*target).collect,
	"stacks":  (*target).allocateFromStacks,
	"status": func(t *target, words []string) (string, error) {
		return t.status(), noWords(words)
	},
	"help": func(_ *target, words []string) (string, error) {
		return strings.TrimSpace(helpText()), noWords(words)
	},
	"quit": func(t *target, words []string) (string, error) {
		t.quitting = len(words) == 0
		return "", noWords(words)
	},
}

func noWords(words []string) error {
	if len(words) > 0 {
		return fmt.Errorf("what is %q? Nothing follows it", words[0])
	}
	return nil
}

// run does one command. The caller holds t.mu.
func (t *target) run(verb string, words []string) (string, error) {
	if do, ok := verbs[verb]; ok {
		return do(t, words)
	}
	if _, ok := classes[verb]; !ok {
		return "", fmt.Errorf("no such command (%s)", oneOf(append(sortedKeys(classes), sortedKeys(verbs)...)))
	}
	r, amount, err := parseRequest(append([]string{verb}, words...))
	if err != nil {
		return "", err
	}
	if r.amount, err = classes[verb].unit.parse(amount); err != nil {
		return "", err
	}
	if err := t.take(r); err != nil {
		return "", err
	}
	if verb == "heap" {
		runtime.GC() // publishes the heap profile as of now
	}
	return fmt.Sprintf("held=%d", r.amount), nil
}

// parseRequest reads CLASS [KIND] AMOUNT [OPTION…] and leaves the amount as it stands, because a
// leak has a rate there.
func parseRequest(words []string) (r request, amount string, err error) {
	if len(words) == 0 {
		return r, "", fmt.Errorf("of what? (%s)", oneOf(sortedKeys(classes)))
	}
	c, ok := classes[words[0]]
	if !ok {
		return r, "", fmt.Errorf("unknown class %q (%s)", words[0], oneOf(sortedKeys(classes)))
	}
	r.class, words = words[0], words[1:]
	if len(c.kinds) > 0 {
		if len(words) == 0 || !contains(c.kinds, words[0]) {
			return r, "", fmt.Errorf("which kind? (%s)", oneOf(c.kinds))
		}
		r.kind, words = words[0], words[1:]
	}
	if len(words) == 0 {
		return r, "", fmt.Errorf("how much?")
	}
	r.options, err = parseOptions(words[1:], c.options)
	return r, words[0], err
}

// take holds what is asked for and enters it in the ledger.
func (t *target) take(r request) error {
	if classes[r.class].level {
		t.release(r.class, "")
	}
	h, err := classes[r.class].hold(t, r)
	if err != nil {
		return err
	}
	if h.fds > 0 && h.free != nil && !descriptorsLeft(reservedDescriptors) {
		h.free()
		return fmt.Errorf("%w, but for a few that are kept for control and pprof", syscall.EMFILE)
	}
	h.class, h.kind, h.count = r.class, r.kind, r.amount
	t.holds = append(t.holds, h)
	return nil
}

// releaseCommand gives back and collects, because dropped blocks go only then.
func (t *target) releaseCommand(words []string) (string, error) {
	if len(words) == 0 || len(words) > 2 {
		return "", fmt.Errorf("what? (all, or CLASS [KIND])")
	}
	class, kind := words[0], ""
	known, ok := classes[class]
	switch {
	case class == "all":
		class = ""
	case !ok:
		return "", fmt.Errorf("unknown class %q (all, or %s)", class, oneOf(sortedKeys(classes)))
	}
	if len(words) == 2 {
		if kind = words[1]; !contains(known.kinds, kind) {
			return "", fmt.Errorf("unknown kind %q (%s)", kind, oneOf(known.kinds))
		}
	}
	released, kept, err := t.release(class, kind)
	runtime.GC()
	reply := fmt.Sprintf("released=%d", released)
	if kept > 0 {
		reply += fmt.Sprintf(" kept=%d", kept)
	}
	return reply, err
}

// collect runs the collector, and with os then gives the free pages to the kernel.
func (t *target) collect(words []string) (string, error) {
	if len(words) > 1 || len(words) == 1 && words[0] != "os" {
		return "", fmt.Errorf("it takes nothing, or os")
	}
	runtime.GC()
	if len(words) == 1 {
		debug.FreeOSMemory()
	}
	return "", nil
}

// helpText is the grammar in short; README.md is the long form.
func helpText() string {
	var b strings.Builder
	b.WriteString("commands:\n")
	for _, name := range sortedKeys(classes) {
		c := classes[name]
		usage := name
		if len(c.kinds) > 0 {
			usage += " " + strings.Join(c.kinds, "|")
		}
		usage += map[unit]string{ofThings: " N", ofBytes: " SIZE"}[c.unit]
		for _, option := range c.options {
			usage += " [" + option + map[bool]string{true: "", false: "=…"}[contains(flagOptions, option)] + "]"
		}
		fmt.Fprintf(&b, "  %s\n        %s\n", usage, c.help)
	}
	b.WriteString(`  leak CLASS [KIND] AMOUNT/s|/m|/h [OPTION…]
        holds more and more of a class
  garbage SIZE/s [block=…]
        allocates and drops
  stacks N
        allocates from N different stacks and drops
  stop | stop leak|garbage|cpu
        ends the rates; what has leaked stays held
  release all | CLASS [KIND]
        gives back; goroutines that Go cannot end are counted as kept
  gc [os] | status | help | quit
`)
	return b.String()
}
