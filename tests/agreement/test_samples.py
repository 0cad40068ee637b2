"""collectd itself accepts the sample configuration, as it stands and uncommented."""

import os
import shutil
import subprocess
import tempfile
import unittest

import agreement

SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def start_once(configuration):
    """Has collectd load it and read once; returns (exit status, all it said)."""
    folder = tempfile.mkdtemp(prefix="samples-")
    try:
        path = os.path.join(folder, "collectd.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                'BaseDir "%s"\nPIDFile "%s/pid"\nFQDNLookup false\n'
                "LoadPlugin logfile\n"
                "<Plugin logfile>\n  File stderr\n  PrintSeverity true\n</Plugin>\n"
                'LoadPlugin csv\n<Plugin csv>\n  DataDir "%s/values"\n</Plugin>\n'
                'PluginDir "%s/.libs"\n%s'
                % (folder, folder, folder, agreement.BUILD, configuration)
            )
        done = subprocess.run(
            [shutil.which("collectd", path=SEARCH), "-T", "-f", "-C", path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")
    finally:
        shutil.rmtree(folder)


def uncommented(text):
    head, block = text.split("#<Plugin sidecar>")
    return head + "\n".join(line[1:] for line in ("#<Plugin sidecar>" + block).splitlines()) + "\n"


class Samples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("collectd", path=SEARCH) is None:
            raise unittest.SkipTest("no collectd (Debian package collectd-core)")
        if not os.path.isfile(os.path.join(agreement.BUILD, ".libs", "sidecar.so")):
            raise AssertionError("no .libs/sidecar.so: run make")

    def check(self, configuration):
        status, said = start_once(configuration)
        self.assertEqual(0, status, said)
        self.assertNotIn("[error]", said)
        self.assertIn('plugin "sidecar" successfully loaded', said)

    def test_as_it_stands(self):
        """sidecar.conf as it stands"""
        self.check(agreement.read(agreement.SAMPLE))

    def test_uncommented(self):
        """sidecar.conf with all its options"""
        text = uncommented(agreement.read(agreement.SAMPLE))
        self.assertIn("\n  DetailInterval 60", text)
        self.check(text)

    def test_check_can_fail(self):
        """an option that does not exist is refused"""
        status, said = start_once("LoadPlugin sidecar\n<Plugin sidecar>\n  Nonsense 1\n</Plugin>\n")
        self.assertNotEqual(0, status, said)
        self.assertIn("Nonsense", said)
