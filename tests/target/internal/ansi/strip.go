// Package ansi stands in for a library of terminal sequences, for its name on the stacks of a heap
// profile.
package ansi

// Strip returns s without its control sequences, in memory of its own.
//
//go:noinline
func Strip(s string) string {
	const escape = 0x1b
	out := make([]byte, 0, len(s))
	inSequence := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == escape:
			inSequence = true
		case !inSequence:
			out = append(out, c)
		case c >= 'A' && c != '[':
			inSequence = false
		}
	}
	return string(out)
}
