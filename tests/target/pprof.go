// The pprof server, as the real sidecar starts it: the same variable, address and messages.
package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof" // registers its pages with the default mux
	"os"
)

// servePprof serves the profiles when SIDECAR_PPROF asks for it. A port that cannot be had is
// reported and the program runs on, as a second sidecar with the same setting does.
//
// The real one listens in the goroutine that serves. Here the socket is bound when servePprof
// returns, so that "ready" means that the port answers.
func servePprof() {
	port := os.Getenv("SIDECAR_PPROF")
	if port == "" {
		return
	}
	if port == "1" {
		port = "6060"
	}
	addr := "localhost:" + port
	fmt.Fprintf(os.Stderr, "pprof enabled on http://%s/debug/pprof/\n", addr)
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "pprof server error: %v\n", err)
		return
	}
	go func() {
		if err := http.Serve(listener, nil); err != nil {
			fmt.Fprintf(os.Stderr, "pprof server error: %v\n", err)
		}
	}()
}
