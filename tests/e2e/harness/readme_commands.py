"""The commands in the README of a capture, run as they are printed."""

import os
import re
import signal
import subprocess
import urllib.request

from .daemon import free_port, need
from .wait import Probe, wait_until

BROWSER = "-http=localhost:8081"


def commands(readme):
    """The indented lines that a shell can run."""
    words = r"^  ((?:go tool pprof|sed|grep|diff|head) .*)$"
    return re.findall(words, readme, re.MULTILINE)


def run_interactive(command, typed):
    """What a command says to lines that are typed, or which end at once."""
    return subprocess.run(
        ["sh", "-c", command],
        input=typed.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=True,
    ).stdout.decode()


def browse(command):
    """The page of the flame graph that a command with -http serves; the port is one that is free
    here, and the browser one that shows nothing."""
    port = free_port()
    command = "BROWSER=true exec " + command.replace(BROWSER, "-http=localhost:%d" % port)

    def probe():
        try:
            with urllib.request.urlopen("http://localhost:%d/ui/flamegraph" % port) as page:
                return page.read().decode()
        except OSError as error:
            raise Probe(str(error)) from error

    with subprocess.Popen(
        ["sh", "-c", command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as server:
        try:
            return wait_until("%r to serve" % command, probe, 60)
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # pprof is a child of go's


def run_all(readme):
    """{command: its output} of all of them; those that find nothing may return 1."""
    need("go", "golang-go")
    outputs = {}
    for command in commands(readme):
        if BROWSER in command:
            outputs[command] = browse(command)
        elif command.startswith("go tool pprof"):
            outputs[command] = run_interactive(command, "top20\n")
        else:
            outputs[command] = run_interactive(command + " || [ $? -eq 1 ]", "")
    return outputs
