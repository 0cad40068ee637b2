"""The base of the tests of red flags: flags with short times, notifications, captures."""

import glob
import os
import tempfile

from . import collectd_config as config
from .case import SidecarCase, labels, metric
from .notices import Notices
from .wait import Probe, wait_until

# Long windows are for leaks of hours; these are for a test of seconds.
GROWTH = {"Window": 4, "Hold": 16}
# of the user's limit, which may be large
WATCHES_PERCENT = 0.1
LEVELS = (
    "memory_regions fds fds_limit same_file session_files threads goroutines fetch_data_piling "
    "fetch_stuck sqlite_contention sqlite_handles inotify_watches"
).split()


def quick_flags(**settings):
    """The flags with short times: {flag: {option: value}} on top."""
    rules = {flag: {"Hold": 2} for flag in LEVELS}
    rules["inotify_watches"].update(Warning=WATCHES_PERCENT)
    rules["rss"] = {"Hold": 2, "Warning": 150, "Failure": 400}
    for flag in ("rss_growing", "fds_growing", "goroutines_growing", "heap_growing"):
        rules[flag] = dict(GROWTH)
    rules["heap_not_receding"] = {"Hold": 12, "Window": 600, "Warning": 40}
    rules["allocation_rate"] = {"Hold": 8}
    rules["cpu"] = {"Hold": 8, "Warning": 0.1, "Failure": 0.1, "Window": 600}
    for flag, options in settings.items():
        rules.setdefault(flag, {}).update(options)
    return [config.red_flag(flag, **options) for flag, options in rules.items()]


class RedFlagCase(SidecarCase):
    """A collectd whose notifications are recorded and whose captures go to a private folder."""

    options = {}
    flags = {}

    @classmethod
    def parts(cls):
        cls.notices = Notices()
        cls.folder = os.path.join(tempfile.mkdtemp(prefix="captures-"), "captures")
        options = {
            "warm_up": 1,
            "capture": True,
            "capture_folder": cls.folder,
            "baseline_delay": 2,
            "cpu_profile_seconds": 1,
            **cls.options,
        }
        return [
            cls.notices.part(),
            config.sidecar(config.young(), *quick_flags(**cls.flags), **options),
        ]

    def state(self, instance, flag):
        return self.page().value(metric("red_flag"), **labels(instance, flag))

    def wait_for_state(self, instance, flag, state, timeout=30):
        def probe():
            found = self.state(instance, flag)
            if found != state:
                raise Probe("red_flag is %s" % found)
            return True

        wait_until("%s of %s to be %s" % (flag, instance, state), probe, timeout)

    def bundle(self, instance, reason, timeout=30):
        """The newest whole bundle of that reason."""

        def probe():
            found = sorted(glob.glob("%s/%s/*-%s" % (self.folder, instance, reason)))
            if not found:
                raise Probe("there are %s" % glob.glob(self.folder + "/*/*"))
            return found[-1]

        return wait_until("a capture of %s for %s" % (instance, reason), probe, timeout)
