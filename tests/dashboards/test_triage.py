"""Triage and Go runtime: what a calm sidecar's panels show, a sick one's, one's without pprof."""

import re

import pytest

import asking
import scenarios
import servers

ALARMING = re.compile("(orange|red)$")
MB = scenarios.MB


def share(scale):
    """The part of the chart's height that is coloured orange or red."""
    low, high = scale["min"], scale["max"]
    covered = 0
    for area in scale["areas"]:
        if ALARMING.search(area["color"]):
            begin = max(low, area["from"] if area["from"] is not None else low)
            end = min(high, area["to"] if area["to"] is not None else high)
            covered += max(0, end - begin)
    return covered / (high - low) if high > low else 0


def lowest_alarm(scale):
    levels = [area["from"] for area in scale["areas"] if ALARMING.search(area["color"])]
    return min((level for level in levels if level is not None), default=None)


def assert_not_alarming(panel):
    """No series reaches an orange or red level of its axis, and none of its axes is full of them."""
    for number, scale in enumerate(panel.scales):
        if scale["style"] == "off":
            continue
        assert "area" not in scale["style"] or share(scale) < 0.5, "%s: %s" % (panel, scale)
        level = lowest_alarm(scale)
        for one in panel.series:
            if one["scale"] == number and level is not None:
                highest = max((v for _, v in one["points"] if v is not None), default=0)
                assert highest < level, "%s: %s is at %g, and %g is alarming" % (
                    panel,
                    one["name"],
                    highest,
                    level,
                )


@pytest.mark.parametrize("name", ["triage", "runtime"])
@pytest.mark.parametrize("words", ["calm", "without pprof"])
def test_calm(look, name, words):
    """no chart of a calm sidecar is orange or red, nor a number (%s)"""
    page = look(name, words)
    for panel in page.of_type("timeseries"):
        assert_not_alarming(panel)
    for panel in page.of_type("stat", "bargauge"):
        for value in panel.seen["values"]:
            assert not ALARMING.search(value["color"] or ""), panel


def test_sick(look):
    """a leak of files is red where files are shown, and nothing else is (%s)"""
    page = look("triage", "sick")
    colors = {title: page.panel(title, "stat").value()["color"] for title in ("RSS", "Threads")}
    assert page.panel("Open files", "stat").value()["color"] == "red"
    assert colors == {"RSS": "green", "Threads": "green"}
    files = scenarios.call(scenarios.SICK.values()["process_open_fds"], servers.SECONDS)
    assert page.panel("Open files", "stat").value()["text"].replace(",", "") == str(files)
    for title in ("Open files", "Opens of one file"):
        chart = page.panel(title, "timeseries")
        red = [
            one
            for one in chart.series
            for area in chart.scales[one["scale"]]["areas"]
            if area["color"] == "red" and one["last"] >= area["from"]
        ]
        assert red, chart
    for title in ("RSS", "Threads", "Regions", "Goroutines"):
        assert_not_alarming(page.panel(title, "timeseries"))


# --- what grew


def growth(page):
    """{title of the panel: {title of the bar: the bar}}"""
    panels = [panel for panel in page.panels if "per hour" in panel.title]
    assert len(panels) > 2
    return {panel.title: {v["title"]: v for v in panel.seen["values"]} for panel in panels}


def test_titles_of_growth(look):
    """the titles of what grew are read to their end at 1280 pixels (%s)"""
    for panel in look("triage", "growing").panels:
        if "per hour" in panel.title:
            for value in panel.seen["values"]:
                # They have a part of the bar's width, beside it.
                room = 0.4 * asking.width_of(panel.json, 1280)
                assert 7.3 * len(value["title"]) <= room, value["title"]


def test_growth_of_calm(look):
    """of a calm sidecar nothing grew, whatever part of the saw-tooth the edges are at (%s)"""
    for title, bars in growth(look("triage", "calm")).items():
        for name, bar in bars.items():
            least = 0.7 * MB if "B" in bar["text"] else 5
            assert abs(bar["number"]) < least, (title, name, bar)
            assert not ALARMING.search(bar["color"]), (title, name, bar)


