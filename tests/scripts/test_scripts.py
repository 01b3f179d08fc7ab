"""Every script starts as the READMEs say, and its parts can be imported from its folder alone."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [
    path
    for folder in ("recipes", "experiments", "benchmarks", "tools")
    for path in sorted((ROOT / folder).glob("*.py"))
]
MAIN = [str(path) for path in SCRIPTS if "__main__" in path.read_text(encoding="utf-8")]

# One process for all, since each alone would load TensorFlow: what `python script.py --help` does.
HELP = """
import contextlib, io, runpy, sys
path = list(sys.path)
for script in sys.argv[1:]:
    sys.path[:] = [script.rpartition("/")[0], *path]
    sys.argv = [script, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as stopped:
            print(stopped.code)
    text = said.getvalue()
    assert text.startswith("usage:") and text.endswith("\\n0\\n"), f"{script}: {text[-2000:]}"
"""


def run(code, *arguments, cwd):
    """Run Python where the checkout is on the path as an editable install puts it there: last."""
    command = [sys.executable, "-c", code.replace("ROOT", repr(str(ROOT))), *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
        "MEDGAN_REAL_DATA": ""
    }
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


def test_scripts_start_anywhere(tmp_path):
    done = run(f"import sys; sys.path.append(ROOT)\n{HELP}", *MAIN, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert not any(tmp_path.iterdir())


def test_parts_of_recipes_are_imported_from_that_folder_alone(tmp_path):
    code = "import sys; sys.path = [ROOT + '/recipes', *sys.path, ROOT]\n"
    code += "from ixi_split import ixi_splits\nfrom recipe import build\n"
    code += "from settings import BASE\nbuild(BASE)"
    done = run(code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
