"""What made a result: the commit, the accelerators; and what was finished is not run again."""

import json
import sys
from types import SimpleNamespace

import pytest

from tools import record

CALLS = []


def double(x, note=""):
    CALLS.append(x)
    return 2 * x


@pytest.fixture
def _runs(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "ROOT", tmp_path)
    CALLS.clear()


@pytest.mark.usefixtures("_runs")
def test_a_finished_call_is_not_run_again():
    for about, note, expected in (("a", "", 1), ("a", "other note", 1), ("b", "", 2)):
        kept = record.finished(double, {"setting": about}, ignore=["note"])
        assert kept(3, note=note) == 6 and len(CALLS) == expected
    assert record.finished(double, {"setting": "a"})(4) == 8 and CALLS[-1] == 4


def test_the_result_says_which_accelerators_were_seen(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    path = record.record(tmp_path / "new" / "result.json", [1], seeds=[0])
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["provenance"]["machine"].endswith("no GPU used") and content["results"] == [1]
    assert "tensorflow" not in sys.modules  # saying so must not cost seconds
    kinds = [SimpleNamespace(device_type="CPU"), SimpleNamespace(device_type="GPU")]
    config = SimpleNamespace(
        get_visible_devices=lambda: kinds,
        experimental=SimpleNamespace(get_device_details=lambda _: {"device_name": "Card 1"}),
    )
    jax = SimpleNamespace(devices=lambda: [SimpleNamespace(platform="tpu", device_kind="TPU v4")])
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(config=config))
    monkeypatch.setitem(sys.modules, "jax", jax)
    assert record.devices() == "TensorFlow: Card 1, JAX: TPU v4"


def test_a_result_written_a_moment_ago_is_no_change(tmp_path, monkeypatch):
    """Only code and notebooks make a commit "+changes"."""
    asked = []
    run = record.subprocess.run
    monkeypatch.setattr(
        record.subprocess,
        "run",
        lambda command, **more: asked.append(command) or run(command, **more),
    )
    record.provenance([])
    status = asked[-1]
    listed = run([*status[:3], "ls-files", *status[status.index("--") :]], capture_output=True)
    names = listed.stdout.decode().splitlines()
    assert "record.py" in str(names) and not [name for name in names if "/results/" in name]
