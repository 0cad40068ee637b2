#!/usr/bin/python3
"""Runs the end-to-end tests: real daemons, a real target, no mocks.

  tests/e2e/run.py --builddir BUILD [WORD…]

Without words every test runs. A word chooses the tests of a file ("values"), or
with a dot in it those with that name ("values.Holding"), or with a blank in it those
with such a sentence ("two in the same folder").

The last line counts: "e2e: N passed, N failed, N skipped"; the exit status is 1 when
one failed. In CI (environment CI=true) a missing Debian package is a failure, elsewhere
its tests are skipped with the reason. SIDECAR_REAL=PATH names a real sidecar to use
instead of installing one.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile

sys.dont_write_bytecode = True  # the source tree may not be ours to write to
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from harness import daemon, installation, namespace, parallel  # noqa: E402
from harness import real_sidecar, runner  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("words", nargs="*", help="run only these tests")
    parser.add_argument("--builddir", default=os.getcwd(), help="where make ran (default: here)")
    parser.add_argument("--collectd", default="collectd", help="the daemon's program")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folders")
    parser.add_argument(
        "--no-namespaces", action="store_true", help="share this machine's processes and ports"
    )
    parser.add_argument(
        "--jobs", type=int, default=parallel.default_jobs(), help="how many files at a time"
    )
    parser.add_argument("--only", help=argparse.SUPPRESS)  # one module, for ourselves
    return parser.parse_args()


def run_outside(options):
    """The part before the private namespaces, and all of it where there are none."""
    modules = runner.modules(HERE, options.words)
    if "test_real_sidecar" in modules:
        real_sidecar.prepare()  # needs the network, which the namespaces have not
    installation.prepare_plugins()
    installation.prepare_target()
    reason = "not wanted" if options.no_namespaces else namespace.why_not()
    if reason is None and modules:
        program = [os.path.abspath(__file__)] + sys.argv[1:]
        return parallel.Pool(program, options.jobs).run(modules)
    if reason is not None:
        print("e2e: no private namespaces: %s" % reason, flush=True)
    return runner.run(HERE, options.words)


def main():
    options = arguments()
    installation.settings.builddir = os.path.abspath(options.builddir)
    installation.settings.collectd = options.collectd
    daemon.keep_folders = options.keep
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if namespace.inside():
        namespace.be_init(lambda: runner.run(HERE, options.words, options.only))

    # Whatever happens, all temporary folders go with this one.
    folder = installation.open_folder()  # some tests run programs as another user
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    try:
        return run_outside(options)
    except KeyboardInterrupt:
        return 130
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
