"""A run on paper: a model card (Markdown) and one self-contained page (HTML)."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from .._files import written_whole
from ..table import Table

NOT_FOR = (
    "Not for diagnosis, not for testing a method, not for filling gaps in a patient's study: a "
    "generated image is nobody's image."
)
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 0.85rem; display: block; overflow-x: auto; }
td, th { border-bottom: 1px solid #ccc; padding: 0.25rem 0.6rem; text-align: left; }
img { max-width: 100%; image-rendering: pixelated; }
.figures { display: flex; flex-wrap: wrap; gap: 1.5rem; }
figure { flex: 1 1 20rem; margin: 1rem 0; } figure img { width: 100%; }
figcaption, .notes { color: #555; font-size: 0.9rem; }
"""


def write_report(
    folder: str | Path,
    title: str,
    facts: Mapping[str, Mapping[str, object]],
    tables: Mapping[str, Table],
    figures: Mapping[str, bytes] | None = None,
    verdict: Sequence[str] = (),
) -> tuple[Path, Path]:
    """Write `model-card.md` and `report.html`, each whole or not at all.

    Both say first what the model is not for and what the evaluation found; then come the figures
    (the page only), the tables and the facts.

    Args:
        folder: Where they go; made if it is missing.
        title: Heading of both.
        facts: Section -> entry -> value, for example "Data" with source and licence, "Training"
            with steps and seeds, "Versions"; long lists such as "Subjects" last.
        tables: Heading -> table of an evaluation.
        figures: Caption -> PNG bytes, real images first and generated ones second: they stand
            beside each other.
        verdict: Lines of `verdict`.

    Returns:
        Paths of the card and of the page.

    Raises:
        ValueError: A figure is no PNG.
    """
    folder = Path(folder)
    texts = {
        "model-card.md": _card(title, facts, tables, verdict),
        "report.html": _page(title, facts, tables, figures or {}, verdict),
    }
    for name, text in texts.items():
        with written_whole(folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    return folder / "model-card.md", folder / "report.html"


def _card(title: str, facts: Mapping, tables: Mapping[str, Table], verdict: Sequence[str]) -> str:
    parts = [f"# {title}", f"**{NOT_FOR}**"]
    if verdict:
        parts += ["## Verdict", "\n".join(f"- {line}" for line in verdict)]
    for heading, table in tables.items():
        parts += [f"## {heading}", table.markdown()]
    for section, entries in facts.items():
        lines = "\n".join(f"- **{name}**: {value}" for name, value in entries.items())
        parts += [f"## {section}", lines]
    return "\n\n".join(parts) + "\n"


def _page(
    title: str,
    facts: Mapping,
    tables: Mapping,
    figures: Mapping,
    verdict: Sequence[str],
) -> str:
    parts = [f"<h1>{escape(title)}</h1>", f"<p><strong>{escape(NOT_FOR)}</strong></p>"]
    if verdict:
        items = "".join(f"<li>{escape(line)}</li>" for line in verdict)
        parts.append(f"<h2>Verdict</h2><ul>{items}</ul>")
    drawn = "".join(_figure(caption, data) for caption, data in figures.items())
    parts.append(f'<div class="figures">{drawn}</div>')
    for heading, table in tables.items():
        parts.append(f"<h2>{escape(heading)}</h2>{table.html()}")
    for section, entries in facts.items():
        known = Table({"entry": name, "value": str(value)} for name, value in entries.items())
        parts.append(f"<h2>{escape(section)}</h2>{known.html()}")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f"</title><style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _figure(caption: str, data: bytes) -> str:
    if not data.startswith(b"\x89PNG"):
        raise ValueError(f"figure {caption!r} is no PNG; hand over PNG bytes")
    source = base64.b64encode(data).decode("ascii")
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{source}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
