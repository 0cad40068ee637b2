#!/usr/bin/python3
"""A pprof port that misbehaves on purpose; see MODES for the ways it can.

Usage: hostile_pprof.py PORT BAIT-PORT MODE-FILE [CROWD]

With CROWD there are so many processes more, of another user if started by root:
they do nothing, and have the port open as well.

The file holds the name of a mode and is read anew for each connection, so a
test can change its mind. "good" answers as Go does. For each request served a
line "MODE PATH" is appended to MODE-FILE.requests, and every connection to the
bait, which redirects point to, adds a line "bait". The port is bound before the
program prints "ready"; in the mode "nobody" it is not bound at all, and in the
mode "closed" it is closed at once, while the program goes on.
"""

import ctypes
import os
import signal
import socket
import struct
import sys
import threading
import time

PORT = int(sys.argv[1])
BAIT = ("127.0.0.2", int(sys.argv[2]))
MODE_FILE = sys.argv[3]
CROWD = int(sys.argv[4]) if len(sys.argv) > 4 else 0
NOBODY = 65534
GIGABYTE = 1 << 30

GOOD_MEMSTATS = {
    "Alloc": 3000000,
    "TotalAlloc": 9000000,
    "Sys": 20000000,
    "Lookups": 0,
    "Mallocs": 50000,
    "Frees": 40000,
    "HeapAlloc": 3000000,
    "HeapSys": 12000000,
    "HeapIdle": 7000000,
    "HeapInuse": 5000000,
    "HeapReleased": 4000000,
    "HeapObjects": 10000,
    "Stack": "500000 / 500000",
    "MSpan": "80000 / 90000",
    "MCache": "9600 / 15600",
    "BuckHashSys": 4000,
    "GCSys": 3000000,
    "OtherSys": 1000000,
    "NextGC": 6000000,
    "LastGC": 1700000000000000000,
    "PauseNs": "[%s]" % " ".join(["100000", "120000"] + ["0"] * 254),
    "PauseEnd": "[%s]" % " ".join(["0"] * 256),
    "NumGC": 2,
    "NumForcedGC": 0,
    "GCCPUFraction": 0.01,
    "DebugGC": "false",
}
ABSURD = {
    "HeapAlloc": "999999999999999999999999999999",
    "HeapInuse": "-7",
    "HeapSys": "0x10",
    "HeapIdle": "1e300",
    "NumGC": "NaN",
    "Sys": "",
    "Mallocs": "18446744073709551616",
    "Frees": "12 13",
    "GCCPUFraction": "Inf",
}


def heap(changes=None, without=(), total=4096):
    stats = dict(GOOD_MEMSTATS, **(changes or {}))
    lines = [
        "heap profile: 1: %d [2: 8192] @ heap/1048576" % total,
        "1: 4096 [2: 8192] @ 0x1 0x2",
        "",
    ]
    lines.append("# runtime.MemStats")
    lines += ["# %s = %s" % item for item in stats.items() if item[0] not in without]
    return ("\n".join(lines) + "\n").encode()


def index(goroutines="7"):
    rows = (("allocs", "12"), ("goroutine", goroutines), ("heap", "12"))
    table = "".join(
        "<tr><td>%s</td><td><a href='%s?debug=1'>%s</a></td></tr>\n" % (count, name, name)
        for name, count in rows
    )
    text = "<html>\n<head>\n<title>/debug/pprof/</title>\n</head>\n<body>\n/debug/pprof/\n"
    return (
        text
        + "<table>\n<thead><td>Count</td><td>Profile</td></thead>\n"
        + table
        + "</table>\n</body>\n</html>"
    ).encode()


def goroutines(count=7):
    goroutine = "goroutine %d [%s, 12 minutes]:\nmain.wait()\n\t/src/main.go:7 +0x1d\n"
    states = ["running"] + ["chan receive"] * (count - 1)
    return "\n".join(goroutine % one for one in enumerate(states, 1)).encode()


def body(path, **heap_changes):
    if path.endswith("/goroutine?debug=2"):
        return goroutines()
    return heap(**heap_changes) if "heap" in path else index()


def spoilt(word, content):
    """Good, but for the pages whose path has that word in it."""
    return lambda peer, path: (
        peer.sendall(answer("200 OK", content)) if word in path else send_good(peer, path)
    )


def leaks(total, *counts):
    text = "goroutineleak profile: total %d\n" % total
    return (text + "".join("%d @ 0x1\n#\t0x1\tmain.f+0x1\t/a.go:7\n\n" % n for n in counts)).encode()


def answer(status, content, kind="text/plain; charset=utf-8", length=None, extra=""):
    head = "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n" % (
        status,
        kind,
        len(content) if length is None else length,
        extra,
    )
    return head.encode() + content


def send_good(peer, path):
    """As a program of Go before 1.27, which has no profile of leaks."""
    if "goroutineleak" in path:
        peer.sendall(answer("404 Not Found", b"Unknown profile\n"))
    else:
        peer.sendall(answer("200 OK", body(path)))


def send_nothing(peer, _path):
    peer.settimeout(None)
    while peer.recv(4096):
        pass


def send_slowly(peer, path):
    for byte in answer("200 OK", body(path)):
        peer.sendall(bytes([byte]))
        time.sleep(1)


def send_in_parts(peer, path):
    """The heap page comes in ten parts, which take eight seconds; the rest at once."""
    whole = answer("200 OK", body(path))
    parts = 10 if "heap" in path else 1
    size = len(whole) // parts + 1
    for at in range(0, len(whole), size):
        if at > 0:
            time.sleep(8 / (parts - 1))
        peer.sendall(whole[at : at + size])


