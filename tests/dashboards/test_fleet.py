"""Fleet: the numbers of its stats, its table, and the worst of each kind."""

import re

import pytest

import asking
import scenarios
import servers
from test_triage import assert_not_alarming

NOW = servers.SECONDS  # the end, in the scenarios' time
ALIVE = [s for s in scenarios.MIXED if s.ends > NOW]


def flags_up(sidecars, level):
    return sum(len(sidecar.up(level, NOW)) for sidecar in sidecars)


# (title, {choice: (text, colours that are right)})
STATS = {
    "Hosts": {"mixed": ("3", None), "quiet": ("2", None)},
    "Sidecars": {"mixed": (str(len(ALIVE)), None), "quiet": ("3", None)},
    "Red flags up": {
        "mixed": (str(flags_up(ALIVE, 1)), ("orange", "red")),
        "quiet": ("0", ("green",)),
    },
    "Of these, failures": {
        "mixed": (str(flags_up(ALIVE, 2)), ("red",)),
        "quiet": ("0", ("green",)),
    },
    "Without Go values": {"mixed": ("1", None), "quiet": ("0", ("green", "text"))},
    "Not readable": {"mixed": ("0", ("green", "text")), "quiet": ("0", ("green", "text"))},
}


@pytest.mark.parametrize("words", ["mixed", "quiet"])
def test_stats(look, words):
    """Fleet counts sidecars, flags and failures as they are, and colours them so (%s)"""
    page = look("fleet", words)
    for title, expected in STATS.items():
        text, colors = expected[words]
        found = page.panel(title, "stat").value()
        assert found["text"] == text, "%s: %s" % (page, title)
        assert colors is None or found["color"] in colors, "%s: %s" % (page, title)


# --- the table


def the_table(page):
    (panel,) = page.of_type("table")
    assert panel.message is None, panel
    return panel


def cell(row, word):
    """The cell of the column whose name begins with the word."""
    (found,) = [row[name] for name in row if name.lower().startswith(word.lower())]
    return found


def rows_of(page):
    """{name of the sidecar: row}"""
    rows = the_table(page).rows
    by_name = {cell(row, "sidecar")["text"]: row for row in rows}
    assert len(by_name) == len(rows), page
    return by_name


def host_of(page, sidecar):
    return sidecar.host if page.back_end == "prometheus" else sidecar.host.replace(".", "_")


@pytest.mark.parametrize("words", ["mixed", "quiet"])
def test_table(look, words):
    """the table has a row for each sidecar that runs, with its own values in the columns (%s)"""
    page = look("fleet", words)
    rows, sidecars = rows_of(page), ALIVE if words == "mixed" else scenarios.QUIET
    assert sorted(rows) == sorted(sidecar.name for sidecar in sidecars), page
    at = NOW // scenarios.DETAIL * scenarios.DETAIL
    for sidecar in sidecars:
        row, values = rows[sidecar.name], sidecar.values()
        assert host_of(page, sidecar) in [one["text"] for one in row.values()], row
        for column, metric in {
            "RSS": "process_resident_memory_bytes",
            "Files": "process_open_fds",
            "Goroutines": "go_goroutines",
        }.items():
            found = row[column]["value"]
            if metric in values:
                expected = scenarios.call(values[metric], at)
                assert found == pytest.approx(expected, rel=0.03, abs=1), (sidecar.name, column)
            else:
                assert found is None, (sidecar.name, column)
        assert re.fullmatch(r"[\d,]+", row["Files"]["text"]), row


def test_colors_of_table(look):
    """numbers above a red flag's level are red in the table, and all others are not (%s)"""
    page = look("fleet", "mixed")
    rows = rows_of(page)
    assert rows["api"]["Files"]["color"] == "red"
    for name in ("notes", "website"):
        colors = {one["color"] for one in rows[name].values()}
        assert not colors & {"red", "orange"}, (page, name)


def test_order_of_table(look):
    """a sidecar with a failure stands above one with three warnings (%s)"""
    names = [cell(row, "sidecar")["text"] for row in the_table(look("fleet", "mixed")).rows]
    order = [names.index(name) for name in ("api", "crawler", "docs", "notes")]
    assert max(order[:2]) < order[2] < order[3], names


