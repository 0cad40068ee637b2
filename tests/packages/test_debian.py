"""The Debian packages: what lintian says, what is in them and what they ask for."""

import glob
import os
import re
import tempfile
import unittest

import packages

PROVIDER = "etc/grafana/provisioning/dashboards/sidecar.yaml"
SHARE = "usr/share/collectd-plugin-sidecar-grafana"
PLUGIN_FILES = {
    "etc/collectd/collectd.conf.d/sidecar.conf",
    "usr/bin/sidecar-backtest",
    "usr/lib/collectd/notify_alertmanager.so",
    "usr/lib/collectd/sidecar.so",
    "usr/lib/systemd/system/collectd.service.d/sidecar.conf",
    "usr/share/collectd/notify_alertmanager.types.db",
    "usr/share/collectd/sidecar.types.db",
    "usr/share/man/man1/sidecar-backtest.1.gz",
    "usr/share/man/man5/collectd-notify_alertmanager.5.gz",
    "usr/share/man/man5/collectd-sidecar.5.gz",
}


def contents(deb):
    """{path: (mode and kind, owner)} of what is in a package."""
    lines = [line.split(None, 5) for line in packages.output("dpkg-deb", "-c", deb).splitlines()]
    return {line[5][2:]: (line[0], line[1]) for line in lines}


def field(deb, name):
    return packages.output("dpkg-deb", "-f", deb, name).strip()


class Debian(unittest.TestCase):
    def setUp(self):
        self.plugin = packages.the("collectd-plugin-sidecar_*.deb")
        self.grafana = packages.the("collectd-plugin-sidecar-grafana_*.deb")

    def files(self, deb, name):
        """What is in it, but for directories and what Debian has in each of its packages."""
        own = {path for path in contents(deb) if path and not path.endswith("/")}
        for path in ("doc/%s/copyright", "doc/%s/changelog.Debian.gz", "lintian/overrides/%s"):
            path = "usr/share/" + path % name
            self.assertIn(path, own)
            own.remove(path)
        return own

    def test_lintian(self):
        """lintian finds neither an error nor a warning"""
        changes = packages.the("*.changes")
        said = packages.output("lintian", "--allow-root", "--fail-on", "error,warning", changes)
        self.assertEqual("", said)

    def test_overrides(self):
        """each lintian override has its reason above it"""
        for path in glob.glob(
            os.path.join(packages.SOURCE, "packaging/debian/*.lintian-overrides")
        ):
            lines = packages.read(path).splitlines()
            for above, line in zip([""] + lines, lines):
                if not line.startswith("#"):
                    self.assertRegex(above, "^# .{20}", "%s: %s" % (path, line))

    def test_plugin_files(self):
        """collectd-plugin-sidecar has both plugins, and what belongs to them"""
        doc = "usr/share/doc/collectd-plugin-sidecar/"
        wanted = (
            PLUGIN_FILES
            | {doc + "README.md.gz"}
            | {doc + "examples/" + name for name in packages.EXAMPLES}
        )
        self.assertEqual(wanted, self.files(self.plugin, "collectd-plugin-sidecar"))

    def test_captures(self):
        """the folder of captures is root's alone"""
        self.assertEqual(
            ("drwx------", "root/root"), contents(self.plugin)["var/lib/collectd/sidecar-captures/"]
        )

    def test_configuration(self):
        """the configuration is a conffile: what an administrator makes of it is kept"""
        conffiles = packages.output("dpkg-deb", "-I", self.plugin, "conffiles").split()
        self.assertEqual(["/etc/collectd/collectd.conf.d/sidecar.conf"], conffiles)

    def test_dependencies(self):
        """it wants a collectd of the minor version that its headers were of, and no other"""
        headers = packages.output("dpkg-query", "-W", "-f", "${Version}", "collectd-dev")
        major, minor = re.match(r"(\d+)\.(\d+)", headers).groups()
        depends = field(self.plugin, "Depends").split(", ")
        self.assertIn("collectd-core (>= %s.%s~)" % (major, minor), depends)
        self.assertIn("collectd-core (<< %s.%d~)" % (major, int(minor) + 1), depends)
        others = {name.split()[0] for name in depends} - {"collectd-core", "libc6"}
        self.assertEqual({"libcurl4", "libyajl2", "zlib1g"}, others)

    def test_grafana_files(self):
        """collectd-plugin-sidecar-grafana has all that grafana/ generates, and its pages"""
        doc = "usr/share/doc/collectd-plugin-sidecar-grafana/"
        files = {
            path.removesuffix(".gz")
            for path in self.files(self.grafana, "collectd-plugin-sidecar-grafana")
        }
        pages = {doc + name for name in packages.grafana_pages() | {"README.Debian"}}
        wanted = packages.grafana_files(SHARE) | pages | {PROVIDER}
        self.assertEqual(wanted, files)
        self.assertEqual("all", field(self.grafana, "Architecture"))

    def test_provider(self):
        """Grafana's file names the folder where the package has the dashboards, and is a conffile"""
        conffiles = packages.output("dpkg-deb", "-I", self.grafana, "conffiles").split()
        self.assertEqual(["/" + PROVIDER], conffiles)
        with tempfile.TemporaryDirectory() as folder:
            packages.output("dpkg-deb", "-x", self.grafana, folder)
            with open(os.path.join(folder, PROVIDER), encoding="utf-8") as file:
                path = re.search(r"^ +path: /(\S+)$", file.read(), re.MULTILINE).group(1)
            self.assertTrue(glob.glob(os.path.join(folder, path, "*.json")), path)

    def test_version(self):
        """the packages have the version of configure.ac"""
        for deb in (self.plugin, self.grafana):
            self.assertEqual(packages.version() + "-1", field(deb, "Version"))
