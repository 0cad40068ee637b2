"""A real collectd in the foreground, with write_prometheus as the way to look at it."""

import os

from . import collectd_config as config
from .daemon import Daemon, free_port
from .installation import OUR_PLUGINS, collectd_program, plugin_folder, stock_plugins
from .metrics import Endpoint

HOST = "e2e.test"


class Collectd(Daemon):
    """`parts` are pieces of configuration, in order; see collectd_config.

    `load` names plugins to load first; ours come from the build folder, all
    others from the folder of the daemon's own plugins. With `port` given the parts
    themselves see to it that write_prometheus serves that port.
    """

    name = "collectd"

    def __init__(
        self, *parts, load=("sidecar",), interval=1, log_level="info", prefix=(), port=None
    ):
        super().__init__()
        self.parts = parts
        self.load = load
        self.interval = interval
        self.log_level = log_level
        self.prefix = list(prefix)  # a command that starts the daemon, such as setpriv
        self.exports_itself = port is None
        self.port = port or free_port()
        self.endpoint = Endpoint("http://127.0.0.1:%d/metrics" % self.port)

    def configuration(self):
        option, block = config.option, config.block
        lines = [
            option("Hostname", HOST),
            option("FQDNLookup", False),
            option("BaseDir", self.path("base")),
            option("PIDFile", self.path("collectd.pid")),
            option("TypesDB", "/usr/share/collectd/types.db"),
            option("Interval", self.interval),
            option("PluginDir", stock_plugins()),
            config.load("logfile"),
            block(
                "Plugin",
                "logfile",
                [
                    option("LogLevel", self.log_level),
                    option("File", self.path("collectd.log")),
                    option("Timestamp", True),
                    option("PrintSeverity", True),
                ],
            ),
        ]
        if self.exports_itself:
            lines.append(config.write_prometheus(self.port))
        for plugin in self.load:
            ours = plugin in OUR_PLUGINS
            lines.append(option("PluginDir", plugin_folder(plugin) if ours else stock_plugins()))
            lines.append(config.load(plugin))
        lines.append(option("PluginDir", stock_plugins()))  # for what the parts load
        return "\n".join(lines + list(self.parts)) + "\n"

    def prepare(self):
        os.mkdir(self.path("base"))
        os.chmod(self.folder, 0o755)
        self.write("collectd.conf", self.configuration())

    def argv(self):
        return self.prefix + [collectd_program(), "-f", "-C", self.path("collectd.conf")]

    def ready(self):
        return self.endpoint.page() is not None

    def log_files(self):
        return [self.path("output.log"), self.path("collectd.log")]

    def page(self):
        return self.endpoint.page()
