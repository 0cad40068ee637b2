"""The table of characters that mislead (plugins/common/text.c) against Unicode's categories.

The oracle is the version of Unicode that this Python has, so it demands no more than what every
version has: a category of an assigned character does not change, but more are assigned."""

import unicodedata
import unittest

import agreement

HARMFUL = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}

# Harmful in spite of a category of letters, marks or symbols: they are invisible. Whole blocks
# where what is assigned later will be of the same kind.
INVISIBLE = (
    (0x34F, 0x34F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x13430, 0x1345F),
    (0xE0000, 0xEFFFF),
)
EMOJI_SELECTORS = (0xFE0E, 0xFE0F)


def is_invisible(code):
    return any(first <= code <= last for first, last in INVISIBLE)


def is_no_character(code):
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def expected(code, category):
    """Where the character is allowed; None when its category does not decide."""
    if code in EMOJI_SELECTORS:
        return {"text"}
    if code == ord("\\") or is_no_character(code) or category in HARMFUL or is_invisible(code):
        return set()
    if category == "Zs":
        return {"text", "name"} if code == ord(" ") else {"text"}
    return None if category == "Cn" else {"text", "name"}


class Characters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        runs = [line.split() for line in agreement.output_of("print_characters").splitlines()]
        begins = [int(run[0], 16) for run in runs] + [0x110000]
        cls.allowed = []
        for run, begin, end in zip(runs, begins, begins[1:]):
            cls.allowed += [set(run[1:]) - {"-"}] * (end - begin)

    def test_all(self):
        """each assigned character is allowed exactly where its category allows it"""
        self.assertEqual(0x110000, len(self.allowed))
        wrong = []
        for code, allowed in enumerate(self.allowed):
            category = unicodedata.category(chr(code))
            wanted = expected(code, category)
            if wanted is not None and wanted != allowed:
                wrong.append("U+%04X %s: %s" % (code, category, sorted(allowed)))
        self.assertEqual([], wrong[:20])

    def test_oracle(self):
        """the oracle tells letters from what hides and what reorders"""
        kinds = {code: expected(code, unicodedata.category(chr(code))) for code in (0x61, 0xAD, 0x202E, 0xE0041)}
        self.assertEqual({0x61: {"text", "name"}, 0xAD: set(), 0x202E: set(), 0xE0041: set()}, kinds)
