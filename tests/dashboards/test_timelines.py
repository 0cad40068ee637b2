"""State timelines: the colours and texts of their mappings, and one row where nothing is up."""

import pytest

import asking
import scenarios
import servers

WARNING, FAILURE = ("warning", "orange"), ("failure", "red")


def timelines(page):
    found = page.of_type("state-timeline")
    assert found, page
    return found


def mapped(panel):
    """{(text, colour)} of the panel's value mappings."""
    defaults = panel.json["fieldConfig"]["defaults"]
    overrides = panel.json["fieldConfig"]["overrides"]
    found = list(defaults.get("mappings", []))
    for override in overrides:
        found += [m for p in override["properties"] if p["id"] == "mappings" for m in p["value"]]
    texts = set()
    for mapping in found:
        one = mapping["options"]
        results = one.values() if mapping["type"] == "value" else [one["result"]]
        texts |= {(result["text"], result["color"]) for result in results}
    return texts


def states(row):
    return [(segment["text"], segment["color"]) for segment in row["segments"]]


@pytest.mark.parametrize(
    "name, words",
    [
        ("fleet", "mixed"),
        ("fleet", "quiet"),
        ("triage", "calm"),
        ("triage", "sick"),
        ("triage", "ended"),
    ],
)
def test_states(look, name, words):
    """state timelines have the texts and colours of their mappings, and no empty row (%s)"""
    for panel in timelines(look(name, words)):
        assert panel.message is None, panel
        for row in panel.rows:
            assert states(row), "%s: the row %s is empty" % (panel, row["name"])
            assert set(states(row)) <= mapped(panel), panel


def test_rows_have_room(look):
    """the labels of a state timeline's rows do not overlap (%s)"""
    for name, words in [("fleet", "mixed"), ("triage", "sick")]:
        for panel in timelines(look(name, words)):
            height = asking.height_of(panel.json) - 30  # the time axis
            assert height >= 14 * len(panel.rows), panel


def test_calm_fleet(look):
    """a timeline of a fleet in which nothing is up is one green row that says so (%s)"""
    for panel in timelines(look("fleet", "quiet")):
        (row,) = panel.rows
        assert {color for _, color in states(row)} == {"green"}, panel
        assert "nothing up" in " ".join([row["name"]] + [text for text, _ in states(row)]), panel


def test_calm_sidecar(look):
    """the red flags of a calm sidecar are green, and so are its collectors (%s)"""
    for panel in timelines(look("triage", "calm")):
        assert {color for row in panel.rows for _, color in states(row)} == {"green"}, panel


def test_sick_sidecar(look):
    """a flag that went from warning to failure is orange, then red, when it was (%s)"""
    panel = look("triage", "sick").panel("Red flags")
    (row,) = [row for row in panel.rows if row["name"] == "fds"]
    found = [segment for segment in row["segments"] if segment["color"] != "green"]
    assert [(s["text"], s["color"]) for s in found] == [WARNING, FAILURE]
    begin = look.now - 15 - servers.SECONDS
    for segment, since in zip(found, (2520, 13720)):
        assert abs(segment["from"] / 1000 - begin - since) <= 120, segment


def test_fleet_flags(look):
    """Fleet's timelines have a row for each flag that is up, and each sidecar that has one (%s)"""
    page = look("fleet", "mixed")
    by_flag = page.panel("Red flags of all chosen sidecars")
    colors = {row["name"]: states(row)[-1][1] for row in by_flag.rows if states(row)}
    for sidecar in (scenarios.SICK, scenarios.GROWING, scenarios.BUSY):
        for flag in sidecar.up(1, servers.SECONDS):
            failing = flag in sidecar.up(2, servers.SECONDS)
            assert colors.get(flag) == ("red" if failing else "orange"), flag
    by_sidecar = page.panel("Flagged sidecars")
    names = {row["name"].split(" ")[0]: states(row)[-1] for row in by_sidecar.rows}
    assert names["api"] == names["crawler"] == FAILURE
    assert names["docs"] == WARNING
    assert "notes" not in names and "website" not in names


def test_ended_sidecar(look):
    """the timeline of a sidecar that has ended ends with it (%s)"""
    panel = look("triage", "ended").panel("Red flags")
    end = look.now - 15 - servers.SECONDS + scenarios.ENDED.ends
    for row in panel.rows:
        last = row["segments"][-1]["to"] / 1000
        # Prometheus shows the last sample for five minutes: it was not told that there is no more.
        assert end - 120 <= last <= end + 420, row["name"]
