"""Each option does what its page says."""

import os
import re

from harness import collectd_config as config
from harness.case import CEILING, INTERVAL, OFF, OK, SidecarCase, labels, metric
from harness.collectd import Collectd
from harness.daemon import free_port, private_folder, remove_folder
from harness.hostile import Hostile, process_block
from harness.target import Target, curl
from harness.wait import wait_until


class Options(SidecarCase):
    @classmethod
    def setUpClass(cls):
        """Each test has a collectd of its own."""

    def start(self, *processes, log_level="info", **options):
        self.collectd = self.enterContext(
            Collectd(config.sidecar(*processes, **options), interval=INTERVAL, log_level=log_level)
        )

    def test_detail_interval(self):
        """the detail tier waits for its interval, and comes sooner when the pulse moved a lot"""
        target = self.enterContext(Target("lazy"))
        self.start(config.young(), detail_interval=60)
        before = self.value("process_fds", "lazy", "regular")
        target.do("fds regular 3")
        wait_until(
            "the old count",
            lambda: self.value("process_fds", "lazy", "regular") == before,
            0,
            hold=3 * INTERVAL,
        )
        target.do("fds regular 500")
        wait_until(
            "a new count",
            lambda: self.value("process_fds", "lazy", "regular") == before + 503,
            20,
        )

    def test_end_between_details(self):
        """what is read but once a minute is gone within 3 intervals of the end as well"""
        target = Target("brief", variables={"SIDECAR_PPROF": str(free_port())})
        self.enterContext(target)
        self.start(config.young(), detail_interval=60)
        for name in ("contextswitch", "go_memstats_alloc_bytes"):
            self.value(name, "brief", derive=True)
        self.value("process_fds", "brief", "regular")
        target.kill()
        wait_until(
            "the series of brief to go",
            lambda: not self.page().select(sidecar="brief"),
            3 * INTERVAL + 1,
        )
        self.assertEqual(0, self.count())

    def test_fd_match(self):
        """FdMatch counts open files by a name of one's own, beside the default ones"""
        files = ["fds regular 6 path=logs/app-%d.log", "fds regular 2 path=.codex/sessions/s-%d"]
        self.enterContext(Target("matched", do=files))
        self.start(config.young(), fd_match=[("logs", r"/logs/.*\.log$")])
        self.assertEqual(6, self.value("process_fds_matching", "matched", "logs"))
        self.assertEqual(2, self.value("process_fds_matching", "matched", "codex_sessions"))
        self.assertEqual(0, self.value("process_fds_matching", "matched", "claude_sessions"))

    def test_smaps_ceiling(self):
        """above SmapsMaxRSS smaps is held back, and the status says ceiling"""
        self.enterContext(Target("large", do=["heap 64MB"]))
        self.enterContext(Target("small"))
        self.start(config.young(), smaps_max_rss=32)
        self.wait_for_status("large", "smaps", CEILING)
        self.wait_for_status("small", "smaps", OK)
        page = self.page()
        self.assertEqual([], page.select(metric("process_smaps_bytes"), sidecar="large"))
        self.assertEqual(6, len(page.select(metric("process_smaps_bytes"), sidecar="small")))

    def test_max_processes(self):
        """MaxProcesses bounds how many are watched, and the log says so once"""
        for name in ("one", "two", "three"):
            self.enterContext(Target(name))
        self.start(config.young(), max_processes=2)
        wait_until("two to be watched", lambda: len(self.instances()) == 2, 10)
        wait_until("two", lambda: len(self.instances()) == 2, 0, hold=2 * INTERVAL)
        lines = [line for line in self.complaints() if "MaxProcesses" in line]
        self.assertEqual(1, len(lines), self.collectd.log())

    def test_minimum_age(self):
        """a process younger than MinimumAge is not watched, and then it is"""
        self.start(config.process("sidecar", minimum_age=4))
        target = self.enterContext(Target("youngster"))
        wait_until("nobody", lambda: not self.instances(), 0, hold=2.5)
        self.wait_for_pid("youngster", target.pid)

    def test_enabled(self):
        """Enabled false watches none of a kind"""
        self.enterContext(Target("ignored"))
        self.start(config.young(enabled=False))
        wait_until("nobody", lambda: not self.instances(), 0, hold=3 * INTERVAL)

    def test_command_line(self):
        """CommandLine chooses among processes of one program"""
        chosen = self.enterContext(Target("chosen", do=["fds regular 3"]))
        self.enterContext(Target("other"))
        self.start(config.young(command_line=r"-do fds regular 3$"))
        self.wait_for_instances("chosen")
        self.wait_for_pid("chosen", chosen.pid)

    def test_instance(self):
        """Instance names a process after what it says"""
        target = self.enterContext(Target("folder"))
        self.start(config.young(instance="%{process}.%{cwd}.%{pid}"))
        self.wait_for_instances("sidecar.folder.%d" % target.pid)

    def test_two_blocks(self):
        """each <Process> block has its own processes and its own count"""
        self.enterContext(Target("mine", do=["fds pipe 2"]))
        self.enterContext(Target("yours"))
        self.start(
            config.young("piped", executable="sidecar", command_line="fds pipe", instance="%{cwd}"),
            config.young(),
        )
        self.wait_for_instances("mine", "yours")
        self.assertEqual(1, self.count("piped"))
        self.assertEqual(1, self.count("sidecar"))

    def test_pprof_off(self):
        """Pprof false asks no port"""
        port = str(free_port())
        self.enterContext(Target("unasked", variables={"SIDECAR_PPROF": port}))
        self.start(config.young(pprof=False))
        self.wait_for_status("unasked", "pprof", OFF)
        self.assertEqual([], self.go_values("unasked"))

    def test_pprof_variable(self):
        """PprofVariable names the variable that holds the port"""
        port = str(free_port())
        self.enterContext(Target("renamed", variables={"SIDECAR_PPROF": port, "OTHER_PPROF": port}))
        self.start(config.young(pprof_variable="OTHER_PPROF"))
        self.wait_for_status("renamed", "pprof", OK)

    def test_pprof_max_bytes(self):
        """PprofMaxSize limits what a capture keeps, not what is read for metrics"""
        port = str(free_port())
        stacks = self.enterContext(
            Target("stacks", variables={"SIDECAR_PPROF": port}, do=["stacks 9000"])
        )
        page = curl("http://127.0.0.1:%s/debug/pprof/heap?debug=1" % port)
        self.assertGreater(len(page), 16 << 20)
        self.start(config.young(), pprof_max_bytes=65536)
        self.wait_for_status("stacks", "pprof", OK)
        self.sample("go_memstats_heap_inuse_bytes", "stacks", timeout=30)
        self.sample("go_heap_inuse_matching_bytes", "stacks", "json_unmarshal", timeout=30)
        self.assertEqual([], self.log_lines("stacks", stacks.pid))

    def test_budget(self):
        """within the default PprofBudget all values come, at an interval that is told"""
        target = self.enterContext(
            Target("frugal", variables={"SIDECAR_PPROF": str(free_port())}, do=["stacks 500"])
        )
        self.start(config.young(), pprof_budget=0.1)
        for name, kind in (
            ("go_goroutines", None),
            ("go_memstats_heap_inuse_bytes", None),
            ("go_heap_inuse_matching_bytes", "json_unmarshal"),
            ("go_goroutines_state", "chan_receive"),
        ):
            self.sample(name, "frugal", kind, timeout=60)
        # they were configured to come each second, and a page costs more than a millisecond
        self.assertGreater(self.value("pprof_interval_seconds", "frugal", "heap"), 2)
        self.wait_for_status("frugal", "pprof", OK)
        self.assertEqual([], self.log_lines("frugal", target.pid))

    def test_too_long(self):
        """an answer longer than any of a Go program is given up, and the status says ceiling"""
        self.enterContext(Hostile("gigabyte"))
        self.start(process_block())
        self.wait_for_status("gigabyte", "pprof", CEILING)
        self.assertIn("status 8", self.wait_for_one_log_line("gigabyte"))

    def test_summary(self):
        """Summary true says a line for each process and interval, with what is out of range"""
        port = str(free_port())
        busy = self.enterContext(
            Target(
                "busy",
                variables={"SIDECAR_PPROF": port},
                do=["fds regular 200", "goroutines select 80"],
            )
        )
        self.enterContext(Target("calm"))
        self.start(config.young(), summary=True)
        self.wait_for_status("busy", "pprof", OK)
        wait_until("five lines", lambda: len(self.summaries("busy", busy.pid)) >= 5, 15)
        line = self.summaries("busy", busy.pid)[-1]
        for word in ("RSS", "FDs", "threads", "goroutines", "heap in use", "HIGH"):
            self.assertIn(word, line)
        self.assertRegex(line, r"FDs +2\d\d\b")
        self.assertTrue(self.summaries("calm", r"\d+"))

    def summaries(self, instance, pid):
        return re.findall(
            r".*\[info\].*\b%s\b.*\bpid %s\b.*RSS.*" % (instance, pid), self.collectd.log()
        )

    def test_nobody_runs(self):
        """with Summary true and no sidecar the log says that none runs"""
        self.start(config.young(), summary=True)
        wait_until(
            "a word about it",
            lambda: re.search(
                r"(?i)\bno\b.*\bsidecar\b|\bsidecar\b.*\b(not|no|none)\b", self.collectd.log()
            ),
            10,
        )

    def test_proc_root(self):
        """a ProcRoot that is no process table: a line in the log, and the daemon goes on"""
        self.start(config.young(), proc_root="/nowhere", log_level="info")
        wait_until("a complaint", lambda: any("/nowhere" in line for line in self.complaints()), 10)
        self.assertTrue(self.collectd.running)
        self.assertEqual([], self.page().select(metric("process_pid"), **labels("sidecar")))

    def types_db(self, *lines):
        """The option that adds a file of types; the last definition of a type counts."""
        folder = private_folder("types")
        self.addCleanup(remove_folder, folder)
        path = os.path.join(folder, "types.db")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
        return config.option("TypesDB", path)

    def test_types_of_another_meaning(self):
        """types of our names that a TypesDB has with other sources: a line each, the rest is sent"""
        self.enterContext(Target("typed"))
        types = self.types_db(
            "process_fds value:GAUGE:0:U, other:GAUGE:0:U",
            "process_threads value:DERIVE:0:U",
            "process_max_fds count:GAUGE:0:U",
            "ps_pagefaults minflt:DERIVE:0:U",
            "process_open_fds value:GAUGE:0:U",
        )
        self.collectd = self.enterContext(
            Collectd(types, config.sidecar(config.young()), interval=INTERVAL)
        )
        for _ in range(3):
            self.value("process_open_fds", "typed", after=self.at_rest())
        for name in ("process_fds", "process_max_fds"):
            self.assertEqual([], self.page().select(metric(name)))
        self.assertEqual([], self.page().select(metric("process_threads", derive=True)))
        errors = re.findall(r".*\[error\] (?!write_prom).*", self.collectd.log())
        self.assertEqual(4, len(errors), "\n".join(errors))
        for name in ("process_fds", "process_threads", "process_max_fds", "ps_pagefaults"):
            (line,) = [line for line in errors if "type %s " % name in line]
            self.assertRegex(line, r"sidecar plugin: .*TypesDB.*not sent.*Remove the line")

    def test_no_stock_types(self):
        """without collectd's own types.db: a line for each type that it has not, the rest is sent"""
        self.enterContext(Target("bare"))
        types = self.types_db("gauge value:GAUGE:U:U")

        class Bare(Collectd):
            def configuration(self):
                stock = config.option("TypesDB", "/usr/share/collectd/types.db")
                return super().configuration().replace(stock, types)

        self.collectd = self.enterContext(
            Bare(config.sidecar(config.young()), interval=INTERVAL)
        )
        for _ in range(3):
            self.value("process_fds", "bare", "regular", after=self.at_rest())
        log = self.collectd.log()
        self.assertNotIn("Dataset not found", log)
        for name in ("ps_cputime", "ps_pagefaults", "ps_disk_octets", "contextswitch"):
            self.assertEqual(1, len(re.findall("type %s: its values are not sent" % name, log)))
