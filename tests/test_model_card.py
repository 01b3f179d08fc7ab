"""The report begins with what matters, is whole, and can be read by whoever reads the folder."""

import numpy as np
import pytest

from medgan_utils import evaluation
from medgan_utils.display import plots
from medgan_utils.table import Estimate, Table

FACTS = {"Data": {"licence": "CC <0>"}, "Subjects": {"train subjects": "sub-1, sub-2"}}
TABLES = {"Scores": Table([{"set": "generated", "FD": Estimate(2, 1, 3)}])}


def write(folder, **more):
    png = plots.grid_png(np.zeros((2, 8, 8)))
    figures = {"Real slices": png, "Generated slices": png}
    return evaluation.write_report(folder, "A run", FACTS, TABLES, figures, **more)


def test_verdict_and_pictures_come_first_and_subjects_last(tmp_path):
    card, page = write(tmp_path / "new", verdict=["Distance: 2 < 3", "Next: rest"])
    html = page.read_text(encoding="utf-8")
    order = ["Not for diagnosis", "Distance: 2 &lt; 3", "Next: rest", "Real slices"]
    order += ["Generated slices", "<h2>Scores", "CC &lt;0&gt;", "sub-1, sub-2"]
    places = [html.index(text) for text in order]
    assert places == sorted(places) and "<0>" not in html
    text = card.read_text(encoding="utf-8")
    places = [text.index(part) for part in ("Verdict", "Distance: 2", "| generated |", "sub-1")]
    assert places == sorted(places) and "base64" not in text


def test_a_figure_that_is_no_png_leaves_the_older_report(tmp_path):
    _, page = write(tmp_path)
    before = page.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"'x' is no PNG"):
        evaluation.write_report(tmp_path, "Other", FACTS, TABLES, {"x": b"GIF89a"})
    assert page.read_text(encoding="utf-8") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model-card.md", "report.html"]
