#!/usr/bin/python3
"""Tests the release and the packages that tests/packages/build has made.

  tests/packages/run.py --source SOURCE --packages FOLDER [WORD…]

Needs lintian, rpm, systemd-analyze and what the packages are built with. The last line counts.
What happens when they are installed is tried in clean rooms: tests/clean-room/commands/package-*.
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True  # the source tree may not be ours to write to
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]

import packages  # noqa: E402
from harness import runner  # noqa: E402

runner.TEST_SECONDS = 300  # some build


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("words", nargs="*", help="run only these tests")
    parser.add_argument("--source", required=True, help="the source, with its configure")
    parser.add_argument("--packages", required=True, help="where tests/packages/build put them")
    options = parser.parse_args()
    packages.SOURCE = os.path.abspath(options.source)
    packages.FOLDER = os.path.abspath(options.packages)
    return runner.run(HERE, options.words)


if __name__ == "__main__":
    sys.exit(main())
