// The pprof server, as the real sidecar starts it: the same variable, address and messages.
package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof" // registers its pages with the default mux
	"os"
)

// servePprof serves the profiles when SIDECAR_PPROF asks for it. A port that cannot be had is
// reported and the program runs on, as a second sidecar with the same setting does.
//
// The real one listens in the goroutine that serves. Here the socket is bound when servePprof
// returns, so that "ready" means that the port answers.
func servePprof(routes http.Handler) {
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
		if err := http.Serve(listener, routes); err != nil {
			fmt.Fprintf(os.Stderr, "pprof server error: %v\n", err)
		}
	}()
}

// pprofRoutes returns where other programs have the pages: all of them below a prefix, or the
// handlers of two profiles, without an index page, on a mux of their own. With neither it is nil,
// the default mux.
func pprofRoutes(prefix string, single bool) http.Handler {
	if prefix == "" && !single {
		return nil
	}
	mux := http.NewServeMux()
	if single {
		mux.Handle(prefix+"/debug/pprof/heap", pprof.Handler("heap"))
		mux.Handle(prefix+"/debug/pprof/goroutine", pprof.Handler("goroutine"))
	} else {
		mux.Handle(prefix+"/", http.StripPrefix(prefix, http.DefaultServeMux))
	}
	return mux
}
