#!/usr/bin/python3
"""Tests the alert rules with jsonnet and promtool; nothing is started.

  tests/grafana/run.py [WORD…]

The words are those of tests/e2e/run.py; the last line counts.
"""

import os
import sys

sys.dont_write_bytecode = True  # the source tree may not be ours to write to
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]

from harness import runner  # noqa: E402

if __name__ == "__main__":
    sys.exit(runner.run(HERE, sys.argv[1:]))
