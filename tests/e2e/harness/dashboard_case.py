"""What the tests of the dashboards stand on: sidecars that have something of every metric."""

import time

from harness.case import SidecarCase
from harness.daemon import free_port
from harness.dashboards import STEP, dashboards, queries, unanswered
from harness.target import Target
from harness.wait import Probe, wait_until

# Holds something of what is otherwise absent rather than 0: matches of heap and stacks, locks.
HELD = [
    "fds regular 30 path=.claude/projects/p/%d.jsonl",
    "heap 8MB via=scanner",
    "goroutines chan_receive 4 as=fetchData",
    "locks posix 1",
    "garbage 1MB/s",
    "gc",
]
# Parts of queries that may have no answer, and why.
MAY_BE_EMPTY = {
    "sidecar:red_flag:up": "no red flag is up",
    "currentAbove(": "no red flag is up",
    "maximumAbove(": "no red flag is up",
    "[$__range] @ end())": "no red flag is up",
    ") == 0": "a red flag is up",
    "unless on ()": "a red flag is up",
    " offset 30m": "growth takes 90 minutes; the made-up fleet has it",
    "removeBelowValue(groupByNodes(group(": "growth takes 90 minutes; the made-up fleet has it",
    "removeBelowValue(sumSeries(offset(movingMin(": "growth takes 90 minutes; the made-up fleet has it",
    "'nothing up'": "a red flag is up",
    "go_goroutines_leaked": "Go 1.27 and later",
}


class DashboardCase(SidecarCase):
    """One sidecar runs all the time; for the annotations `gone` has ended, and `again` restarted."""

    sidecar = "proj"

    @classmethod
    def start_targets(cls):
        cls.target = cls.enterClassContext(
            Target(cls.sidecar, variables={"SIDECAR_PPROF": str(free_port())}, do=HELD)
        )

    def episode(self):
        """A sidecar that comes, stays for more than a step of the queries, and goes; and one that
        comes again."""
        for name in ("gone", "again"):
            with Target(name):
                self.sample("process_pid", name, after=time.time() + STEP + 1, timeout=STEP + 15)
            self.wait_for_instances(self.sidecar)
        self.enterContext(Target("again"))

    def all_answered(self, back_end, source, panels_only=False, timeout=40):
        """Waits until every query has an answer, but those that may have none."""
        asked = [
            query
            for query in queries(back_end)
            if not any(part in query.text for part in MAY_BE_EMPTY)
            and not (panels_only and query.kind == "annotation")
        ]
        self.assertGreater(len(asked), 60)
        wait_until("answers", lambda: unanswered(asked, source), timeout, poll=1)

    def parts_add_up(self, back_end, source):
        """The stack of four parts reaches to RSS. The parts are not read at one moment."""
        (panel,) = [
            panel
            for dashboard in dashboards(back_end)
            for panel in dashboard.panels()
            if panel["title"] == "Leak, cgo or mmap, or retained?"
        ]
        asked = [q for q in queries(back_end) if q.target in panel["targets"]]

        def probe():
            last = [source.answer(query)[0][1][-1] for query in asked]
            if abs(sum(last[:-1]) - last[-1]) > 0.1 * last[-1]:
                raise Probe("the parts are %r and RSS is %r" % (last[:-1], last[-1]))
            return True

        wait_until("the parts to add up", probe, 30, poll=1)
