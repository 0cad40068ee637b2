#!/usr/bin/python3
"""Tests the README's first command, packaging/quick-start/run, as a person sees it.

  tests/quick-start/run.py [WORD…]

Runs in a build folder. Uses the harness of the end-to-end tests: namespaces of its own, where
they can be had, and a last line that counts. The first start builds, so the limit of a test is
longer.
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]

from harness import installation, namespace, runner  # noqa: E402

runner.TEST_SECONDS = 600
installation.settings.builddir = os.getcwd()


def main():
    words = sys.argv[1:]

    def run():
        return runner.run(HERE, words)

    if namespace.inside():
        namespace.be_init(run)
    reason = namespace.why_not()
    if reason is None:
        return subprocess.call(
            namespace.command_inside([os.path.abspath(__file__)] + words),
            env=namespace.environment_inside(),
        )
    print("quick-start: no private namespaces: %s" % reason, flush=True)
    return run()


if __name__ == "__main__":
    sys.exit(main())
