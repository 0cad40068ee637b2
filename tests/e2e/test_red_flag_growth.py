"""Red flags that need time: growth."""

from harness.daemon import free_port
from harness.red_flags import RedFlagCase
from harness.target import Target


class Growth(RedFlagCase):
    """Leaks that go on, all at once."""

    flags = {"heap_growing": {"Warning": 10}, "fds_growing": {"Warning": 10}}

    def test_growth(self):
        """leaks of descriptors, goroutines and heap are seen, named and over when they end"""
        port = free_port()
        with Target("leaky", variables={"SIDECAR_PPROF": str(port)}) as target:
            self.bundle("leaky", "baseline")
            # the garbage makes Go collect more often than every two minutes
            target.do(
                "garbage 80MB/s; leak fds regular 4/s; leak goroutines chan_receive 3/s; "
                "leak heap 2MB/s"
            )
            fds = self.notices.wait_for("leaky", "fds_growing", "warning", 90)
            goroutines = self.notices.wait_for("leaky", "goroutines_growing", "warning", 90)
            heap = self.notices.wait_for("leaky", "heap_growing", "warning", 90)
            self.assertEqual("regular", fds["meta"]["class"])
            self.assertIn("grew by", fds["message"])
            self.assertEqual("chan_receive", goroutines["meta"]["state"])
            self.assertIn("main.leakHeap", heap["meta"]["site_1"])
            self.assertRegex(heap["meta"]["rate"], r" [MG]B/h$")
            target.do("stop leak; stop garbage; release all; gc")
            for flag in ("fds_growing", "goroutines_growing", "heap_growing"):
                self.notices.wait_for("leaky", flag, "okay", 90)

    def test_memory(self):
        """memory that leaks without pprof is seen long before it is much, and over when it is freed"""
        with Target("blind") as target:
            self.wait_for_instances("blind")
            target.do("leak maps anon 4/s size=512KB")
            notice = self.notices.wait_for("blind", "rss_growing", "warning", 90)
            self.assertIn("anonymous memory grew by", notice["message"])
            self.assertRegex(notice["meta"]["rate"], r" [MG]B/h$")
            self.assertIn("anonymous", notice["meta"])
            self.assertNotIn("heap_inuse", notice["meta"])
            self.assertIn("RssAnon", notice["meta"]["next"])
            self.assertEqual([], self.notices.all("blind", "rss"))
            target.do("stop leak; release all")
            self.notices.wait_for("blind", "rss_growing", "okay", 90)
