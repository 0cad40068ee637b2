"""systemd's drop-in: what it makes of units that bound capabilities in different ways."""

import json
import os
import shutil
import tempfile
import unittest

import packages

UNIT = "usr/lib/systemd/system/collectd.service"
DROP_IN = os.path.join("packaging", "systemd", "sidecar.conf")
# How systemd-analyze calls the capabilities that it looks for, one of them alone or in a group.
GRANTED = {"CAP_SYS_PTRACE", "CAP_(DAC_*|FOWNER|IPC_OWNER)"}


class Systemd(unittest.TestCase):
    def allowed(self, setting):
        """The capabilities that a collectd of a unit with this setting and the drop-in may have."""
        root = tempfile.mkdtemp(prefix="units-")
        self.addCleanup(shutil.rmtree, root)
        unit = os.path.join(root, UNIT)
        os.makedirs(unit + ".d")
        with open(unit, "w", encoding="utf-8") as file:
            file.write("[Service]\nExecStart=/bin/true\n%s\n" % setting)
        shutil.copy(os.path.join(packages.SOURCE, DROP_IN), unit + ".d")
        said = packages.output(
            "systemd-analyze",
            "security",
            "--offline=yes",
            "--json=short",
            "--no-pager",
            "--root=" + root,
            "collectd.service",
        )
        prefix = "CapabilityBoundingSet=~"
        entries = json.loads(said[said.index("[{") :].splitlines()[0])
        found = {
            entry["name"][len(prefix) :]: entry["set"]
            for entry in entries
            if entry["name"].startswith(prefix)
        }
        self.assertGreater(len(found), 20, said)
        return {name for name, good in found.items() if not good}, set(found)

    def test_all(self):
        """a collectd with all capabilities, as Debian's unit gives it, keeps them"""
        allowed, every = self.allowed("")
        self.assertEqual(every, allowed)

    def test_none(self):
        """one that has none, by the unit of collectd's own sources, gets the two"""
        allowed, _ = self.allowed("CapabilityBoundingSet=")
        self.assertEqual(GRANTED, allowed)

    def test_some(self):
        """one that has some keeps them and gets the two"""
        allowed, _ = self.allowed("CapabilityBoundingSet=CAP_SYS_RAWIO")
        self.assertEqual(GRANTED | {"CAP_SYS_RAWIO"}, allowed)
