"""A fleet for scale.py: a page for every host as write_prometheus makes it, and a history.

Of every hundred sidecars one breaches its thresholds; the values are those of a saw-tooth, so
that they compress as real ones do.
"""

import http.server
import multiprocessing
import os
import subprocess
import time

from harness.daemon import free_port, need

SIDECARS = ("proj", "api")
NAMED = {
    "process_fds_matching": ["claude_sessions", "codex_sessions", "sqlite"],
    "go_goroutines_matching": ["fetch_data", "monitor", "tea_cmd"],
    "go_goroutines_matching_blocked": ["fetch_data", "monitor", "tea_cmd"],
    "go_heap_inuse_matching_bytes": ["bufio_scanner", "json_unmarshal", "append", "output_buffer"],
}
LEVELS = {
    "process_resident_memory_bytes": 200 << 20,
    "process_open_fds": 80,
    "process_threads": 30,
    "process_memory_regions": 300,
    "process_fds_same_file_max": 2,
    "go_goroutines": 40,
    "process_pid": 4711,
    "process_pprof_port": 6060,
    "collector_success": 1,
    "collector_status": 0,
    "process_file_locks": 0,
    "process_fds_matching": 5,
    "go_goroutines_matching": 1,
    "go_goroutines_matching_blocked": 0,
    "red_flag": 0,
}
# What rules look back over: the name in Prometheus, its type, whether it counts.
HISTORY = (
    ("collectd_sidecar_process_memory_bytes", "swap", False),
    ("collectd_sidecar_process_open_fds", "", False),
    ("collectd_sidecar_process_start_time_seconds", "", False),
    ("collectd_sidecar_go_goroutines", "", False),
    ("collectd_sidecar_go_goroutines_blocked", "10m", False),
    ("collectd_sidecar_go_memstats_heap_alloc_bytes", "", False),
    ("collectd_sidecar_go_memstats_alloc_bytes_total", "", True),
    ("collectd_sidecar_ps_cputime_user_total", "", True),
    ("collectd_sidecar_ps_cputime_syst_total", "", True),
    ("collectd_sidecar_process_resident_memory_bytes", "", False),
)
DENSE_SECONDS = 75 * 60  # of it as often as it is scraped: longer than the longest window


def labels(host, sidecar, kind):
    kind = ',type="%s"' % kind if kind else ""
    return '{sidecar="%s"%s,instance="host-%d"}' % (sidecar, kind, host)


def level(kind, host, started):
    if kind == "process_start_time_seconds":
        return started
    value = LEVELS.get(kind, 1000)
    return value * 20 if host % 100 == 0 and kind in ("process_open_fds", "go_goroutines") else value


def page(host, metrics, started):
    """The text for str % (counter): counters stand as %(count)d."""
    lines = []
    for metric in metrics:
        kinds = NAMED.get(metric.type, metric.instances) if metric.instances else [""]
        counts = metric.kind != "gauge"
        for name in metric.prometheus_names():
            lines.append("# TYPE %s %s" % (name, "counter" if counts else "gauge"))
            for sidecar in SIDECARS if metric.type != "process_count" else ("sidecar",):
                for kind in kinds:
                    value = "%(count)d" if counts else "%d" % level(metric.type, host, started)
                    lines.append("%s%s %s" % (name, labels(host, sidecar, kind), value))
    return "\n".join(lines) + "\n"


def serve(port, hosts, metrics, started):
    pages = [page(host, metrics, started) for host in range(hosts)]

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            text = pages[int(self.path[1:])] % {"count": (time.time() - started) * 5e4}
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Many(http.server.ThreadingHTTPServer):
        request_queue_size = 1024

        def handle_error(self, *_):
            pass  # a scrape that was given up

    Many(("127.0.0.1", port), Handler).serve_forever()


class Server:
    """The pages, from a process of its own."""

    def __init__(self, hosts, metrics):
        self.hosts, self.port = hosts, free_port()
        self.started = int(time.time()) - 86400 * 3
        text = page(0, metrics, self.started)
        self.series = sum(not line.startswith("#") for line in text.splitlines())
        self.process = multiprocessing.Process(
            target=serve, args=(self.port, hosts, metrics, self.started), daemon=True
        )

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()


# --- history


def times(end, hours):
    """Every minute, and for the last of them every ten seconds."""
    dense = max(end - DENSE_SECONDS, end - int(hours * 3600))
    return list(range(end - int(hours * 3600), dense, 60)) + list(range(dense, end, 10))


def write_history(path, hosts, hours):
    end = int(time.time()) // 10 * 10
    started = end - 86400 * 3
    when = times(end, hours)
    with open(path, "w", encoding="ascii") as file:
        for name, kind, counts in HISTORY:
            # the part of each line behind the labels is the same for all of a family
            if counts:
                tails = [" %d %d\n" % ((at - started) * 50000, at) for at in when]
            else:
                base = level(name.replace("collectd_sidecar_", ""), 1, started)
                swing = 0 if "start_time" in name else max(base // 5, 1)
                tails = [" %d %d\n" % (base + swing * (at // 10 % 7) // 7, at) for at in when]
            for host in range(hosts):
                for sidecar in SIDECARS:
                    head = name + labels(host, sidecar, kind)[:-1] + ',job="collectd"}'
                    file.write("".join([head + tail for tail in tails]))
        file.write("# EOF\n")


def backfill(path, data, hosts, hours):
    """Makes blocks of a history that ends now."""
    write_history(path, hosts, hours)
    command = [need("promtool", "prometheus"), "tsdb", "create-blocks-from", "openmetrics", path, data]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    os.remove(path)
