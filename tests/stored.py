"""Read a stored result, and check that it says what made it."""

import json
import re

import pytest

from medgan_utils import phantoms, profiles


def stored_result(name: str) -> dict:
    """Return the content of a result that notebooks read."""
    return json.loads(profiles.stored_result(name).read_text(encoding="utf-8"))


def check_provenance(content: dict, script: str) -> None:
    """Fail unless the result names its command, commit, seeds, versions and seconds."""
    made = content["provenance"]
    assert re.match(rf"python \w+/{script}\.py", made["command"])  # the folder may be an older one
    assert len(made["commit"].removesuffix("+changes")) == 40
    assert made["seeds"] and made["seconds"] > 0
    assert {"tensorflow", "keras", "numpy"} <= set(made["versions"])


def skip_unless_of_these_cohorts(content: dict) -> None:
    """Skip a test that computes a row again where the cohorts have changed since."""
    made_of = content["provenance"].get("phantoms", 1)
    if made_of != phantoms.VERSION:
        pytest.skip(f"made of cohorts of version {made_of}, today's are {phantoms.VERSION}")
