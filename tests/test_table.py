"""The one table: what it shows, in every form, and that it comes back as it was saved."""

import json

import numpy as np
import pytest

from medgan_utils.table import Estimate, Table, format_value

NAN = float("nan")
ROWS = (
    {"set": "floor <real>", "FD-enc": 1.23456, "images": 12000, "passed": True},
    {"set": "GAN", "FD-enc": (12.34, 11.0, 14.0), "images": None, "KID": NAN},
)


def test_html_is_escaped_captioned_and_has_headings_for_screen_readers():
    html = Table(ROWS, caption="Lower is better", notes="a < b")._repr_html_()
    assert "<caption>Lower is better</caption>" in html
    assert "floor &lt;real&gt;" in html and "<real>" not in html
    assert html.count('scope="col"') == 5 and html.count('scope="row"') == 2
    assert html.endswith('<p class="notes">a &lt; b</p>')
    assert html.count("text-align:right") == 4 * 3  # all but the first: head and two rows


def test_text_is_aligned_and_rounded():
    lines = repr(Table(ROWS, columns=["set", "FD-enc", "images"])).splitlines()
    assert [line.split("  ")[0].strip() for line in lines[2:]] == ["floor <real>", "GAN"]
    assert "1.23" in lines[2] and "12,000" in lines[2]
    assert "12.3 (11.0 – 14.0)" in lines[3] and lines[3].endswith("–")


def test_markdown_keeps_its_columns():
    text = Table([{"a": "x|y", "b": Estimate(0.5, 0.25, 1.0)}], caption="C", notes="N").markdown()
    assert text.splitlines() == [
        "C",
        "",
        "| a | b |",
        "| --- | --- |",
        "| x\\|y | 0.500 (0.250 – 1.00) |",
        "",
        "N",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.000123456, "0.000123"),
        (1234.5, "1,234"),
        (True, "yes"),
        ("x", "x"),
        (-0.5, "-0.500"),
        (Estimate(0.5, NAN, NAN), "0.500"),
        (None, "–"),
        (float("inf"), "inf"),
    ],
)
def test_one_value(value, text):
    assert format_value(value) == text == Table([{"value": value}]).cells()[0][0]


def test_an_estimate_prints_as_it_does_in_a_table():
    assert f"{Estimate(0.91, 0.878, 0.934)}" == "0.910 (0.878 – 0.934)"


def test_rows_of_another_table_and_what_is_missing():
    first = Table(ROWS)
    assert Table(first, columns=["set"]).cells() == [["floor <real>"], ["GAN"]]
    assert first["GAN"]["images"] is None and len(first) == 2
    with pytest.raises(KeyError, match="no row 'seed 9'; there are: floor <real>, GAN"):
        first["seed 9"]
    with pytest.raises(ValueError, match="no rows"):
        Table([])
    with pytest.raises(ValueError, match="no row has the column 'FID'; there are set"):
        Table(ROWS, columns=["FID"])


def test_it_comes_back_as_it_was_saved(tmp_path):
    table = Table([{"set": "a", "FD": Estimate(1.5, 1.0, 2.0)}], caption="C", notes="N")
    path = table.save(tmp_path / "table.json")
    saved = json.loads(path.read_text(encoding="utf-8"))
    again = Table.from_plain_rows(saved["rows"], caption=saved["caption"], notes=saved["notes"])
    assert again.rows == table.rows and again.markdown() == table.markdown()
    assert isinstance(again.rows[0]["FD"], Estimate)


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), np.int64(3), np.bool_(True)])
def test_numbers_of_numpy_are_saved(tmp_path, value):
    path = Table([{"set": "a", "value": value}]).save(tmp_path / "table.json")
    [row] = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert row["value"] == value.item() and type(row["value"]) is type(value.item())


def test_a_number_that_rounds_up_to_whole_is_written_whole():
    assert format_value(99.97) == "100" and format_value(99.4) == "99.4"
    assert format_value(0.9997) == "1.00"


def test_a_saved_table_is_json_that_others_read_too(tmp_path):
    table = Table([{"set": "a", "FD": Estimate(2.0, np.nan, np.nan), "KID": float("nan")}])
    refuse = lambda text: pytest.fail(f"{text} is no JSON")  # noqa: E731
    text = table.save(tmp_path / "t.json").read_text("utf-8")
    rows = json.loads(text, parse_constant=refuse)["rows"]
    assert rows == [{"set": "a", "FD": [2.0, None, None], "KID": None}]
    again = Table.from_plain_rows(rows)
    assert again.cells() == table.cells() and np.isnan(again.rows[0]["FD"].low)


def test_a_shape_is_no_interval():
    assert format_value((64, 64, 1)) == "(64, 64, 1)"
    assert format_value((0.5, 0.25, 0.75)) == "0.500 (0.250 – 0.750)"
    assert format_value(Estimate(0, 0, 1)) == "0 (0 – 1)"


def test_shapes_pairs_and_the_endless_outlive_json(tmp_path):
    row = {"output": (64, 64, 1), "pair": (1, 2), "limit": np.inf, "found": Estimate(1, 0, 2)}
    saved = Table([row]).save(tmp_path / "new" / "table.json")
    [read] = json.loads(saved.read_text(), parse_constant=pytest.fail)["rows"]
    assert read["output"] == "(64, 64, 1)" and read["limit"] is None
    assert Table.from_plain_rows([read]).rows[0]["found"] == Estimate(1, 0, 2)


def evaluation_rows(path):
    import json

    return json.loads(path.read_text("utf-8"))["rows"]


def test_a_table_saves_what_json_does_not_hold(tmp_path):
    path = Table([{"file": tmp_path, "psnr": np.inf, "n": 3, "ok": True}]).save(tmp_path / "t.json")
    back = Table.from_plain_rows(evaluation_rows(path)).rows[0]
    assert back["file"] == str(tmp_path) and back["n"] == 3 and back["ok"] is True
