"""Each option in the manual pages has what a reader looks for: its type, what it does, its default
and what is allowed, why one would change it, and an example."""

import glob
import os
import re
import unittest

import agreement

PAGES = sorted(glob.glob(os.path.join(agreement.SOURCE, "plugins", "*", "*.pod")))


def items(page):
    """(head of its part, option, what follows its name, its paragraphs) of each option."""
    for part in re.split(r"^=head1 ", agreement.read(page), flags=re.MULTILINE)[1:]:
        head = part.partition("\n")[0]
        entries = re.split(r"^=item ", part, flags=re.MULTILINE)[1:]
        for item in entries if head.startswith("OPTIONS") else ():
            title, *paragraphs = item.split("\n=back")[0].strip().split("\n\n")
            name = re.match(r"B<(\w+)>(.*)", title)
            if name:
                yield head, name.group(1), name.group(2), [p.strip("\n") for p in paragraphs]


class OptionItems(unittest.TestCase):
    def test_items(self):
        """every option of every page"""
        found = 0
        for page in PAGES:
            for head, option, values, paragraphs in items(page):
                with self.subTest("%s, %s: %s" % (os.path.basename(page), head, option)):
                    found += 1
                    self.assertRegex(values, r"^ (I<[A-Z ]+>|\[|\])", "no type")
                    default = [i for i, p in enumerate(paragraphs) if p.startswith("Default: ")]
                    self.assertEqual(1, len(default), "not one default")
                    self.assertIn("Allowed: ", paragraphs[default[0]])
                    self.assertGreater(default[0], 0, "it is not said what it does")
                    after = paragraphs[default[0] + 1 :]
                    self.assertTrue(
                        [p for p in after if not p.startswith(" ")], "no reason to change it"
                    )
                    examples = [p for p in after if p.startswith(" ")]
                    self.assertTrue(
                        [p for p in examples if re.search(r"\b%s\b" % option, p)], "no example"
                    )
        self.assertGreater(found, 40)
