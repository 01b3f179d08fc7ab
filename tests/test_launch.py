"""Worker processes: who talks, who is stopped, how often all start again. No TensorFlow here."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medgan_utils.training import launch

WORKER = """
import json, os, signal, sys, time
from pathlib import Path
config, folder = json.loads(os.environ["TF_CONFIG"]), Path(sys.argv[1])
index, addresses = config["task"]["index"], config["cluster"]["worker"]
attempt = len(list(folder.glob(f"start-{index}-*")))
(folder / f"start-{index}-{attempt}").write_text(" ".join(addresses))
print(f"worker {index}, attempt {attempt}")
"""


@pytest.fixture
def started(tmp_path):
    """Return a function that launches two workers with more code, and says who started when."""

    def run(code="", saved=lambda: 0, **options):
        command = [sys.executable, "-c", WORKER + code, str(tmp_path)]
        launch.launch(command, 2, saved, **options)
        return sorted(path.name for path in tmp_path.glob("start-*"))

    run.folder = tmp_path
    return run


def test_each_has_its_own_place_in_one_cluster_and_the_chief_is_heard(started, capsys):
    assert started() == ["start-0-0", "start-1-0"]
    assert capsys.readouterr().out == "worker 0, attempt 0\n"
    first, second = (path.read_text() for path in sorted(started.folder.iterdir()))
    assert first == second and len(set(first.split())) == 2
    assert all(address.startswith("127.0.0.1:") for address in first.split())


def test_one_that_is_killed_takes_the_others_with_it_and_all_start_again(started, capsys):
    code = """
(folder / f"pid-{index}-{attempt}").write_text(str(os.getpid()))
if attempt == 0:
    while not (folder / "pid-0-0").exists():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL) if index == 1 else time.sleep(600)
"""
    assert started(code, saved=lambda: 40) == ["start-0-0", "start-0-1", "start-1-0", "start-1-1"]
    assert "worker 1 was ended by SIGKILL; all go on from step 40" in capsys.readouterr().out
    with pytest.raises(ProcessLookupError):  # the survivor is gone
        os.kill(int((started.folder / "pid-0-0").read_text()), 0)


def test_the_same_end_twice_at_one_step_is_an_error_with_the_last_line(started):
    with pytest.raises(ChildProcessError, match=r"worker 1 ended with 3, twice .* step 8.*no disk"):
        started("if index: sys.exit(print('no disk') or 3)\ntime.sleep(600)", saved=lambda: 8)
    assert len(list(started.folder.glob("start-1-*"))) == 2


def test_where_steps_are_won_all_start_again_but_not_for_ever(started):
    steps = iter(range(10, 100, 10))
    with pytest.raises(ChildProcessError, match="worker 0 ended with 3; 2 restarts were of no use"):
        started("sys.exit(0 if index else 3)", saved=lambda: next(steps), restarts=2)
    assert len(list(started.folder.glob("start-0-*"))) == 3


def test_workers_end_when_their_launcher_is_killed(tmp_path):
    worker = (
        "import os, sys, time; from pathlib import Path; from medgan_utils.training import launch; "
        "launch.end_with_launcher(); "
        "Path(sys.argv[1], os.environ['TF_CONFIG'][-3]).write_text(str(os.getpid())); "
        "time.sleep(600)"
    )
    code = (
        "import sys; from medgan_utils.training import launch; "
        f"launch.launch([sys.executable, '-c', {worker!r}, {str(tmp_path)!r}], 2, lambda: 0)"
    )
    launcher = subprocess.Popen([sys.executable, "-c", code])
    end = time.monotonic() + 60
    files = []
    while len(files) < 2 and time.monotonic() < end:
        time.sleep(0.05)
        files = [path for path in tmp_path.iterdir() if path.read_text()]
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    pids = [int(path.read_text()) for path in files]
    assert len(pids) == 2
    while any(map(running, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(running, pids))


def running(pid):
    """Whether a process is there; one that ended and was not asked for yet does not count."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_cluster_is_read_from_the_environment(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert launch.this_worker() == (0, 1)
    monkeypatch.setenv("TF_CONFIG", launch.tf_config(["a:1", "b:1", "c:1"], 2))
    assert launch.this_worker() == (2, 3)
    with_chief = {"cluster": {"chief": ["a:1"], "worker": ["b:1"]}}
    monkeypatch.setenv(
        "TF_CONFIG", json.dumps(with_chief | {"task": {"type": "worker", "index": 0}})
    )
    assert launch.this_worker() == (1, 2)
    for wrong in ("{", "[]", '{"cluster": {}}', '{"cluster": [], "task": {}}'):
        monkeypatch.setenv("TF_CONFIG", wrong)
        with pytest.raises(ValueError, match="must name cluster and task"):
            launch.this_worker()


def blocks():
    """Return the shell lines of the guide that make a `TF_CONFIG`, by their section."""
    guide = Path(__file__).resolve().parents[1] / "docs" / "workers.md"
    sections = guide.read_text("utf-8").split("\n## ")[1:]
    found = {text.split("\n")[0]: re.findall(r"```sh\n(.*?)```", text, re.S) for text in sections}
    return {
        name: next(code for code in codes if "TF_CONFIG" in code) for name, codes in found.items()
    }


@pytest.mark.parametrize(
    ("cluster", "variables", "addresses"),
    [
        (
            "Slurm",
            {"SLURM_JOB_NODELIST": "node[1-3]", "SLURM_PROCID": "2"},
            ["node1:2222", "node2:2222", "node3:2222"],
        ),
        (
            "Kubernetes",
            {"WORKERS": "2", "JOB_COMPLETION_INDEX": "1"},
            ["medgan-0.medgan:2222", "medgan-1.medgan:2222"],
        ),
    ],
)
def test_the_lines_for_a_cluster_name_it(tmp_path, monkeypatch, cluster, variables, addresses):
    """What `scontrol` says stands in for Slurm; the command that follows is not run."""
    fake = {
        "scontrol": '[ "$*" = "show hostnames node[1-3]" ] && printf "node1\\nnode2\\nnode3\\n"',
        "python": f'[ "$2" = medgan_utils ] && echo "$TF_CONFIG" || exec {sys.executable} "$@"',
    }
    for name, code in fake.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{code}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", blocks()[cluster]],
        env=os.environ | variables | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("TF_CONFIG", done.stdout)
    assert launch.this_worker() == (len(addresses) - 1, len(addresses))
    assert json.loads(done.stdout)["cluster"]["worker"] == addresses
