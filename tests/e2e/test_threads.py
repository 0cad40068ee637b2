"""What `top -H` shows of a collectd with both plugins."""

import glob
import os

from harness.alerting import node, notify_alertmanager
from harness.daemon import free_port
from harness.red_flags import RedFlagCase
from harness.target import Target

SIDECAR = {"sidecar-reader", "sidecar-pprof", "sidecar-capture", "sidecar-listing"}
ALERTMANAGER = {"alert-sender", "alert-saver"}


def thread_names(pid):
    """{thread: name}"""
    found = {}
    for path in glob.glob("/proc/%d/task/*/comm" % pid):
        with open(path, encoding="utf-8") as file:
            found[int(path.split("/")[4])] = file.read().rstrip("\n")
    return found


class Threads(RedFlagCase):
    @classmethod
    def parts(cls):
        parts = super().parts()
        state = os.path.join(os.path.dirname(cls.folder), "alerts")
        url = "http://127.0.0.1:%d" % free_port()  # nobody is there
        return parts + [notify_alertmanager(node("am", url), StateFile=state)]

    @classmethod
    def collectd_options(cls):
        return {"load": ("sidecar", "notify_alertmanager")}

    def test_names(self):
        """each thread of the plugins has a name of its own"""
        with Target("proj", variables={"SIDECAR_PPROF": str(free_port())}):
            self.bundle("proj", "baseline")
            names = thread_names(self.collectd.pid)
        self.assertEqual(set(), (SIDECAR | ALERTMANAGER) - set(names.values()))
        # all others have one of collectd's, or of a library that it uses
        unnamed = [thread for thread, name in names.items() if name == "collectd"]
        self.assertEqual([self.collectd.pid], unnamed)
