"""Other Go programs, watched by <Process> blocks: Prometheus, which tells the same of itself, and
programs that serve pprof in ways of their own."""

import re

from harness import collectd_config as config
from harness import procfs
from harness.case import INTERVAL, OK, REFUSED, SidecarCase, labels, metric
from harness.collectd import Collectd
from harness.daemon import free_port
from harness.metrics import Endpoint
from harness.prometheus import Prometheus
from harness.target import Target, curl
from harness.wait import Probe, wait_until

# the same names, because client_golang gave them; how far the two may be apart: relatively,
# and absolutely, for the connection on which it is asked is one of its own descriptors
SAME = {
    "process_resident_memory_bytes": (0.05, 0),
    "process_virtual_memory_bytes": (0.02, 0),
    "process_open_fds": (0, 4),
    "process_max_fds": (0, 0),
    "process_start_time_seconds": (0, 0.02),
    "go_goroutines": (0, 6),
    "go_memstats_heap_sys_bytes": (0.05, 0),
    "go_memstats_sys_bytes": (0.05, 0),
    "go_memstats_heap_inuse_bytes": (0.2, 1 << 20),
    "go_memstats_stack_inuse_bytes": (0.2, 1 << 18),
}


class ItsOwnWords(SidecarCase):
    """What Prometheus says at /metrics about its own process is what we say."""

    @classmethod
    def setUpClass(cls):
        cls.prometheus = Prometheus(configuration="scrape_configs: []\n")
        cls.enterClassContext(cls.prometheus)
        block = config.young("prometheus", pprof_port=cls.prometheus.port)
        cls.collectd = cls.enterClassContext(Collectd(config.sidecar(block), interval=INTERVAL))

    def test_same_names_and_values(self):
        """the metrics that Prometheus's own client also has agree with it in name and value"""
        self.wait_for_status("prometheus", "pprof", OK)
        own = Endpoint("http://127.0.0.1:%d/metrics" % self.prometheus.port)

        def compare():
            ours, theirs = self.page(), own.page()
            for name, (relative, absolute) in SAME.items():
                mine = ours.value(metric(name), **labels("prometheus"))
                real = theirs.value(name)
                if mine is None or abs(mine - real) > relative * real + absolute:
                    raise Probe("%s is %r here and %r there" % (name, mine, real))
            return True

        wait_until("the two to agree", compare, 20, poll=0.3)

    def test_named_after_the_block(self):
        """a program of which only the name is known is called by its block"""
        self.wait_for_pid("prometheus", self.prometheus.pid)
        self.assertEqual(1, self.count("prometheus"))

    def test_descriptors(self):
        """the classes of its descriptors are those of lsof"""
        pid = self.prometheus.pid
        self.assert_agrees(
            lambda: procfs.classes(procfs.open_files(pid)),
            lambda page: page.by_label("type", metric("process_fds"), sidecar="prometheus"),
            self.at_rest(),
            timeout=20,
        )


def total(url):
    """The number of goroutines that the program itself writes."""
    return int(re.match(r"goroutine profile: total (\d+)\n", curl(url)).group(1))


class ItsOwnRoutes(SidecarCase):
    """Where pprof's pages are in other programs."""

    @classmethod
    def setUpClass(cls):
        """Each test has a collectd of its own."""

    def start(self, *flags, **options):
        self.port = free_port()
        variables = {"SHOP_DEBUG": "localhost:%d" % self.port, "SIDECAR_PPROF": str(self.port)}
        self.target = Target("shop", variables=variables, flags=flags)
        self.enterContext(self.target)
        self.target.do("goroutines select 70")
        block = config.young(pprof_variable="SHOP_DEBUG", **options)
        sidecar = config.sidecar(block, detail_interval=INTERVAL)
        self.collectd = self.enterContext(Collectd(sidecar, interval=INTERVAL))

    def check_values(self, path):
        self.wait_for_status("shop", "pprof", OK)
        url = "http://127.0.0.1:%d%s" % (self.port, path)
        self.assertEqual(
            total(url + "goroutine?debug=1"), self.rested("go_goroutines", "shop")
        )
        self.assertGreater(self.value("go_memstats_heap_inuse_bytes", "shop"), 0)
        self.wait_for_status("shop", "goroutines", OK, timeout=20)
        self.assertEqual([], self.log_lines("shop"))

    def test_single_handlers(self):
        """without an index page the count is that of the goroutine profile, and no fault"""
        self.start("-pprof-single")
        self.check_values("/debug/pprof/")

    def test_below_a_prefix(self):
        """PprofPath is the prefix of all pages"""
        self.start("-pprof-prefix", "/api", pprof_path="/api/debug/pprof")
        self.check_values("/api/debug/pprof/")

    def test_below_a_prefix_that_is_not_configured(self):
        """a 404 is refused, and the log line names PprofPath, not another port"""
        self.start("-pprof-prefix", "/api")
        self.wait_for_status("shop", "pprof", REFUSED)
        self.assertEqual([], self.go_values("shop"))
        line = self.wait_for_one_log_line("shop")
        self.assertIn("HTTP status 404", line)
        self.assertIn("PprofPath", line)
        self.assertNotIn("SIDECAR_PPROF", line)
