// Words of the command language: splitting a line into commands, and reading counts, sizes, rates
// and options. It knows no command; those are in verbs.go.
package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// maxCount bounds what one command may ask for; a typing error should not fill a machine.
const maxCount = 1000000

// splitCommands cuts a line at semicolons into commands and these at blanks into words. Double
// quotes keep blanks and semicolons; \xNN \n \r \t \\ \" \; and backslash-blank stand for a byte
// everywhere, so that a file name may hold any byte but NUL.
func splitCommands(line string) ([][]string, error) {
	var commands [][]string
	var words []string
	var word []byte
	inWord, quoted := false, false
	endWord := func() {
		if inWord {
			words = append(words, string(word))
		}
		word, inWord = nil, false
	}
	endCommand := func() {
		endWord()
		if len(words) > 0 {
			commands = append(commands, words)
		}
		words = nil
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\':
			b, length, err := unescape(line[i:])
			if err != nil {
				return nil, err
			}
			word, inWord = append(word, b), true
			i += length - 1
		case c == '"':
			quoted, inWord = !quoted, true
		case !quoted && c == ';':
			endCommand()
		case !quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			endWord()
		default:
			word, inWord = append(word, c), true
		}
	}
	if quoted {
		return nil, fmt.Errorf("a quotation mark is not closed")
	}
	endCommand()
	return commands, nil
}

// unescape reads the escape that s begins with and returns its byte and length.
func unescape(s string) (b byte, length int, err error) {
	if len(s) < 2 {
		return 0, 0, fmt.Errorf("nothing follows the backslash")
	}
	switch s[1] {
	case 'n':
		return '\n', 2, nil
	case 'r':
		return '\r', 2, nil
	case 't':
		return '\t', 2, nil
	case '\\', '"', ';', ' ':
		return s[1], 2, nil
	case 'x':
		if len(s) >= 4 {
			n, err := strconv.ParseUint(s[2:4], 16, 8)
			if err == nil && n != 0 {
				return byte(n), 4, nil
			}
		}
		return 0, 0, fmt.Errorf(`\x wants two hexadecimal digits, and not 00`)
	}
	return 0, 0, fmt.Errorf("unknown escape %q", s[:2])
}

// parseCount reads how many things are asked for.
func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > maxCount {
		return 0, fmt.Errorf("%q is no count from 1 to %d", s, maxCount)
	}
	return n, nil
}

var sizeUnits = []struct {
	suffix string
	bytes  float64
}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}, {"", 1}}

// parseSize reads a number of bytes; KB, MB and GB are powers of 1024, as ps and Go have them.
func parseSize(s string) (int64, error) {
	for _, unit := range sizeUnits {
		if number := strings.TrimSuffix(s, unit.suffix); number != s || unit.suffix == "" {
			n, err := strconv.ParseFloat(number, 64)
			if n *= unit.bytes; err != nil || !(n >= 1 && n <= 1<<40) {
				break
			}
			return int64(n), nil
		}
	}
	return 0, fmt.Errorf("%q is no size (such as 64KB, 1MB or 1.5GB)", s)
}

var rateUnits = []struct {
	suffix  string
	seconds float64
}{{"/s", 1}, {"/m", 60}, {"/h", 3600}}

// parseRate reads an amount for each second, minute or hour, and returns it for each second.
func parseRate(s string, u unit) (float64, error) {
	for _, per := range rateUnits {
		if amount := strings.TrimSuffix(s, per.suffix); amount != s {
			n, err := u.parse(amount)
			return float64(n) / per.seconds, err
		}
	}
	return 0, fmt.Errorf("%q is no rate (such as 5/s, 2/m or 1MB/h)", s)
}

// unit is what the amount of a command counts.
type unit int

const (
	ofThings unit = iota
	ofBytes
)

func (u unit) parse(s string) (int64, error) {
	if u == ofBytes {
		return parseSize(s)
	}
	return parseCount(s)
}

// options are the words of a command after its amount: name=value, or a name alone.
type options map[string]string

// flagOptions are the options that take no value.
var flagOptions = []string{"shared", "locked", "labelled"}

func parseOptions(words []string, allowed []string) (options, error) {
	given := options{}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		if !contains(allowed, name) {
			return nil, fmt.Errorf("unknown option %q (%s)", name, oneOf(allowed))
		}
		if isFlag := contains(flagOptions, name); isFlag && word != name || !isFlag && value == "" {
			return nil, fmt.Errorf("option %q wants a value, or none", name)
		}
		if _, twice := given[name]; twice {
			return nil, fmt.Errorf("option %q is given twice", name)
		}
		given[name] = value
	}
	return given, nil
}

func (o options) has(name string) bool {
	_, ok := o[name]
	return ok
}

func (o options) text(name, otherwise string) string {
	if value, ok := o[name]; ok {
		return value
	}
	return otherwise
}

func (o options) size(name string, otherwise int64) (int64, error) {
	if value, ok := o[name]; ok {
		return parseSize(value)
	}
	return otherwise, nil
}

// number reads an option that may be 0, up to a limit.
func (o options) number(name string, otherwise, limit int64) (int64, error) {
	value, ok := o[name]
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || n > limit {
		return 0, fmt.Errorf("%s=%q is no number from 0 to %d", name, value, limit)
	}
	return n, nil
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}

// oneOf words the choice for a message.
func oneOf(list []string) string {
	if len(list) == 0 {
		return "it takes none"
	}
	return "one of " + strings.Join(list, " ")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