def send_half(peer, path):
    whole = answer("200 OK", body(path))
    peer.sendall(whole[: len(whole) * 2 // 3])


def send_reset(peer, _path):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def send_gigabyte(peer, path):
    head = answer("200 OK", body(path), length=GIGABYTE)
    peer.sendall(head)
    filler = b"1: 4096 [2: 8192] @ 0x1 0x2 0x3 0x4\n" * 2000
    sent = len(head)
    while sent < GIGABYTE:
        peer.sendall(filler)
        sent += len(filler)


def send_endless_line(peer, path):
    peer.sendall(answer("200 OK", body(path)[:40].replace(b"\n", b" "), length=GIGABYTE))
    while True:
        peer.sendall(b"x" * 65536)


def send_endless_chunks(peer, path):
    peer.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    content = body(path)
    peer.sendall(b"%x\r\n%s\r\n" % (len(content), content))
    while True:
        peer.sendall(b"400\r\n" + b"#" * 1024 + b"\r\n")


def send_endless_headers(peer, _path):
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        peer.sendall(b"X-More: and more\r\n" * 1000)


def send_too_short_length(peer, path):
    content = body(path)
    peer.sendall(answer("200 OK", content, length=len(content) // 2))


def send_too_long_length(peer, path):
    content = body(path)
    peer.sendall(answer("200 OK", content, length=len(content) + 1000))
    send_nothing(peer, path)


def redirect(peer, path):
    where = "http://%s:%d%s" % (BAIT[0], BAIT[1], path)
    peer.sendall(answer("302 Found", b"", extra="Location: %s\r\n" % where))


def always(*arguments, **options):
    return lambda peer, _path: peer.sendall(answer(*arguments, **options))


MODES = {
    "good": send_good,
    "silent": send_nothing,
    "slow": send_slowly,
    "in_parts": send_in_parts,
    "half": send_half,
    "reset": send_reset,
    "gigabyte": send_gigabyte,
    "endless_line": send_endless_line,
    "endless_chunks": send_endless_chunks,
    "endless_headers": send_endless_headers,
    "short_length": send_too_short_length,
    "long_length": send_too_long_length,
    "redirect": redirect,
    "not_found": always("404 Not Found", b"404 page not found\n"),
    "server_error": always("500 Internal Server Error", b"profiling is already in use\n"),
    "html": always(
        "200 OK", b"<!doctype html><html><body><h1>Router login</h1></body></html>", "text/html"
    ),
    "empty": always("200 OK", b""),
    "binary": always("200 OK", bytes(range(256)) * 64, "application/octet-stream"),
    "memstats_missing": lambda peer, path: peer.sendall(
        answer(
            "200 OK",
            body(path, without=("HeapAlloc", "HeapInuse", "HeapSys", "NumGC"))
            if "heap" in path
            else body(path),
        )
    ),
    "memstats_absurd": lambda peer, path: peer.sendall(
        answer("200 OK", body(path, changes=ABSURD) if "heap" in path else index("-12"))
    ),
    "dump_html": spoilt("goroutine", b"<html>\nno dumps today\n</html>\n"),
    "dump_other_form": spoilt("goroutine", b"goroutine profile: total 7\n7 @ 0x43\n"),
    "dump_numbers": spoilt("goroutine", goroutines().replace(b"12", b"9" * 30)),
    "dump_switches": spoilt("goroutine", goroutines() + b"\n" + heap()),
    "dump_cut_short": spoilt("goroutine", goroutines()[:-20]),
    "heap_incomplete": spoilt("heap", heap(total=8192)),
    "leaks": spoilt("goroutineleak", leaks(7, 4, 3)),
    "leaks_html": spoilt("goroutineleak", b"<html>\nnone today\n</html>\n"),
    "leaks_of_all": spoilt("goroutineleak", b"goroutine profile: total 7\n7 @ 0x43\n\n"),
    "leaks_missing": spoilt("goroutineleak", leaks(7, 4)),
    "leaks_too_many": spoilt("goroutineleak", leaks(7, 4, 4)),
    "leaks_absurd": spoilt("goroutineleak", leaks(2**63 - 1, 2**63 - 2, 1) + leaks(1, 1)),
}


def note(line):
    with open(MODE_FILE + ".requests", "a", encoding="utf-8") as file:
        file.write(line + "\n")


def serve(peer):
    with peer, open(MODE_FILE, encoding="utf-8") as file:
        mode = file.read().strip()
        try:
            request = b""
            while b"\r\n\r\n" not in request:
                piece = peer.recv(4096)
                if not piece:
                    return
                request += piece
            path = request.split(b" ")[1].decode("latin-1")
            note("%s %s" % (mode, path))
            MODES[mode](peer, path)
        except OSError:
            pass  # the client had enough


def bait():
    with socket.create_server(BAIT) as server:
        while True:
            peer, _ = server.accept()
            note("bait")
            peer.close()


def mode_now():
    with open(MODE_FILE, encoding="utf-8") as file:
        return file.read().strip()


def make_crowd():
    libc = ctypes.CDLL(None)
    for _ in range(CROWD):
        if os.fork() == 0:
            if os.getuid() == 0:
                os.setresuid(NOBODY, NOBODY, NOBODY)
            libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
            signal.pause()
            os._exit(0)


def accept_all(server):
    server.settimeout(0.1)
    while mode_now() != "closed":
        try:
            peer, _ = server.accept()
        except TimeoutError:
            continue
        peer.settimeout(None)
        threading.Thread(target=serve, args=(peer,), daemon=True).start()


def main():
    if mode_now() == "nobody":
        print("ready", flush=True)
        threading.Event().wait()
    with socket.create_server(("127.0.0.1", PORT), backlog=64) as server:
        make_crowd()
        threading.Thread(target=bait, daemon=True).start()
        print("ready", flush=True)
        accept_all(server)
    note("closed")
    threading.Event().wait()


main()
