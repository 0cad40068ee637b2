"""A collectd of another version than the headers': refused or works, and never a crash.

collectd itself is Debian's. Another version is made of it by taking away a function that the
plugins need, as that of an older or a newer one; or of the headers, by another length of names,
which whoever compiles collectd may choose.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import packages

SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
PLUGINS = ("sidecar", "notify_alertmanager")
BLOCKS = {"sidecar": "Summary true", "notify_alertmanager": "QueueLimit 100"}

CONFIGURATION = """FQDNLookup false
BaseDir "FOLDER"
PIDFile "FOLDER/pid"
LoadPlugin logfile
<Plugin logfile>
  File stderr
  PrintSeverity true
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir stdout
</Plugin>
LoadPlugin uptime
"""


class OtherCollectd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="other-collectd-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.collectd = shutil.which("collectd", path=SEARCH)

    def with_names_of(self, length):
        """Both plugins, built with the headers of a collectd whose names have this length."""
        headers = os.path.join(self.folder, "headers")
        shutil.copytree("/usr/include/collectd", os.path.join(headers, "collectd"))
        config = os.path.join(headers, "collectd", "core", "config.h")
        with open(config, encoding="utf-8") as file:
            text = file.read()
        other, count = re.subn("(?m)^(#define DATA_MAX_NAME_LEN) .*", r"\1 %d" % length, text)
        self.assertEqual(1, count)
        with open(config, "w", encoding="utf-8") as file:
            file.write(other)
        folder = os.path.join(self.folder, "built")
        os.mkdir(folder)
        configure = os.path.join(packages.SOURCE, "configure")
        packages.output(
            configure, "-q", "CFLAGS=-O0", "--with-collectd-includedir=" + headers, cwd=folder
        )
        packages.output("make", "-s", "-j2", *[plugin + ".la" for plugin in PLUGINS], cwd=folder)
        return os.path.join(folder, ".libs")

    def packaged(self):
        """The plugins of the Debian package."""
        folder = os.path.join(self.folder, "packaged")
        if not os.path.isdir(folder):
            packages.output("dpkg-deb", "-x", packages.the("collectd-plugin-sidecar_*.deb"), folder)
        return os.path.join(folder, "usr/lib/collectd")

    def without(self, symbol):
        """A collectd that has everything but a function of this name."""
        with open(self.collectd, "rb") as file:
            program = file.read()
        name = b"\0" + symbol.encode() + b"\0"
        self.assertEqual(1, program.count(name), symbol)
        path = os.path.join(self.folder, "collectd-without-" + symbol)
        with open(path, "wb") as file:
            file.write(program.replace(name, b"\0" + b"x" * len(symbol) + b"\0"))
        os.chmod(path, 0o755)
        return path

    def read_once(self, collectd, plugindir, *plugins, options=True):
        """Has it load these and uptime, and read once: (exit status, what it said and sent)."""
        text = CONFIGURATION.replace("FOLDER", self.folder) + 'PluginDir "%s"\n' % plugindir
        for plugin in plugins:
            text += "LoadPlugin %s\n" % plugin
            if options:
                text += "<Plugin %s>\n  %s\n</Plugin>\n" % (plugin, BLOCKS[plugin])
        configuration = os.path.join(self.folder, "collectd.conf")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run(
            [collectd, "-T", "-f", "-C", configuration],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")

    def test_the_one_of_the_headers(self):
        """that of the headers works, or all of this would show nothing"""
        status, said = self.read_once(self.collectd, self.packaged(), *PLUGINS)
        self.assertEqual(0, status, said)
        self.assertNotIn("[error]", said)
        self.assertIn("/sidecar-sidecar/process_count", said)
        self.assertIn("/uptime/uptime", said)

    def test_missing_function(self):
        """one that lacks a function is told so when it loads a plugin, and does not start"""
        lacking = {
            "hostname_set": "before 5.8",
            "parse_identifier_vl": "6.0",
            "plugin_get_ds": "some other",
        }
        for symbol, which in lacking.items():
            collectd = self.without(symbol)
            for plugin in PLUGINS:
                with self.subTest(which, plugin=plugin):
                    status, said = self.read_once(collectd, self.packaged(), plugin)
                    self.assertEqual(1, status, said)
                    self.assertIn("undefined symbol: " + symbol, said)

    def test_other_names(self):
        """one with names of another length says that the plugins do nothing, and does the rest"""
        plugindir = self.with_names_of(256)
        status, said = self.read_once(self.collectd, plugindir, *PLUGINS, options=False)
        self.assertEqual(0, status, said)
        for plugin in PLUGINS:
            self.assertIn("%s plugin: it was built for another collectd" % plugin, said)
            self.assertNotIn("/%s-" % plugin, said)
        self.assertIn("/uptime/uptime", said)
        status, said = self.read_once(self.collectd, plugindir, *PLUGINS)
        self.assertEqual(1, status, said)  # what should it do with the options?
        self.assertIn("sidecar plugin: it was built for another collectd", said)
