"""A script for collectd's python plugin: writes each notification as a line of JSON.

The File option of the Module block is where to. What the daemon hands to notification
plugins is what stands there, meta data included.
"""

import json

import collectd  # pylint: disable=import-error  # there inside the daemon only

SEVERITIES = {
    collectd.NOTIF_OKAY: "okay",
    collectd.NOTIF_WARNING: "warning",
    collectd.NOTIF_FAILURE: "failure",
}
FIELDS = "host plugin plugin_instance type type_instance message time".split()


class Recorder:
    """What the callbacks share."""

    path = None


def configure(block):
    for option in block.children:
        if option.key == "File":
            Recorder.path = option.values[0]


def record(notification):
    line = {name: getattr(notification, name) for name in FIELDS}
    line["severity"] = SEVERITIES[notification.severity]
    line["meta"] = dict(notification.meta)
    with open(Recorder.path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


collectd.register_config(configure)
collectd.register_notification(record)
