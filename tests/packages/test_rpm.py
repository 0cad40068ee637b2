"""The RPMs: what is in them and what they ask for."""

import unittest

import packages

DOC = "/usr/share/doc/collectd-plugin-sidecar-%s/"
PLUGIN_FILES = {
    "/etc/collectd.d/sidecar.conf",
    "/usr/bin/sidecar-backtest",
    "/usr/lib/systemd/system/collectd.service.d/sidecar.conf",
    "/usr/lib64/collectd/notify_alertmanager.so",
    "/usr/lib64/collectd/sidecar.so",
    "/usr/share/collectd/notify_alertmanager.types.db",
    "/usr/share/collectd/sidecar.types.db",
    "/usr/share/man/man1/sidecar-backtest.1",
    "/usr/share/man/man5/collectd-notify_alertmanager.5",
    "/usr/share/man/man5/collectd-sidecar.5",
}


def query(rpm, *options):
    return packages.output("rpm", "-qp", *options, rpm).splitlines()


class Rpm(unittest.TestCase):
    def setUp(self):
        self.plugin = packages.the("rpm/collectd-plugin-sidecar.rpm")
        self.grafana = packages.the("rpm/collectd-plugin-sidecar-grafana.rpm")
        self.of_version = packages.version()

    def files(self, rpm):
        """{path: (mode, owner, group)}, but for what rpmbuild adds by itself."""
        fields = [line.split() for line in query(rpm, "--dump")]
        return {
            line[0]: tuple(line[4:7])
            for line in fields
            if not line[0].startswith(("/usr/lib/.build-id", "/usr/share/licenses/"))
        }

    def test_plugin_files(self):
        """collectd-plugin-sidecar has both plugins, and what belongs to them"""
        own = self.files(self.plugin)
        doc = DOC % self.of_version
        plain = {
            path.removesuffix(".gz")
            for path, (mode, _, _) in own.items()
            if mode.startswith("0100")
        }
        self.assertEqual(
            PLUGIN_FILES | {doc + name for name in packages.EXAMPLES | {"README.md"}}, plain
        )
        self.assertEqual({("root", "root")}, {owner[1:] for owner in own.values()})

    def test_captures(self):
        """the folder of captures is root's alone"""
        found = {
            path: mode
            for path, (mode, _, _) in self.files(self.plugin).items()
            if path.endswith("/sidecar-captures")
        }
        self.assertEqual({"/var/lib/collectd/sidecar-captures": "040700"}, found)

    def test_configuration(self):
        """the configuration is one that rpm keeps"""
        self.assertEqual(["/etc/collectd.d/sidecar.conf"], query(self.plugin, "-c"))

    def test_requirements(self):
        """it wants a collectd of its minor version, and the libraries it is linked with"""
        wanted = query(self.plugin, "--requires")
        self.assertIn("collectd >= 5.12", wanted)
        self.assertIn("collectd < 5.13", wanted)
        libraries = {
            line.partition("(")[0] for line in wanted if line.startswith("lib") and ".so." in line
        }
        self.assertEqual(
            {"libc.so.6", "libcurl.so.4", "libm.so.6", "libyajl.so.2", "libz.so.1"}, libraries
        )

    def test_grafana_files(self):
        """collectd-plugin-sidecar-grafana has all that grafana/ generates, for any machine"""
        plain = {
            path
            for path, (mode, _, _) in self.files(self.grafana).items()
            if mode.startswith("0100")
        }
        docs = {path for path in plain if path.startswith("/usr/share/doc/")}
        self.assertEqual(packages.grafana_pages(), {path.rpartition("/")[2] for path in docs})
        provider = "/etc/grafana/provisioning/dashboards/sidecar.yaml"
        self.assertEqual([provider], query(self.grafana, "-c"))
        wanted = packages.grafana_files("/usr/share/collectd-plugin-sidecar-grafana") | {provider}
        self.assertEqual(wanted, plain - docs)
        self.assertEqual(["noarch"], query(self.grafana, "--qf", "%{ARCH}\n"))

    def test_version(self):
        """the packages have the version of configure.ac"""
        for rpm in (self.plugin, self.grafana):
            self.assertEqual([self.of_version], query(rpm, "--qf", "%{VERSION}\n"))
