package main

import (
	"reflect"
	"testing"
)

func TestALineIsSplitIntoCommandsAndWords(t *testing.T) {
	for _, c := range []struct {
		line string
		want [][]string
	}{
		{"", nil},
		{" ;; \t", nil},
		{"a b", [][]string{{"a", "b"}}},
		{"a b;c\r\n", [][]string{{"a", "b"}, {"c"}}},
		{`a "b c;d" e`, [][]string{{"a", "b c;d", "e"}}},
		{`path="x y"z`, [][]string{{"path=x yz"}}},
		{`a ""`, [][]string{{"a", ""}}},
		{`\x41\x7F\xff \n\r\t\\\"\;\ b`, [][]string{{"A\x7f\xff", "\n\r\t\\\"; b"}}},
		{`"\x22\""`, [][]string{{`""`}}},
		{"\xff\x01", [][]string{{"\xff\x01"}}},
	} {
		if got, err := splitCommands(c.line); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %q %v", c.line, got, err)
		}
	}
	for _, line := range []string{`\`, `\q`, `\x`, `\x4`, `\xg0`, `\x00`, `\x+4`, `"`, `a "b\"`} {
		if got, err := splitCommands(line); err == nil {
			t.Errorf("%q: %q", line, got)
		}
	}
}

func TestSizesAndRatesAreRead(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "10B": 10, "1KB": 1024, "1.5MB": 3 << 19, "2GB": 2 << 30, "1024GB": 1 << 40,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%s: %d %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1MB", "MB", "1 MB", "1mb", "NaN", "Inf", "1025GB", "0.5B"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
	for text, want := range map[string]float64{"5/s": 5, "30/m": 0.5, "3600/h": 1} {
		if got, err := parseRate(text, ofThings); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"5", "/s", "0/s", "5/d", "1MB/s", "5/"} {
		if got, err := parseRate(text, ofThings); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
