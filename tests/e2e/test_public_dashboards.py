"""Public Grafana dashboards for Go programs find what they query: the names of client_golang."""

import os

from harness import collectd_config as config
from harness.case import INTERVAL, OK, SidecarCase
from harness.daemon import free_port
from harness.prometheus import SCRAPE, Prometheus
from harness.target import Target
from harness.wait import Probe, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
GRAFANA = os.path.join(HERE, "..", "..", "grafana")
# What the dashboards query, by panel, in the names of client_golang's Go and process collectors.
GO_METRICS = """
    go_memstats_mspan_inuse_bytes go_memstats_mspan_sys_bytes go_memstats_mcache_inuse_bytes
    go_memstats_mcache_sys_bytes go_memstats_buck_hash_sys_bytes go_memstats_gc_sys_bytes
    go_memstats_other_sys_bytes go_memstats_next_gc_bytes go_memstats_heap_alloc_bytes
    go_memstats_heap_sys_bytes go_memstats_heap_idle_bytes go_memstats_heap_inuse_bytes
    go_memstats_heap_released_bytes go_memstats_heap_objects go_memstats_stack_inuse_bytes
    go_memstats_stack_sys_bytes go_memstats_sys_bytes go_memstats_mallocs_total
    go_memstats_frees_total go_memstats_alloc_bytes_total go_memstats_lookups_total
    go_goroutines go_threads go_gc_duration_seconds
"""
GO_PROCESSES = """
    process_resident_memory_bytes process_virtual_memory_bytes process_cpu_seconds_total
    process_open_fds process_max_fds process_start_time_seconds go_goroutines go_threads
    go_memstats_alloc_bytes go_memstats_alloc_bytes_total go_memstats_stack_inuse_bytes
    go_memstats_heap_inuse_bytes go_memstats_last_gc_time_seconds go_gc_duration_seconds
    go_gc_duration_seconds_sum go_gc_duration_seconds_count
"""


def relabelling():
    """The optional part of prometheus.yml, as somebody has it who removed its number signs."""
    with open(os.path.join(GRAFANA, "prometheus", "prometheus.yml"), encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file]
    first = lines.index("    #metric_relabel_configs:")
    part = [lines[first]]
    for line in lines[first + 1 :]:
        if not line.startswith("    #  "):
            break
        part.append(line)
    return "".join("%s\n" % line.replace("#", "", 1) for line in part)


class PublicDashboards(SidecarCase):
    """A Prometheus with the relabel rule and the recording rules."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        variables = {"SIDECAR_PPROF": str(free_port())}
        cls.enterClassContext(Target("shown", variables=variables, do=["heap 10MB", "gc"]))
        rules = os.path.realpath(os.path.join(GRAFANA, "generated", "client_golang_rules.yaml"))
        text = SCRAPE % ("'127.0.0.1:%d'" % cls.collectd.port) + relabelling()
        text += "rule_files: [%r]\n" % rules
        cls.prometheus = cls.enterClassContext(Prometheus(configuration=text))

    @classmethod
    def parts(cls):
        return [config.sidecar(config.young(), detail_interval=INTERVAL)]

    def check(self, names):
        self.wait_for_status("shown", "pprof", OK)

        def probe():
            found = {name: self.query(name) for name in names.split()}
            absent = [name for name, samples in found.items() if not samples]
            if absent:
                raise Probe("without values: " + ", ".join(absent))
            return True

        wait_until("all metrics", probe, 40, poll=0.5)

    def query(self, name):
        return self.prometheus.query('%s{sidecar="shown"}' % name)

    def test_go_metrics(self):
        """dashboard 10826 of grafana.com, Go Metrics: each of its metrics has values"""
        self.check(GO_METRICS)

    def test_go_processes(self):
        """dashboard 6671 of grafana.com, Go Processes: each of its metrics has values"""
        self.check(GO_PROCESSES)

    def test_quantiles(self):
        """the quantiles of pauses have client_golang's label and rise"""
        self.check("go_gc_duration_seconds")
        found = self.query("go_gc_duration_seconds")
        by_quantile = {labels["quantile"]: value for labels, value in found}
        self.assertEqual({"0", "0.25", "0.5", "0.75", "1"}, set(by_quantile))
        rising = [by_quantile[quantile] for quantile in sorted(by_quantile)]
        self.assertEqual(sorted(rising), rising)
        self.assertLess(by_quantile["1"], 10)

    def test_cpu(self):
        """the CPU time is in seconds, below the time that the process has been running"""
        self.check("process_cpu_seconds_total")
        ((_, seconds),) = self.query("process_cpu_seconds_total")
        ((_, age),) = self.prometheus.query('time() - process_start_time_seconds{sidecar="shown"}')
        self.assertLess(0, seconds)
        self.assertLess(seconds, 4 * age)
