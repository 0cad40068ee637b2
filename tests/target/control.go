// Where commands come from: standard input, and a unix socket that serves one connection at a
// time. Both give a line to target.execute and write its reply; neither keeps anything that would
// add to the counts while no command is under way.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

const (
	maxLine  = 64 << 10
	patience = 10 * time.Second // for a client that connects and says nothing
	draft    = ".new"           // ends the socket's name until the program is ready
)

// readCommands executes the lines of in until it ends. The end of in ends the program if asked.
func (t *target) readCommands(in io.Reader, out io.Writer, endsProgram bool) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	for lines.Scan() {
		if lines.Text() != "" {
			fmt.Fprintln(out, t.execute(lines.Text()))
			if t.endIfAsked() {
				return
			}
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(out, "error: standard input:", err)
	}
	if endsProgram {
		t.end()
	}
}

// listenDraft binds the control socket under a name that no client waits for.
func listenDraft(path string) (*net.UnixListener, error) {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path + draft, Net: "unix"})
	if err == nil {
		listener.SetUnlinkOnClose(false)
	}
	return listener, err
}

// serveControl takes commands on a unix socket: one connection at a time, one line in, one line
// out, and the end.
func (t *target) serveControl(listener net.Listener) {
	reader := bufio.NewReaderSize(nil, maxLine)
	for {
		conn, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "control:", err)
			time.Sleep(time.Second)
			continue
		}
		t.serveConnection(conn, reader)
		t.endIfAsked()
	}
}

// serveConnection answers one line and closes. The kernel takes the descriptor out of the table
// before the peer sees the end, so a client that reads to the end measures without it.
func (t *target) serveConnection(conn net.Conn, reader *bufio.Reader) {
	defer conn.Close()
	reader.Reset(conn)
	conn.SetDeadline(time.Now().Add(patience))
	line, err := reader.ReadSlice('\n')
	if err != nil && (err != io.EOF || len(line) == 0) {
		if err == bufio.ErrBufferFull {
			fmt.Fprintf(conn, "error: a line has at most %d bytes\n", maxLine)
		}
		return
	}
	conn.SetDeadline(time.Time{})
	fmt.Fprintln(conn, t.execute(strings.TrimRight(string(line), "\r\n")))
}
