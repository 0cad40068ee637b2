"""The notifications that a collectd dispatched, as its notification plugins get them."""

import json
import os

from . import collectd_config as config
from .daemon import missing, private_folder
from .installation import stock_plugins
from .wait import Probe, wait_until

HARNESS = os.path.dirname(os.path.abspath(__file__))


class Notices:
    """A part of a collectd's configuration, and what came of it."""

    def __init__(self):
        self.path = os.path.join(private_folder("notices"), "notices")

    def part(self):
        if not os.path.exists(os.path.join(stock_plugins(), "python.so")):
            missing("no python plugin of collectd (Debian package collectd-core)")
        python = [
            config.option("ModulePath", HARNESS),
            config.option("Import", "record"),
            config.block("Module", "record", [config.option("File", self.path)]),
        ]
        return "\n".join(
            [
                config.block("LoadPlugin", "python", [config.option("Globals", True)]),
                config.block("Plugin", "python", python),
            ]
        )

    def all(self, instance=None, flag=None):
        """Those told so far, in order."""
        if not os.path.exists(self.path):
            return []
        with open(self.path, encoding="utf-8") as file:
            found = [json.loads(line) for line in file.read().splitlines()]
        return [
            notice
            for notice in found
            if instance in (None, notice["plugin_instance"])
            and flag in (None, notice["type_instance"])
        ]

    def wait_for(self, instance, flag, severity, timeout=30):
        """The latest of that flag, once it has that severity."""

        def probe():
            found = self.all(instance, flag)
            if not found or found[-1]["severity"] != severity:
                raise Probe("told so far: %r" % [notice["message"] for notice in self.all()])
            return found[-1]

        return wait_until("%s of %s to be %s" % (flag, instance, severity), probe, timeout)

    def wait_for_meta(self, instance, flag, name, timeout=60):
        """The latest of that flag, once it has meta data of that name."""

        def probe():
            found = self.all(instance, flag)
            return found[-1] if found and name in found[-1]["meta"] else None

        return wait_until("%s of %s with %s" % (flag, instance, name), probe, timeout)
