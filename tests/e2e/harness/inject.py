"""A script for collectd's python plugin: dispatches the notifications it is told to.

collectd's unixsock plugin takes notifications too, but lines of 1023 bytes only, and
meta data of text only. This one listens on a unix socket for lines of JSON (the path
is the only argument of the Module block's Socket option) and answers each with the
seconds that the dispatch took: no notification plugin may keep its caller waiting.
"""

import base64
import json
import os
import socket
import threading
import time

import collectd  # pylint: disable=import-error  # there inside the daemon only

SEVERITIES = {
    "okay": collectd.NOTIF_OKAY,
    "warning": collectd.NOTIF_WARNING,
    "failure": collectd.NOTIF_FAILURE,
}


def decode(value):
    """{"base64": …} stands for bytes, {"unsigned": …} and {"signed": …} for integers."""
    if not isinstance(value, dict):
        return value
    if "base64" in value:
        return base64.b64decode(value["base64"])
    if "unsigned" in value:
        return collectd.Unsigned(value["unsigned"])
    return collectd.Signed(value["signed"])


def dispatch(order):
    notification = collectd.Notification(
        severity=SEVERITIES[order["severity"]],
        time=order.get("time", time.time()),
        message=order.get("message", ""),
        host=order.get("host", ""),
        plugin=order.get("plugin", ""),
        plugin_instance=order.get("plugin_instance", ""),
        type=order.get("type", ""),
        type_instance=order.get("type_instance", ""),
        meta={name: decode(value) for name, value in order.get("meta", {}).items()},
    )
    begin = time.perf_counter()
    notification.dispatch()
    return time.perf_counter() - begin


def serve(connection):
    with connection, connection.makefile("rw", encoding="utf-8") as stream:
        for line in stream:
            stream.write(json.dumps(dispatch(json.loads(line))) + "\n")
            stream.flush()


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path + ".new")
    listener.listen()
    os.rename(path + ".new", path)  # who sees it can connect
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def configure(block):
    (path,) = [item.values[0] for item in block.children if item.key == "Socket"]

    def start():
        for old in (path, path + ".new"):
            if os.path.exists(old):
                os.remove(old)
        threading.Thread(target=listen, args=(path,), daemon=True).start()

    collectd.register_init(start)


collectd.register_config(configure)
