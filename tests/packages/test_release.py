"""The release: what is in it, and that it is the same whoever makes it."""

import os
import shutil
import subprocess
import tarfile
import tempfile
import unittest

import packages


MADE_BY_AUTORECONF = ("aclocal.m4", "autom4te.cache", "build-aux", "configure", "Makefile.in")
AUTOCONF = "/usr/share/autoconf"


def not_of_the_source(folder, _names):
    return (".git", "build") + MADE_BY_AUTORECONF if folder == packages.SOURCE else ()


def contents(tarball):
    """What each member of it has: its header, and its bytes."""
    with tarfile.open(tarball) as tar:
        return {
            member.name: (
                member.get_info(),
                tar.extractfile(member).read() if member.isfile() else None,
            )
            for member in tar
        }


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

    def fast_autoconf(self, folder):
        """Where autoconf's library is for a machine so fast that all happens in one second:
        autoconf 2.71 looks at no smaller part of the times of files."""
        library = os.path.join(folder, "autoconf")
        shutil.copytree(AUTOCONF, library)
        path = os.path.join(library, "Autom4te", "FileUtils.pm")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(1, text.count("return $stat->mtime;"))
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("$stat->mtime;", "int ($stat->mtime / 1e6);"))
        return library

    def test_same_bytes(self):
        """by another umask and time zone, in another folder of a fast machine, it is the same"""
        folder = tempfile.mkdtemp(prefix="release-")
        self.addCleanup(shutil.rmtree, folder)
        source = os.path.join(folder, "a", "longer", "path")
        shutil.copytree(packages.SOURCE, source, ignore=not_of_the_source)
        environment = dict(
            os.environ,
            TZ="Pacific/Kiritimati",
            LC_ALL="C.UTF-8",
            HOME=folder,
            autom4te_perllibdir=self.fast_autoconf(folder),
        )
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
        ours, theirs = contents(self.tarball), contents(another)
        names = sorted(set(ours) | set(theirs))
        self.assertEqual([], [name for name in names if ours.get(name) != theirs.get(name)])
        with open(self.tarball, "rb") as one, open(another, "rb") as two:
            self.assertTrue(one.read() == two.read(), "only how they are packed differs")
