"""Writes the tables of metrics, red flags and healthy ranges from the code: `make tables`. They go into
README.md and the man page, and, for alert rules and dashboards, into files of their own."""

import os

from agreement import FLAGS, HEALTHY, REGIONS, SOURCE, output_of, read, region


def write(path, text):
    with open(os.path.join(SOURCE, path), "w", encoding="utf-8") as file:
        file.write(text)


for path, (begin, end), make in REGIONS:
    before, _, after = region(read(path), begin, end)
    write(path, before + make() + after)
    print("written: a table in", path)
for path, program in ((FLAGS, "print_flags"), (HEALTHY, "print_healthy")):
    write(path, output_of(program))
    print("written:", path)
