"""What the plugin sends of a few sidecars in some hours, as functions of time.

Names of metrics, their type instances and whether they are counters come from the table that
`make tables` writes into README.md, the red flags from generated/red_flags.json. A metric of the
table for which no sidecar here has a value is an error, and so is a value that no metric has.
"""

import importlib.util
import json
import math
import os
import re

from harness.installation import SOURCE

_spec = importlib.util.spec_from_file_location(
    "agreement", os.path.join(SOURCE, "tests", "agreement", "agreement.py")
)
agreement = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(agreement)

HOURS = 6.1  # of history
INTERVAL = 10  # collectd's, and Prometheus's scrape_interval
DETAIL = 60  # what the detail tier reads
MB = 1024 * 1024


# --- the tables


class Metric:
    """A name of README.md's table: as write_prometheus makes it, without the prefix."""

    def __init__(self, name, instances, tier):
        self.name, self.instances = name, instances
        self.is_counter = name.endswith("_total")
        self.is_detail = tier == "detail"

    def graphite(self, instance):
        """TYPE[-INSTANCE][.SOURCE], as write_graphite makes it."""
        name, source = self.name[: -len("_total")] if self.is_counter else self.name, None
        for kind, sources in agreement.Metric.SOURCES.items():
            if name in ["%s_%s" % (kind, one) for one in sources]:
                name, source = kind, name[len(kind) + 1 :]
        return name + ("-" + instance if instance else "") + ("." + source if source else "")


def metrics():
    """All of them. The patterns' names are those that the sample configuration shows."""
    _, text, _ = agreement.region(agreement.read(agreement.README), *agreement.README_MARKS)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    found = []
    for names, instances, _, tier, _ in [row for row in rows if len(row) == 5][2:]:
        instances = instances.split()
        if instances[:1] == ["(your"]:
            option = agreement.NAMED_BY[names]
            sample = agreement.read(agreement.SAMPLE)
            instances = re.findall(r'^#? *%s "(\w+)"' % option, sample, re.MULTILINE)
        found += [Metric(name, instances or [None], tier) for name in names.split("<br>")]
    return found


FLAGS = json.loads(agreement.read(agreement.FLAGS))


# --- the sidecars


def saw_tooth(t, floor, height, period=130):
    """A heap between two collections; the detail tier sees it once a minute."""
    return floor + height * (t % period) / period


