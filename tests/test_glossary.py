"""The glossary: each term once, in order, in one sentence, and linked from its first use."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROW = re.compile(
    r"\| <a id=\"(.+?)\"></a>\*\*(.+?)\*\* \| (.+) \| \[(\d\d)\]\(\.\./notebooks/(.+?)\) \|"
)
LINK = re.compile(r"\[`?[^\]]+`?\]\(\.\./docs/glossary\.md#([a-z0-9-]+)\)")
ROWS = [
    match.groups()
    for line in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    if (match := ROW.fullmatch(line))
]


def linked(notebook: Path) -> list[str]:
    """Anchors of the glossary that a chapter links to."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    prose = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    return LINK.findall("\n".join(prose))


CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_terms_stand_in_order_each_once():
    terms = [term.lower() for _, term, *_ in ROWS]
    assert len(terms) > 50
    assert terms == sorted(set(terms))
    assert len({anchor for anchor, *_ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_term_is_explained_in_a_sentence_and_linked_from_the_chapter_it_names(row):
    anchor, term, sentence, number, notebook = row
    assert anchor == re.sub(r"[^a-z0-9]+", "-", term.lower())
    assert sentence.endswith(".") and len(sentence) < 180
    assert notebook.startswith(number)
    assert [chapter.name for chapter in CHAPTERS if anchor in linked(chapter)] == [notebook]


def test_every_link_leads_to_a_term():
    links = [anchor for chapter in CHAPTERS for anchor in linked(chapter)]
    assert sorted(links) == sorted(anchor for anchor, *_ in ROWS)
