"""The way to Prometheus: collectd's write_prometheus, scraped by a real Prometheus."""

import subprocess

from harness import procfs
from harness.case import INTERVAL, SidecarCase, metric
from harness.collectd import HOST
from harness.daemon import free_port, need
from harness.prometheus import Prometheus
from harness.target import Target
from harness.wait import Probe, wait_until

SCRAPE_SECONDS = 1
STOCK_NAMES = (
    "go_goroutines",
    "go_memstats_alloc_bytes_total",
    "go_memstats_heap_alloc_bytes",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
)


class Scraped(SidecarCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prometheus = cls.enterClassContext(Prometheus(cls.collectd.port))
        cls.target = cls.enterClassContext(
            Target("e2e-proj", variables={"SIDECAR_PPROF": str(free_port())}, do=["fds regular 40"])
        )

    def query(self, expression, timeout=15):
        """Waits for a non-empty answer."""
        return wait_until(
            "an answer to " + expression, lambda: self.prometheus.query(expression), timeout
        )

    def one(self, expression):
        answer = self.query(expression)
        self.assertEqual(1, len(answer), answer)
        return answer[0]

    def test_accepted(self):
        """Prometheus accepts the page, and promtool can read it"""
        self.one(metric("process_pid") + '{sidecar="e2e-proj"}')
        self.assertEqual([("up", "")], self.prometheus.targets_health())
        done = subprocess.run(
            [need("promtool", "prometheus"), "check", "metrics"],
            input=self.collectd.endpoint.text(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        # 3 is a matter of style, such as a name without a unit
        self.assertIn(done.returncode, (0, 3), done.stdout.decode())
        self.assertNotIn(b"parsing error", done.stdout)

    def test_labels(self):
        """series carry sidecar, type and the host in instance, and nothing is exported_"""
        labels, _ = self.one(metric("process_fds") + '{sidecar="e2e-proj",type="regular"}')
        del labels["__name__"]
        expected = {"sidecar": "e2e-proj", "type": "regular", "instance": HOST, "job": "collectd"}
        self.assertEqual(expected, labels)
        labels, _ = self.one(metric("process_open_fds") + '{sidecar="e2e-proj"}')
        self.assertNotIn("type", labels)

    def test_value(self):
        """the number of open files in Prometheus is that of ls"""
        expression = metric("process_open_fds") + '{sidecar="e2e-proj"}'

        def agree():
            before = procfs.count_descriptors(self.target.pid)
            found = self.one(expression)[1]
            # a request to pprof may be under way, which is a socket more
            if found != before or before != procfs.count_descriptors(self.target.pid):
                raise Probe("%d in Prometheus, %d by ls" % (found, before))
            return True

        wait_until("Prometheus and ls to agree", agree, 10, poll=0.3)

    def test_counters(self):
        """counters end in _total and have a rate"""
        self.target.do("cpu 500")
        self.addCleanup(self.target.do, "stop cpu")
        expression = 'rate(%s{sidecar="e2e-proj"}[5s]) > 0' % metric("ps_cputime_user", derive=True)
        _, rate = wait_until("a rate of CPU time", lambda: self.prometheus.query(expression), 15)[0]
        self.assertLess(rate, 2e6)
        self.one(metric("go_memstats_alloc_bytes", derive=True) + '{sidecar="e2e-proj"}')

    def test_stock_names(self):
        """without our prefix the Go and process metrics have client_golang's names"""
        for name in STOCK_NAMES:
            with self.subTest(name):
                self.one('collectd_sidecar_%s{sidecar="e2e-proj"}' % name)

    def test_gone(self):
        """a sidecar that ended is gone from Prometheus within 3 intervals and a scrape"""
        with Target("brief") as brief:
            self.one(metric("process_pid") + '{sidecar="brief"}')
            self.one(metric("process_fds") + '{sidecar="brief",type="pipe"}')
            brief.kill()
            wait_until(
                "the series to go",
                lambda: not self.prometheus.query('{sidecar="brief"}'),
                3 * INTERVAL + 2 * SCRAPE_SECONDS,
            )
