// A program that holds 1000 goroutines and 64 MB, serves pprof and prints its port.
package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
)

var held [][]byte

func main() {
	for i := 0; i < 64; i++ {
		held = append(held, make([]byte, 1<<20))
	}
	for i := 0; i < 1000; i++ {
		go func() { select {} }()
	}
	for i := 0; i < 5; i++ {
		runtime.GC()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, nil)
}
