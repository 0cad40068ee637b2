"""Writes the tables of metrics and red flags from the code: `make tables`. They go into README.md and
the man page, and, for the alert rules, into a file of their own."""

import os

from agreement import FLAGS, REGIONS, SOURCE, output_of, read, region


def write(path, text):
    with open(os.path.join(SOURCE, path), "w", encoding="utf-8") as file:
        file.write(text)


for path, (begin, end), make in REGIONS:
    before, _, after = region(read(path), begin, end)
    write(path, before + make() + after)
    print("written: a table in", path)
write(FLAGS, output_of("print_flags"))
print("written:", FLAGS)
