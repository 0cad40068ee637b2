"""What is cleaned up when it leaves its scope has a value from the moment it is declared.

A cleanup attribute runs on every path out of the scope, the early ones too, and no warning of gcc
or clang finds a path on which the variable was never set. So the attribute stands in macros only,
and each of them declares the variable with its first value (see plugins/common/cleanup.h)."""

import glob
import os
import re
import unittest

import agreement

ATTRIBUTE = re.compile(r"__attribute__\s*\(\(\s*(?:__)?cleanup(?:__)?\b")
# #define NAME(…) ATTRIBUTE TYPE name = VALUE, or, where a type is too large, name.MEMBER = VALUE
MACRO = re.compile(
    r"#define auto\w+\([^)]*\bname\b[^)]*\)\s+__attribute__\(\(cleanup\(\w+\)\)\)\s+"
    r"(?:struct )?\w+ \*?name(?: =|; name\.\w+ =) \S"
)


def sources():
    for folder in ("plugins", "tests"):
        yield from glob.glob(os.path.join(agreement.SOURCE, folder, "**", "*.[ch]"), recursive=True)


class Cleanup(unittest.TestCase):
    def test_macros(self):
        """the attribute stands in macros that give the variable its first value"""
        found = 0
        for path in sources():
            with open(path, encoding="utf-8") as file:
                text = file.read().replace("\\\n", " ")
            for line in filter(ATTRIBUTE.search, text.splitlines()):
                found += 1
                self.assertRegex(re.sub(r"\s+", " ", line), MACRO, path)
        self.assertGreater(found, 5)
