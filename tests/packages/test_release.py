"""The release: what is in it, and that it is the same whoever makes it."""

import filecmp
import os
import shutil
import subprocess
import tarfile
import tempfile
import unittest

import packages


def not_of_the_source(folder, _names):
    return (".git", "build") if folder == packages.SOURCE else ()


class Release(unittest.TestCase):
    def setUp(self):
        self.tarball = packages.the("collectd-sidecar-*.tar.gz")

    def test_name(self):
        """it has the version of configure.ac"""
        name = "collectd-sidecar-%s.tar.gz" % packages.version()
        self.assertEqual(name, os.path.basename(self.tarball))

    def test_complete(self):
        """what takes more than a C compiler is in it ready made; nothing of a build is"""
        with tarfile.open(self.tarball) as tar:
            names = {name.partition("/")[2] for name in tar.getnames()}
        made = {"configure", "Makefile.in", "packaging/debian/changelog"}
        made.update(
            "plugins/%s/collectd-%s.5" % (name, name) for name in ("sidecar", "notify_alertmanager")
        )
        made.update(
            "grafana/generated/" + name for name in packages.files_below("grafana", "generated")
        )
        self.assertEqual(set(), made - names)
        self.assertEqual(
            [], [name for name in names if name.endswith((".o", ".lo", ".pyc", "config.status"))]
        )

    def test_same_bytes(self):
        """made in another folder, by another umask and time zone, it is the same bytes"""
        folder = tempfile.mkdtemp(prefix="release-")
        self.addCleanup(shutil.rmtree, folder)
        source = os.path.join(folder, "a", "longer", "path")
        shutil.copytree(packages.SOURCE, source, ignore=not_of_the_source)
        environment = dict(os.environ, TZ="Pacific/Kiritimati", LC_ALL="C.UTF-8", HOME=folder)
        done = subprocess.run(
            ["sh", "-ec", "umask 077; autoreconf -fi; ./configure -q; make -s dist"],
            cwd=source,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout.decode(errors="replace"))
        another = os.path.join(source, os.path.basename(self.tarball))
        self.assertTrue(filecmp.cmp(self.tarball, another, shallow=False), "they differ")
