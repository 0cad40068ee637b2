"""A collectd without privileges, and single files that it may not read."""

import os
import subprocess

from harness import namespace
from harness.case import DENIED, OK, SidecarCase, labels, metric
from harness.collectd import Collectd
from harness.daemon import need, private_folder, remove_folder
from harness.target import Target

ANYBODY = 65534
HIDE = "mount --make-rprivate / && mount -t proc -o hidepid=2 proc /proc"
PULSE = (
    ("process_resident_memory_bytes", None),
    ("process_open_fds", None),
    ("process_threads", None),
)
DESCRIPTORS = (("process_fds", "regular"), ("process_fds_same_file_max", None))
SMAPS = (("process_smaps_bytes", "pss"),)
REGIONS = (("process_memory_regions", None),)
OCTETS = (("ps_disk_octets_read_total", None), ("ps_disk_octets_write_total", None))


def as_anybody(*capabilities):
    """A command that starts another as nobody, with these capabilities at most."""
    kept = ",".join(["-all"] + ["+" + name for name in capabilities])
    user = str(ANYBODY)
    command = [need("setpriv", "util-linux"), "--reuid", user, "--regid", user, "--clear-groups"]
    return command + ["--inh-caps", kept, "--ambient-caps", kept, "--bounding-set", kept]


class Unprivileged(Collectd):
    """Its folder belongs to the user it will be."""

    def prepare(self):
        super().prepare()
        for path in (self.folder, self.path("base"), self.path("collectd.conf")):
            os.chown(path, ANYBODY, ANYBODY)


class OfAnybody(Target):
    """A target of the same user as that collectd, who may read all of it."""

    def __init__(self, instance, **options):
        super().__init__(instance, prefix=as_anybody(), **options)

    def prepare(self):
        super().prepare()
        os.chmod(self.folder, 0o755)
        for path in (self.folder, self.path("held"), self.path(self.instance)):
            os.chown(path, ANYBODY, ANYBODY)


