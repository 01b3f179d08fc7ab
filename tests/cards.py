"""The tables of a shipped card, read back from its Markdown."""

import re

from medgan_utils.models import load_card
from medgan_utils.table import Estimate

ESTIMATE = re.compile(r"(-?[\d.e-]+) \((-?[\d.e-]+) – (-?[\d.e-]+)\)")


def cell(text):
    """A cell as the number, the estimate or the text that it was."""
    text = text.strip()
    if found := ESTIMATE.fullmatch(text):
        return Estimate(*map(float, found.groups()))
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return text


def tables(name):
    """Heading -> rows of the first table below it."""
    found = {}
    for section in load_card(name).split("\n## ")[1:]:
        lines = [line.strip("|").split("|") for line in section.splitlines() if line[:1] == "|"]
        if lines:
            keys = [key.strip() for key in lines[0]]
            rows = [dict(zip(keys, map(cell, line), strict=True)) for line in lines[2:]]
            found[section.splitlines()[0]] = rows
    return found


def verdict_lines(name):
    """The verdict of a card, its bullets joined to one line each."""
    section = load_card(name).split("\n## How good")[1].split("\n| set")[0]
    return [line[2:] for line in section.splitlines() if line.startswith("- ")]
