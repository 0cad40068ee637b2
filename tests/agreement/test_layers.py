"""Includes point downwards: glue, then I/O, then pure code, then what is common; and never in a circle.

A module is a .c file with the header of its name. Every module is in one layer of the table, which
plugins/README.md draws.
"""

import fnmatch
import glob
import os
import re
import unittest

import agreement

# From the top; a module is in the first layer that has it.
LAYERS = (
    ("glue", "*/plugin backtest/daemon backtest/main backtest/config_text backtest/settings sidecar/config_options notify_alertmanager/config notify_alertmanager/notification"
     " notify_alertmanager/service common/collectd common/config_option common/data_set common/daemon_layout"),
    ("I/O", "backtest/folder backtest/lines backtest/output backtest/recording sidecar/monitor sidecar/target* sidecar/errands sidecar/watchdog sidecar/linux/descriptors sidecar/linux/discovery sidecar/linux/host"
     " sidecar/linux/listener sidecar/linux/locks sidecar/linux/memory_map sidecar/linux/open_files"
     " sidecar/linux/process sidecar/linux/procfs sidecar/linux/sock_diag sidecar/os/[!h]* sidecar/os/host sidecar/go/endpoint sidecar/go/pprof"
     " sidecar/go/pprof_thread sidecar/capture/capture sidecar/capture/writer sidecar/capture/reading sidecar/capture/inventory"
     " sidecar/capture/demand sidecar/capture/directory notify_alertmanager/sender notify_alertmanager/state_saver"
     " notify_alertmanager/state_file notify_alertmanager/token_file common/http common/thread common/worker common/file"),
    ("pure", "backtest/* sidecar/* notify_alertmanager/*"),
    ("common", "common/*"),
)


def layer_of(module):
    for number, (_, patterns) in enumerate(LAYERS):
        if any(fnmatch.fnmatchcase(module, pattern) for pattern in patterns.split()):
            return number
    raise AssertionError("%s is in no layer" % module)


def modules():
    """{module: modules that it includes}"""
    root = os.path.join(agreement.SOURCE, "plugins")
    found = {}
    for path in glob.glob(root + "/**/*.[ch]", recursive=True):
        module = os.path.splitext(os.path.relpath(path, root))[0]
        included = re.findall(r'^#include "((?:backtest|common|sidecar|notify_alertmanager)/[\w/]+)\.h"', agreement.read(path), re.MULTILINE)
        found.setdefault(module, set()).update(set(included) - {module})
    return found


class Layers(unittest.TestCase):
    def test_comments(self):
        """each file begins with a comment that says what it is"""
        for path in glob.glob(os.path.join(agreement.SOURCE, "plugins/**/*.[ch]"), recursive=True):
            comment = re.match(r"/\*(.*?)\*/", agreement.read(path), re.DOTALL)
            with self.subTest(os.path.relpath(path, agreement.SOURCE)):
                self.assertIsNotNone(comment)
                self.assertGreater(len(comment.group(1)), 20)

    def test_downwards(self):
        """no module includes one of a layer above its own"""
        for module, included in sorted(modules().items()):
            for other in sorted(included):
                with self.subTest("%s includes %s" % (module, other)):
                    self.assertGreaterEqual(layer_of(other), layer_of(module))

    def test_circles(self):
        """no modules include each other in a circle"""
        left = modules()
        while True:
            leaves = {module for module, included in left.items() if not included & set(left)}
            if not leaves:
                break
            left = {module: included for module, included in left.items() if module not in leaves}
        self.assertEqual({}, left)