class Permissions(SidecarCase):
    @classmethod
    def setUpClass(cls):
        """Each test has a collectd of its own."""

    def setUp(self):
        tried = subprocess.run(as_anybody() + ["true"], stderr=subprocess.DEVNULL, check=False)
        if tried.returncode != 0:
            self.skipTest("needs root, to run collectd as somebody else")

    def start_collectd(self, *capabilities, behind=()):
        self.collectd = self.enterContext(
            Unprivileged(*self.parts(), prefix=list(behind) + as_anybody(*capabilities))
        )

    def check(self, name, denied=(), absent=(), present=()):
        """What is missing, what is not, what the statuses and the log say."""
        self.wait_for_instances(name)
        for collector in denied:
            self.wait_for_status(name, collector, DENIED)
        after = self.at_rest()
        for type_name, kind in present:
            self.collectd.endpoint.sample(metric(type_name), 10, after, **labels(name, kind))
        page = self.assert_healthy_page()
        for type_name, _ in absent:
            self.assertEqual([], page.select(metric(type_name), sidecar=name))
        for collector in denied:
            self.assertEqual(
                0, page.value(metric("collector_success"), **labels(name, collector)), collector
            )
        lines = self.log_lines(name)
        self.assertEqual(1 if denied else 0, len(lines), "one cause, one line:\n" + "\n".join(lines))
        for line in lines:
            self.assertIn("CAP_", line, "no remedy")

    def test_nothing_allowed(self):
        """without privileges a sidecar of root has its pulse, and statuses that say why"""
        # The working directory is closed as well: the program's name has to do.
        with Target("private", variables={"SIDECAR_PPROF": "1"}):
            self.start_collectd()
            self.check(
                "sidecar",
                denied=("descriptors", "smaps", "pprof"),
                absent=DESCRIPTORS + SMAPS + REGIONS + OCTETS,
                present=PULSE,
            )
            self.assertEqual([], self.go_values("sidecar"))

    def test_hidden(self):
        """behind a /proc that hides other users' processes (hidepid=2) they are not there"""
        hide = ["unshare", "--mount", "sh", "-c", HIDE + ' && exec "$@"', "sh"]
        if subprocess.run(hide + ["true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            self.skipTest("no mount namespaces here")
        with Target("private"), OfAnybody("mine"):
            self.start_collectd(behind=hide)
            self.check("mine", present=PULSE + DESCRIPTORS + SMAPS + REGIONS)
            self.assertEqual({"mine"}, set(self.instances()))
            self.assertEqual([], self.complaints())

    def test_beside_one_that_is_closed(self):
        """beside a sidecar that may not be read another has all its values, and no complaint"""
        with Target("private"), OfAnybody("mine"):
            self.start_collectd()
            self.wait_for_instances("sidecar", "mine")
            self.wait_for_status("sidecar", "descriptors", DENIED)
            self.assertEqual([], self.page().select(metric("process_fds"), sidecar="sidecar"))
            after = self.at_rest()
            for type_name, kind in PULSE + DESCRIPTORS + SMAPS + REGIONS:
                self.sample(type_name, "mine", kind, after=after)
            self.assertEqual([], self.log_lines("mine"))

    def test_ptrace_only(self):
        """with CAP_SYS_PTRACE alone what only the owner may open is missing: fd, io, environ"""
        with Target("traced"):
            self.start_collectd("sys_ptrace")
            self.check(
                "traced",
                denied=("process", "descriptors", "pprof"),
                absent=DESCRIPTORS + OCTETS,
                present=PULSE + SMAPS + REGIONS,
            )
            for line in self.log_lines("traced"):
                self.assertIn("CAP_DAC_READ_SEARCH", line, "it has the other one already")

    def test_both_capabilities(self):
        """with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH nothing is missing"""
        with Target("open"):
            self.start_collectd("sys_ptrace", "dac_read_search")
            self.check("open", present=PULSE + DESCRIPTORS + SMAPS + REGIONS + OCTETS)
            for collector in ("process", "descriptors", "smaps"):
                self.wait_for_status("open", collector, OK)

    def test_same_user(self):
        """a collectd of the same user needs no privileges at all"""
        with OfAnybody("mine"):
            self.start_collectd()
            self.check("mine", present=PULSE + DESCRIPTORS + SMAPS + REGIONS + OCTETS)

    # --- each file alone

    def hide(self, path):
        """Covers a file or folder by one that only root may read."""
        if not namespace.inside():
            self.skipTest("needs a mount namespace of its own")
        covers = private_folder("covers")
        self.addCleanup(remove_folder, covers)
        cover = os.path.join(covers, "cover")
        if os.path.isdir(path):
            os.mkdir(cover, 0)
        else:
            os.close(os.open(cover, os.O_CREAT | os.O_WRONLY, 0))
        subprocess.run(["mount", "--bind", cover, path], check=True, timeout=10)
        unmount = ["umount", "-l", path]
        self.addCleanup(subprocess.run, unmount, stderr=subprocess.DEVNULL, check=False, timeout=10)

    def check_alone(self, entry, **expected):
        with OfAnybody("alone", variables={"SIDECAR_PPROF": "6061"}) as target:
            self.hide("/proc/%d/%s" % (target.pid, entry))
            self.start_collectd()
            self.check("alone", **expected)
            return self.page()

    def test_no_fd(self):
        """without permission for fd/ only what needs the descriptors' names is missing"""
        self.check_alone(
            "fd",
            denied=("descriptors", "pprof"),  # the port's ownership cannot be proved either
            absent=DESCRIPTORS,
            present=(PULSE[0], PULSE[2]) + SMAPS + REGIONS + OCTETS,
        )

    def test_no_io(self):
        """without permission for io only the disk octets are missing"""
        self.check_alone(
            "io",
            denied=("process",),
            absent=OCTETS,
            present=PULSE + DESCRIPTORS + SMAPS + REGIONS,
        )
        (line,) = self.log_lines("alone")
        self.assertRegex(line, r"/proc/\d+/io cannot be read")

    def test_no_smaps_rollup(self):
        """without permission for smaps_rollup only its values are missing"""
        self.check_alone(
            "smaps_rollup",
            denied=("smaps",),
            absent=SMAPS,
            present=PULSE + DESCRIPTORS + REGIONS + OCTETS,
        )

    def test_no_environ(self):
        """without permission for environ only the Go values are missing"""
        self.check_alone(
            "environ",
            denied=("pprof",),
            absent=(("go_goroutines", None), ("go_memstats_heap_alloc_bytes", None)),
            present=PULSE + DESCRIPTORS + SMAPS + REGIONS + OCTETS,
        )
