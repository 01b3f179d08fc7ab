"""Read a stored result, and check that it says what made it."""

import json
import re

from medgan_utils import profiles


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
