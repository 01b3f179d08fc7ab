"""Chapter 7 on real heads: another cell `your-data`, nothing else."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "notebooks"))

from template import outputs_with

FOLDER = os.environ.get("MEDGAN_REAL_DATA")

pytestmark = pytest.mark.skipif(not FOLDER, reason="set MEDGAN_REAL_DATA to the folder with IXI")


def test_a_folder_of_real_heads(tmp_path):
    said = outputs_with(
        f"""cohorts = {{
    "IXI": dict(
        source="folder",
        options=dict(folder={str(Path(FOLDER, "ixi_t1"))!r}, anatomy="head", subjects=12),
        label=None,
        encoder="brain-encoder-64",
    ),
}}""",
        tmp_path,
    )
    assert "12 subjects, no label" in said["load-cohorts"]
    assert "no test of use" in said["labelled"]
    assert "IXI: model-card.md" in said["report"]
    assert "profile 'smoke'" in said["finish"]