class Sidecar:
    """A healthy one; the classes below say what is different. t: seconds since the begin."""

    has_pprof = True
    begins, ends = 0, math.inf

    def __init__(self, host, name, pid=4711):
        self.host, self.name, self.pid = host, name, pid

    # What grows or is high in some of them.
    fds = staticmethod(lambda t: 22 + round(2 * math.sin(t / 900)))
    leaked_files = staticmethod(lambda t: 0)
    heap_floor = staticmethod(lambda t: 20 * MB)
    goroutines = staticmethod(lambda t: 36)
    cores = 0.03
    flags = {}  # name: function of t; the others are 0

    def values(self):
        """{metric or metric/instance: function of t}"""
        allocated = lambda t: saw_tooth(t, self.heap_floor(t), 14 * MB)
        in_use = lambda t: allocated(t) + 3 * MB
        from_system = lambda t: self.heap_floor(t) + 44 * MB
        idle = lambda t: from_system(t) - in_use(t)
        released = 20 * MB
        stacks = lambda t: 1 * MB + 4096 * self.goroutines(t)
        rss = lambda t: 28 * MB + from_system(t) - released + stacks(t)
        files = lambda t: 8 + self.leaked_files(t)
        fds = lambda t: self.fds(t) + self.leaked_files(t)
        values = {
            "process_resident_memory_bytes": rss,
            "process_virtual_memory_bytes": 1700 * MB,
            "process_resident_memory_peak_bytes": lambda t: rss(t) + 5 * MB,
            "process_memory_bytes/anon": lambda t: rss(t) - 18 * MB,
            "process_memory_bytes/file": 18 * MB,
            "process_memory_bytes/shmem": 0,
            "process_memory_bytes/swap": 0,
            "process_smaps_bytes/pss": lambda t: rss(t) - 4 * MB,
            "process_smaps_bytes/private_clean": 9 * MB,
            "process_smaps_bytes/private_dirty": lambda t: rss(t) - 20 * MB,
            "process_smaps_bytes/lazyfree": 0,
            "process_smaps_bytes/swap_pss": 0,
            "process_smaps_bytes/footprint": lambda t: rss(t) - 6 * MB,
            "process_memory_regions": 104,
            "process_threads": 12,
            "process_open_fds": fds,
            "process_max_fds": 1048576,
            "process_open_fds_ratio": lambda t: fds(t) / 1048576,
            "process_start_time_seconds": lambda t: self.origin + self.begins - 86400,
            "process_pid": self.pid,
            "process_pprof_port": 6060 + self.pid % 10,
            "process_fds/regular": files,
            "process_fds/directory": 1,
            "process_fds/pipe": 4,
            "process_fds/socket": 2,
            "process_fds/inotify": 5,
            "process_fds/eventpoll": 1,
            "process_fds/eventfd": 1,
            "process_fds/device": 3,
            "process_fds/other": 0,
            "process_fds_deleted": 0,
            "process_fds_same_file_max": lambda t: 1 + self.leaked_files(t),
            "process_fds_duplicate": lambda t: 2 + self.leaked_files(t),
            "process_fds_same_database_max": 2,
            "process_fds_matching/claude_sessions": lambda t: 3 + self.leaked_files(t),
            "process_fds_matching/codex_sessions": 1,
            "process_fds_matching/sqlite": 5,
            "process_inotify_watches": 84,
            "process_inotify_watches_ratio": 84 / 65536,
            "process_file_locks/held": 3,
            "process_file_locks/foreign": 1,
            "process_file_locks/contended": 0,
            "ps_cputime_user_total": lambda t: 1e6 * self.cores * 0.8 * t,
            "ps_cputime_syst_total": lambda t: 1e6 * self.cores * 0.2 * t,
            "ps_pagefaults_minflt_total": lambda t: 7 * t,
            "ps_pagefaults_majflt_total": 12,
            "ps_disk_octets_read_total": lambda t: 200 * t,
            "ps_disk_octets_write_total": lambda t: 3000 * t,
            "process_children_cpu_microseconds_total": lambda t: 2e3 * t,
            "contextswitch_total": lambda t: 400 * t,
            "collector_success": 1,
            "collector_status": 0,
            "collector_duration_seconds": 0.004,
        }
        go = {
            "go_goroutines": self.goroutines,
            "go_goroutines_state": 1,
            "go_goroutines_state/chan_receive": lambda t: self.goroutines(t) - 24,
            "go_goroutines_state/select": 12,
            "go_goroutines_state/io_wait": 4,
            "go_goroutines_blocked/1m": 20,
            "go_goroutines_blocked/10m": 18,
            "go_goroutines_blocked/1h": 14,
            "go_goroutines_leaked": 0,
            "go_goroutines_matching/fetch_data": 0,
            "go_goroutines_matching/monitor": 6,
            "go_goroutines_matching/tea_cmd": 9,
            "go_goroutines_matching_blocked/fetch_data": 0,
            "go_goroutines_matching_blocked/monitor": 0,
            "go_goroutines_matching_blocked/tea_cmd": 7,
            "go_memstats_heap_alloc_bytes": allocated,
            "go_memstats_heap_inuse_bytes": in_use,
            "go_memstats_heap_idle_bytes": idle,
            "go_memstats_heap_released_bytes": released,
            "go_memstats_heap_sys_bytes": from_system,
            "go_memstats_heap_objects": lambda t: allocated(t) / 80,
            "go_memstats_stack_inuse_bytes": stacks,
            "go_memstats_stack_sys_bytes": stacks,
            "go_memstats_mspan_inuse_bytes": 0.3 * MB,
            "go_memstats_mspan_sys_bytes": 0.4 * MB,
            "go_memstats_mcache_inuse_bytes": 9600,
            "go_memstats_mcache_sys_bytes": 15600,
            "go_memstats_buck_hash_sys_bytes": 1.5 * MB,
            "go_memstats_gc_sys_bytes": 3 * MB,
            "go_memstats_other_sys_bytes": MB,
            "go_memstats_lookups_total": 0,
            "go_memstats_sys_bytes": lambda t: from_system(t) + 12 * MB,
            "go_memstats_next_gc_bytes": lambda t: 2 * self.heap_floor(t),
            "go_memstats_last_gc_time_seconds": lambda t: self.origin + t - t % 130,
            "go_gc_cpu_fraction": 0.0004,
            "go_memstats_alloc_bytes_total": lambda t: 0.5 * MB * t,
            "go_memstats_mallocs_total": lambda t: 5000 * t,
            "go_memstats_frees_total": lambda t: 5000 * t,
            "go_gc_cycles_total": lambda t: t // 130,
            "go_gc_pause_nanoseconds_total": lambda t: 60000 * (t // 130),
            "go_gc_duration_seconds": 60e-6,
            "pprof_interval_seconds": 60,
            "go_heap_inuse_matching_bytes": 0.3 * MB,
        }
        if self.has_pprof:
            values.update(go)
        else:
            del values["process_pprof_port"]
            values["collector_status/pprof"] = values["collector_status/goroutines"] = 1  # off
            values["collector_success/pprof"] = values["collector_success/goroutines"] = None
            values["collector_duration_seconds/pprof"] = None
            values["collector_duration_seconds/goroutines"] = None
        for flag in FLAGS:
            needs_go = (flag["metric"] or flag["name"]).startswith(("go_", "heap_"))
            known = self.has_pprof or not needs_go
            values["red_flag/" + flag["name"]] = self.flags.get(flag["name"], 0) if known else None
        return values

    def up(self, level, t):
        """The names of the flags that are up at that time."""
        if not self.begins <= t < self.ends:
            return []
        return [name for name, value in self.flags.items() if call(value, t) >= level]


class Leaking(Sidecar):
    """A leak of file descriptors: one session file is opened again and again."""

    leaked_files = staticmethod(lambda t: 20 + int(t / 14))  # 280 an hour
    flags = {
        "fds": lambda t: 2 if t > 13720 else 1 if t > 2520 else 0,
        "fds_growing": lambda t: 1 if t > 1800 else 0,
        "same_file": lambda t: 2 if t > 420 else 1,
        "session_files": lambda t: 2 if t > 13500 else 1 if t > 1100 else 0,
    }


class Growing(Sidecar):
    """A leak of the heap, 30 MB an hour, and of goroutines: three warnings."""

    heap_floor = staticmethod(lambda t: 20 * MB + 30 * MB * t / 3600)
    goroutines = staticmethod(lambda t: 36 + int(t / 360))  # 10 an hour
    flags = dict.fromkeys(
        ("rss_growing", "heap_growing", "goroutines_growing"), lambda t: 1 if t > 5400 else 0
    )


class Busy(Sidecar):
    """One failure, and nothing else."""

    cores = 1.4
    flags = {"cpu": lambda t: 2 if t > 7200 else 0}


class WithoutPprof(Sidecar):
    has_pprof = False


class Ended(Leaking):
    """It was sick when it ended, two hours before the end."""

    ends = (HOURS - 2) * 3600 // DETAIL * DETAIL


CALM = Sidecar("build-1", "notes", 4890)
SICK = Leaking("dev.example.org", "api", 5122)
GROWING = Growing("build-1", "docs", 6003)
BUSY = Busy("build-2", "crawler", 7124)
WITHOUT_PPROF = WithoutPprof("build-2", "website", 8235)
ENDED = Ended("build-1", "gone", 9346)
# More than the worst five of anything.
OTHERS = [Sidecar("build-2", "tools", 1357), Sidecar("dev.example.org", "web", 2468)]
MIXED = [CALM, SICK, GROWING, BUSY, WITHOUT_PPROF, ENDED] + OTHERS
QUIET = [
    Sidecar("quiet-1", "notes", 101),
    Sidecar("quiet-1", "api", 102),
    Sidecar("quiet-2", "tax", 103),
]
# Each fleet is a job of Prometheus's, and a prefix of write_graphite's.
FLEETS = {"mixed": MIXED, "quiet": QUIET}


BLOCK = "sidecar"  # the <Process> block, whose name the values of all its processes have


# --- their series


def call(value, t):
    return value(t) if callable(value) else value


class Series:
    """One series: `points` [(seconds since the begin, value)]; counters as they are counted."""

    def __init__(self, fleet, host, plugin_instance, metric, instance, points):
        self.fleet, self.host, self.plugin_instance = fleet, host, plugin_instance
        self.metric, self.instance, self.points = metric, instance, points

    def prometheus(self):
        labels = {"instance": self.host, "job": self.fleet, "sidecar": self.plugin_instance}
        if self.instance:
            labels["type"] = self.instance
        text = ",".join('%s="%s"' % label for label in labels.items())
        return "collectd_sidecar_%s{%s}" % (self.metric.name, text)

    def graphite(self):
        """Its path. No name here has a character that write_graphite would replace but the dot."""
        host, name = (part.replace(".", "_") for part in (self.host, self.plugin_instance))
        return "%s.%s.sidecar-%s.%s" % (self.fleet, host, name, self.metric.graphite(self.instance))

    def stored(self):
        """The points as Graphite gets them: counters as rates (StoreRates)."""
        if not self.metric.is_counter:
            return self.points
        pairs = zip(self.points, self.points[1:])
        return [(t, (value - before) / (t - at)) for (at, before), (t, value) in pairs]


def all_series(origin, seconds):
    """Every series of both fleets; `origin` is the begin in seconds since the epoch."""
    known = metrics()
    times = range(0, seconds + 1, INTERVAL)
    for fleet, sidecars in FLEETS.items():
        for sidecar in sidecars:
            sidecar.origin = origin
            values, used = sidecar.values(), set()
            mine = [t for t in times if sidecar.begins <= t < sidecar.ends]
            for metric in known:
                for instance in metric.instances:
                    keys = ["%s/%s" % (metric.name, instance), metric.name]
                    found = [key for key in keys if key in values]
                    used.update(found)
                    if not found or values[found[0]] is None:
                        continue
                    value = values[found[0]]
                    step = DETAIL if metric.is_detail else INTERVAL
                    points = [(t, call(value, t // step * step)) for t in mine]
                    yield Series(fleet, sidecar.host, sidecar.name, metric, instance, points)
            assert used == set(values), "no metric is called %s" % sorted(set(values) - used)
        for host in sorted({sidecar.host for sidecar in sidecars}):
            there = [s for s in sidecars if s.host == host]
            count = lambda t, there=there: sum(1 for s in there if s.begins <= t < s.ends)
            of_block = {"process_count": count, "process_short_lived_total": 0}
            for metric in known:
                if metric.name in of_block:
                    points = [(t, call(of_block[metric.name], t)) for t in times]
                    yield Series(fleet, host, BLOCK, metric, None, points)
    sent = {key.split("/")[0] for key in CALM.values()} | set(of_block)
    missing = {metric.name for metric in known} - sent
    assert not missing, "no sidecar here sends %s" % sorted(missing)
