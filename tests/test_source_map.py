"""Imports are read from the source, in the checkout and where the package is installed."""

import importlib

import pytest

from medgan_utils import source_map
from medgan_utils.display import house, listing
from tools import map as whole

ROOMS = (
    "phantoms",
    "data",
    "data.sources",
    "models",
    "training",
    "evaluation",
    "display",
    "checks",
)


def test_the_package_is_read_where_it_is_installed():
    found = source_map.needs()
    assert "training.step" in found["training.gan"] and "training" not in found


@pytest.mark.skipif(
    not (whole.ROOT / "medgan_utils").is_dir(), reason="the package is installed, not in this copy"
)
def test_the_package_alone_is_read_as_in_the_map_of_all():
    found, known = source_map.needs(), whole.modules()
    for name in ("training.gan", "data.sources.ct", "workflow"):
        path = known[f"medgan_utils.{name}"]
        expected = {need.removeprefix("medgan_utils.") for need in whole.imports(path)}
        assert found[name] == expected & set(found)


def test_what_comes_through_the_door_of_a_room_is_that_of_its_module():
    found = source_map.needs()
    assert {"training.gan", "training.penalties", "models.dcgan"} <= found["fitting"]
    assert "_lazy" not in found["fitting"]
    assert {"evaluation.summary", "evaluation.quality"} <= found["judging"]  # evaluation.verdict


def test_every_form_of_import_is_understood(tmp_path):
    files = {
        "__init__": "",
        "a": "",
        "b": "X = 1",
        "c": "from . import a\ndef f():\n    import pack.b\n",
    }
    (tmp_path / "pack" / "inner").mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / "pack" / f"{name}.py").write_text(text, "utf-8")
    (tmp_path / "pack" / "inner" / "d.py").write_text("from ..b import X\nimport os\n", "utf-8")
    known = source_map.modules(tmp_path, ["pack"])
    assert set(known) == {"pack", "pack.a", "pack.b", "pack.c", "pack.inner.d"}
    of_c = source_map.imports(known["pack.c"], known, tmp_path)
    assert of_c == {"pack", "pack.a", "pack.b"}
    assert source_map.imports(known["pack.inner.d"], known, tmp_path) == {"pack.b"}


def test_only_sources_look_into_another_room():
    found = house.crossings(source_map.needs(), ROOMS)
    assert found == {
        ("data.sources", "data"),
        ("data.sources", "phantoms"),
        ("data", "data.sources"),
    }
    assert house.room_of("data.sources.ct", ROOMS) == "data.sources"
    assert house.room_of("profiles", ROOMS) is None


def test_every_module_is_drawn_and_the_chosen_one_has_its_colours():
    needs = {"a.x": {"a.y", "base"}, "a.y": set(), "b.z": set(), "base": set(), "roof": {"a.x"}}
    figure = house.house(needs, ("a", "b"), ("base",), "Two rooms", chosen="a.x")
    texts = {text.get_text(): text for text in figure.axes[0].texts}
    assert {"x", "y", "z", "base", "roof"} <= set(texts)
    box = lambda name: texts[name].get_bbox_patch().get_facecolor()  # noqa: E731
    assert box("y") == box("base") != box("z") and box("roof") not in (box("y"), box("z"))
    assert house.house_png(needs, ("a", "b"), ("base",), "Two rooms")[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="no module 'c'"):
        house.house(needs, ("a", "b"), ("base",), "", chosen="c")


def test_a_note_stands_beside_its_line_and_a_stale_one_is_refused():
    shown = listing.Listing(source_map.title, {"return": "the <first> sentence"})
    text = repr(shown)
    assert "def title(path: Path)" in text and '"""' not in text
    assert [line for line in text.splitlines() if line.endswith("the <first> sentence")]
    assert "&lt;first&gt;" in shown._repr_html_()
    with pytest.raises(ValueError, match="stands in 0 lines"):
        listing.Listing(source_map.title, {"no such line": ""})


def test_two_listings_stand_beside_each_other():
    both = listing.Beside(("theirs", "a < b"), ("ours", "b > a"))
    assert "a &lt; b" in both._repr_html_() and both._repr_html_().count("<th") == 2
    assert repr(both).index("theirs") < repr(both).index("ours")


def test_a_listing_leaves_out_the_docstring_and_nothing_else(tmp_path, monkeypatch):
    lines = [
        "def plain(x):",
        "    r'''Say \"why\", in a raw docstring.'''",
        "",
        '    text = """no docstring"""',
        "    return text",
        "class Inherits(dict):",
        "    def get(self, key):",
        '        return """a value"""',
        'def terse(x): "On one line."; return x',
    ]
    (tmp_path / "oddly_documented.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    odd = importlib.import_module("oddly_documented")
    assert listing.source(odd.plain).splitlines() == [lines[0], *lines[3:5]]
    assert listing.source(odd.Inherits.get).splitlines()[1].strip() == lines[7].strip()
    assert listing.source(odd.terse).strip() == lines[8]
