"""Grafana-managed rules over Graphite, evaluated: graphite-web answers, and what Grafana's server
would do with the answers (reduce, math, the states of errors and of no data) is done here.

Only what the rules use is known. Anything else in a rule is an error, and so are two series with
the same labels, which Grafana refuses.
"""

import http.client
import json
import re
import statistics

REDUCERS = {"last": lambda values: values[-1], "min": min, "sum": sum, "mean": statistics.fmean}
_MATH = re.compile(r"[\d\s.()*/>=<!&|+-]|\$\w+")
# Grafana 10.0 loads these; the whole file fails with another one.
STATES = {"execErrState": {"OK", "Error", "Alerting"}, "noDataState": {"OK", "NoData", "Alerting"}}
_TEMPLATE = re.compile(r'\{\{ reReplaceAll "(.*)" "\$(\d)" \$labels\.name \}\}')
_LABEL = re.compile(r"\{\{ \$labels\.(\w+) \}\}")


class Unjoined(Exception):
    """Labels of two sides of an expression have nothing in common."""


def provisioned(rule):
    """As Grafana takes it from a file: in labels $$ stands for a dollar, all else is as it is."""
    labels = rule["labels"].values()
    assert not any("$" in value.replace("$$", "") for value in labels), "a single $ is a variable"
    for field, states in STATES.items():
        assert rule[field] in states, (rule["title"], field, rule[field])
    rest = json.dumps({key: rule[key] for key in ("data", "annotations")})
    assert "$$" not in rest, "a doubled $: " + rule["title"]
    return dict(rule, labels={key: value.replace("$$", "$") for key, value in rule["labels"].items()})


class Rule:
    def __init__(self, rule):
        self.rule = provisioned(rule)
        self.title = self.rule["title"]
        self.severity = self.rule["labels"]["severity"]
        self.parts = {part["refId"]: part for part in self.rule["data"]}

    def queries(self):
        return [
            (part["model"]["target"], part["relativeTimeRange"])
            for part in self.parts.values()
            if part["datasourceUid"] != "__expr__"
        ]

    def evaluate(self, render):
        """{labels as a sorted tuple: value of the condition}; `render` asks graphite-web."""
        return self._value(self.rule["condition"], render)

    def alerts(self, render):
        """What an evaluation makes fire, the hold left aside: [(title, host, sidecar)]. An error and
        an empty answer are an alert without labels of a series unless the rule says that they are
        none; Grafana calls them DatasourceError and DatasourceNoData when they keep their own state.
        """
        try:
            found = self.evaluate(render)
        except (OSError, http.client.HTTPException):
            return self._state("execErrState", {"Error": "DatasourceError", "Alerting": self.title})
        if not found:
            return self._state("noDataState", {"NoData": "DatasourceNoData", "Alerting": self.title})
        return [(self.title, *pair) for pair in self.firing(lambda *_: None, found)]

    def _state(self, field, titles):
        title = titles.get(self.rule[field])
        return [] if title is None else [(title, None, None)]

    def firing(self, render, found=None):
        """{(host, sidecar)} that are above, as the alert's labels name them."""
        found = self.evaluate(render) if found is None else found
        return {
            (self._label("instance", labels), self._label("sidecar", labels))
            for labels, value in found.items()
            if value
        }

    def _label(self, name, labels):
        template = self.rule["labels"].get(name)
        if template is None:
            return None
        if tag := _LABEL.fullmatch(template):
            return dict(labels)[tag.group(1)]
        pattern, group = _TEMPLATE.fullmatch(template).groups()
        pattern = pattern.replace("\\\\", "\\")
        return re.sub(pattern, "\\" + group, dict(labels)["name"])

    def _value(self, ref, render):
        part = self.parts[ref]
        model = part["model"]
        if part["datasourceUid"] != "__expr__":
            found = {}
            for one in render(model["target"], part["relativeTimeRange"]):
                labels = tuple(sorted(one["tags"].items()))
                assert labels not in found, "two series have the labels %s" % (labels,)
                found[labels] = [value for value, _ in one["datapoints"] if value is not None]
            return found
        if model["type"] == "reduce":
            reducer = REDUCERS[model["reducer"]]
            series = self._value(model["expression"], render)
            return {labels: reducer(values) for labels, values in series.items() if values}
        assert model["type"] == "math", model
        return self._math(model["expression"], render)

    def _math(self, text, render):
        assert _MATH.sub("", text) == "", "not understood: " + text
        sides = {name: self._value(name, render) for name in set(re.findall(r"\$(\w+)", text))}
        keys = set.intersection(*map(set, sides.values()))
        if not keys and all(sides.values()):
            raise Unjoined(text)
        code = re.sub(r"\$(\w+)", r"\1", text).replace("&&", " and ").replace("||", " or ")
        compiled = compile(code, text, "eval")
        return {
            key: eval(compiled, {}, {name: side[key] for name, side in sides.items()})
            for key in keys
        }
