"""The glossary: each term once, in order, in one sentence, and used in the chapter it names."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROW = re.compile(r"\| \*\*(.+?)\*\* \| (.+) \| \[(\d\d)\]\(\.\./notebooks/(.+?)\) \|")
ROWS = [
    match.groups()
    for line in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    if (match := ROW.fullmatch(line))
]


def words(notebook: str) -> str:
    """Everything that a chapter says, in lower case."""
    content = json.loads((ROOT / "notebooks" / notebook).read_text(encoding="utf-8"))
    return "\n".join("".join(cell["source"]) for cell in content["cells"]).lower()


def test_terms_stand_in_order_each_once():
    terms = [term.lower() for term, *_ in ROWS]
    assert len(terms) > 50
    assert terms == sorted(set(terms))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_term_is_explained_in_a_sentence_and_used_where_it_says(row):
    term, sentence, number, notebook = row
    assert sentence.endswith(".") and len(sentence) < 180
    assert notebook.startswith(number)
    assert term.lower() in words(notebook)