@pytest.mark.parametrize(
    "words, title, grown",
    [
        ("growing", "Memory per hour", {"RSS": 30 * MB, "heap in use": 30 * MB}),
        ("growing", "Goroutines per hour", {"all": 10, "chan_receive": 10}),
        ("growing", "Heap by origin per hour", {"other": 30 * MB}),
        ("sick", "Descriptors and regions per hour", {"all": 257, "regular": 257}),
    ],
)
def test_growth_of_leak(look, words, title, grown):
    """of a leak the troughs grew, by so much an hour, and nothing else did (%s)"""
    bars = growth(look("triage", words))[title]
    for name, bar in bars.items():
        if name in grown:
            assert bar["number"] == pytest.approx(grown[name], rel=0.15), (name, bar)
            assert ALARMING.search(bar["color"]), (name, bar)
        else:
            assert bar["number"] < min(grown.values()) / 10, (name, bar)
            assert not ALARMING.search(bar["color"]), (name, bar)
    assert set(grown) <= set(bars)


def test_names_of_bars(look):
    """names of bars are no larger than the text that Grafana leaves room for (%s)"""
    for panel in look("triage", "calm").of_type("bargauge"):
        # @grafana/ui measures them at three fifths of a bar's height, 18 pixels or more, and an em
        # is two thirds of that.
        assert panel.json["options"]["text"]["titleSize"] <= 18 / 1.5, panel


# --- several, and none


def test_several(look):
    """with several sidecars chosen no PID, port or start is shown that is none of theirs (%s)"""
    page = look("triage", "mixed")
    for title in ("Process", "Started"):
        for value in page.panel(title).seen["values"]:
            assert not re.search(r"\d|ago", value["text"]), title
    process = look("triage", "calm").panel("Process")
    assert process.value("pid")["text"] == str(scenarios.CALM.pid)
    assert process.value("pprof")["text"] == "6060"


@pytest.mark.parametrize("name", ["triage", "runtime"])
def test_without_pprof(look, name):
    """without pprof the panels of Go say so, and none says only that there is no data (%s)"""
    page = look(name, "without pprof")
    for panel in page.panels:
        texts = [value["text"] for value in panel.seen.get("values", [])]
        texts += [panel.message] if panel.message else []
        for text in texts:
            assert text not in ("No data", ""), panel
    if name == "triage":
        for title in ("Heap in use", "Goroutines"):
            assert page.panel(title, "stat").value()["text"] == "no pprof", title


@pytest.mark.parametrize(
    "name, words", [("fleet", "mixed"), ("triage", "sick"), ("runtime", "calm")]
)
def test_titles(look, name, words):
    """the titles of panels are read to their end at 1280 pixels (%s)"""
    for panel in look(name, words).panels:
        room = asking.width_of(panel.json, 1280) - 24  # the description's mark
        assert 7.5 * len(panel.title) <= room, panel


# --- rates


@pytest.mark.parametrize(
    "name, title, expected",
    [
        ("triage", "Allocation rate", 0.5 * MB),
        ("triage", "Context switches", 400),
        ("runtime", "Objects allocated and freed", 5000),
    ],
)
def test_rates(look, name, title, expected):
    """what is read once a minute and goes on evenly has a rate that is even (%s)"""
    panel = look(name, "calm").panel(title, "timeseries")
    for one in panel.series:
        middle = [value for _, value in one["points"][20:-5] if value is not None]
        assert len(middle) > 100
        assert min(middle) == pytest.approx(expected, rel=0.1), one["name"]
        assert max(middle) == pytest.approx(expected, rel=0.1), one["name"]


# --- links


def test_link_to_fleet(look):
    """the link from Triage to Fleet leaves the choice of one sidecar behind (%s)"""
    links = look("triage", "calm").links
    (fleet,) = [link for link in links if "fleet" in link["url"]]
    assert not fleet["includeVars"] and "var-sidecar" not in fleet["url"]