def test_why(look):
    """columns of the table say how many flags are up, and name a worst one in its colour (%s)"""
    rows = rows_of(look("fleet", "mixed"))
    for sidecar in ALIVE:
        row = rows[sidecar.name]
        flags = sidecar.up(2, NOW) or sidecar.up(1, NOW)
        color = "red" if sidecar.up(2, NOW) else "orange" if flags else "green"
        assert row["Worst flag"]["text"] in (flags or ["ok", ""]), sidecar.name
        assert row["Worst flag"]["color"] == color or not flags, sidecar.name
        assert row["Flags"]["text"] == str(len(sidecar.up(1, NOW))), sidecar.name


def test_links_of_table(look):
    """a click on a sidecar leads to its own Triage (%s)"""
    page = look("fleet", "mixed")
    for sidecar in ALIVE:
        (url,) = cell(rows_of(page)[sidecar.name], "sidecar")["links"]
        assert "/d/sidecar-triage" in url
        assert "var-instance=%s&var-sidecar=%s&" % (host_of(page, sidecar), sidecar.name) in url


def test_headers(look):
    """the table's first columns are called host and sidecar (%s)"""
    columns = [column["name"].lower() for column in the_table(look("fleet", "mixed")).columns]
    assert "host" in columns and "sidecar" in columns, columns


def test_width_of_table(look):
    """the table fits a window of 1280 pixels (%s)"""
    panel = the_table(look("fleet", "mixed"))
    # Grafana's least width of a column is 150 unless it says another.
    wanted = sum(column["width"] or column["minWidth"] or 150 for column in panel.columns)
    assert wanted <= asking.width_of(panel.json, 1280), panel.columns


def test_growth(look):
    """the table has growth an hour: of the leak what it is, of the others next to nothing (%s)"""
    rows = rows_of(look("fleet", "mixed"))
    growth = [name for name in rows["api"] if re.search(r"/ ?h\b|an hour|growth", name, re.I)]
    assert growth, list(rows["api"])
    by_value = lambda name: [rows[name][column]["value"] for column in growth]
    assert any(v == pytest.approx(3600 / 14, rel=0.15) for v in by_value("api") if v)
    assert any(v == pytest.approx(30 * scenarios.MB, rel=0.15) for v in by_value("docs") if v)
    for value in by_value("notes"):
        assert value is None or abs(value) < 1.5 * scenarios.MB
    assert all(rows["notes"][column]["color"] not in ("red", "orange") for column in growth)


# --- the worst of each kind


def the_worst(page):
    """Charts with a line for each of some sidecars."""
    found = [p for p in page.of_type("timeseries") if any(" @ " in s["name"] for s in p.series)]
    assert len(found) > 5
    return found


def test_worst(look):
    """the worst of each kind are five at most, by their last value, which the legend shows (%s)"""
    for panel in the_worst(look("fleet", "mixed")):
        last = {one["name"]: one["last"] for one in panel.series}
        assert len(panel.series) <= 5, panel
        assert panel.json["options"]["legend"]["displayMode"] == "table", panel
        shown = [last[name] for name in panel.legend]
        assert shown == sorted(shown, reverse=True), panel
        for one in panel.series:
            texts = [value["text"] for value in one["legend"].values()]
            assert one["text"] in texts, panel
        assert panel.json["gridPos"]["w"] >= 12, panel
    for title, name in {"RSS": "docs", "Open files": "api", "CPU": "crawler"}.items():
        assert look("fleet", "mixed").panel(title).legend[0].startswith(name + " "), title


def test_worst_that_run(look):
    """what has ended is not among the worst at the end of the time range (%s)"""
    page = look("fleet", "mixed")
    for panel in the_worst(page) + [page.panel("Flagged sidecars")]:
        names = [one["name"].split(" ")[0] for one in panel.seen.get("series") or panel.rows]
        assert scenarios.ENDED.name not in names, panel


def test_counts(look):
    """what is counted has no fractions in the legends (%s)"""
    page = look("fleet", "mixed")
    for title in ("Open files", "Goroutines", "Threads", "Memory regions", "Opens of one file"):
        for one in page.panel(title).series:
            assert re.fullmatch(r"[\d,]+", one["text"]), (title, one["name"], one["text"])


def test_calm_worst(look):
    """nothing of a calm fleet is drawn in orange or red areas (%s)"""
    for panel in look("fleet", "quiet").of_type("timeseries"):
        assert_not_alarming(panel)
