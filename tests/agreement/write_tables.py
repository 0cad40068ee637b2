"""Writes the tables of metrics and red flags into README.md and the man page, from the code: `make tables`."""

import os

from agreement import REGIONS, SOURCE, read, region

for path, (begin, end), make in REGIONS:
    before, _, after = region(read(path), begin, end)
    with open(os.path.join(SOURCE, path), "w", encoding="utf-8") as file:
        file.write(before + make() + after)
    print("written: a table in", path)
