"""plugins/README.md, the map, names files and folders that exist."""

import os
import re
import unittest

import agreement

MAP = "plugins/README.md"
ROOTS = ("tests/", "grafana/", "packaging/", "configure.ac")


# What stands at the top, with what autoreconf and a build beside it make there.
TOP = "plugins grafana tests packaging configure.ac Makefile.am README.md LICENSE".split()
MADE = "aclocal.m4 autom4te.cache build build-aux configure configure~ Makefile.in".split()


class Map(unittest.TestCase):
    def test_top(self):
        """nothing else stands at the top"""
        if os.path.exists(os.path.join(agreement.SOURCE, "Makefile")):
            self.skipTest("it was built in the source folder")
        names = {name for name in os.listdir(agreement.SOURCE) if not name.startswith(".")}
        self.assertEqual(set(TOP), names - set(MADE))

    def test_files(self):
        """each path in backquotes exists, and each folder of plugins/ is on the map"""
        text = agreement.read(MAP)
        named = {path for path in re.findall(r"`([\w./]+)`", text) if "/" in path or path.endswith((".c", ".ac"))}
        self.assertGreater(len(named), 40)
        for path in sorted(named):
            with self.subTest(path):
                root = "" if path.startswith(ROOTS) else "plugins"
                self.assertTrue(os.path.exists(os.path.join(agreement.SOURCE, root, path)))
        for folder, folders, _ in os.walk(os.path.join(agreement.SOURCE, "plugins")):
            for name in folders:
                path = os.path.relpath(os.path.join(folder, name), os.path.join(agreement.SOURCE, "plugins"))
                if not name.startswith("."):
                    self.assertIn("`%s/`" % path, text)
