"""Sizes by profile, seeds, claims, and the quiet import."""

import os
import platform
import random
import subprocess
import sys

import numpy as np
import pytest

from medgan_utils import profiles

SIZES = dict(steps=(1, 2, 3))


@pytest.mark.parametrize(("name", "steps"), [("smoke", 1), ("cpu", 2), ("gpu", 3)])
def test_environment_chooses_the_profile(monkeypatch, name, steps):
    monkeypatch.setenv("MEDGAN_PROFILE", name)
    run = profiles.choose(**SIZES)
    assert (run.profile, run.steps, run.seed) == (name, steps, 2026)


def test_cpu_is_the_default(monkeypatch):
    monkeypatch.delenv("MEDGAN_PROFILE")
    assert profiles.choose(**SIZES).profile == "cpu"


def test_unknown_profiles_and_sizes_are_named(monkeypatch):
    for odd in ((1, 2), [1, 2, 3], 7):
        with pytest.raises(ValueError, match="needs three values: for smoke, cpu, gpu"):
            profiles.choose(steps=odd)
    with pytest.raises(AttributeError, match=r"sets no 'setps': steps"):
        profiles.choose(**SIZES).setps  # noqa: B018
    monkeypatch.setenv("MEDGAN_PROFILE", "huge")
    with pytest.raises(ValueError, match="'huge' is none of smoke, cpu, gpu"):
        profiles.choose(**SIZES)


def test_the_same_seed_gives_the_same_numbers():
    profiles.choose(**SIZES, seed=7)
    first = random.random(), np.random.random_sample()  # noqa: NPY002
    profiles.choose(**SIZES, seed=7)
    assert (random.random(), np.random.random_sample()) == first  # noqa: NPY002


def test_claims_are_judged_outside_smoke(monkeypatch, capsys):
    monkeypatch.setenv("MEDGAN_PROFILE", "cpu")
    run = profiles.choose(**SIZES)
    run.claim("one is one", 1 == 1)
    with pytest.raises(AssertionError, match="does not bear out: one is two"):
        run.claim("one is two", 1 == 2)
    monkeypatch.setenv("MEDGAN_PROFILE", "smoke")
    profiles.choose(**SIZES).claim("one is two", 1 == 2)
    assert "✓ one is one" in capsys.readouterr().out


def test_steps_are_divided_and_claims_then_not_judged(monkeypatch, capsys):
    monkeypatch.setenv("MEDGAN_PROFILE", "gpu")
    monkeypatch.setenv("MEDGAN_STEPS_DIVIDED", "1000")
    sizes = dict(steps=(2, 600, 6000), probe_steps=(3, 10, 10), image_size=(64, 64, 128))
    sizes |= dict(every=(1, 200, 2000), live=tuple(dict(gan_steps=n) for n in (4, 900, 9000)))
    run = profiles.choose(**sizes)
    assert (run.steps, run.probe_steps, run.image_size, run.every) == (6, 3, 128, 2)
    assert run.live == {"gan_steps": 9}
    run.claim("one is two", 1 == 2)
    assert "(not judged with steps divided) one is two" in capsys.readouterr().out
    monkeypatch.setenv("MEDGAN_STEPS_DIVIDED", "0")
    with pytest.raises(ValueError, match="'0' must be a whole number from 1"):
        profiles.choose(**sizes)


def test_finish_prints_time_profile_and_cores(capsys):
    run = profiles.choose(**SIZES)
    run._started -= 299.7
    run.finish()
    said = capsys.readouterr().out
    assert f"Ran in 5 min 0 s, profile 'smoke', {os.cpu_count()} CPU cores" in said


@pytest.mark.parametrize(("asked", "used"), [(None, True), ("0", False)])
def test_onednn_is_on_unless_it_is_turned_off(asked, used):
    code = "from medgan_utils import profiles; profiles.quiet_tensorflow(); "
    code += "from tensorflow.python.util import _pywrap_util_port as port; "
    code += "print(port.IsMklEnabled())"
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    environment |= {} if asked is None else {"TF_ENABLE_ONEDNN_OPTS": asked}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    if platform.machine() not in ("x86_64", "AMD64"):
        used = False  # built for x86 alone
    assert done.stdout.split() == [str(used)]


def test_quiet_import_prints_nothing_and_keeps_stderr():
    code = "from medgan_utils import profiles; profiles.quiet_tensorflow(); import sys; "
    code += "print('still here', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == ""
    assert done.stderr == "still here\n"


def test_claims_about_data_of_ones_own_are_told_and_stop_nothing(monkeypatch, capsys):
    monkeypatch.setenv("MEDGAN_PROFILE", "cpu")
    run = profiles.choose(**SIZES)
    run.own_data = True
    run.claim("it holds", True)
    run.claim("it does not", False)
    assert capsys.readouterr().out.endswith("✓ it holds\n✗ not in this run: it does not\n")
    run.own_data = False
    with pytest.raises(AssertionError, match="does not bear out: it does not"):
        run.claim("it does not", False)


def test_numpy_is_seeded_too(monkeypatch):
    draws = []
    for _ in range(2):
        profiles.set_seed(5)
        draws.append((random.random(), np.random.rand()))  # noqa: NPY002
    assert draws[0] == draws[1]


def test_only_whole_numbers_of_steps_are_divided():
    sizes = dict(rest_steps=(1, 2, 3), more_steps=None, inner={"steps": 900, "own_steps": 400})
    assert profiles._steps_divided(sizes, 100, {"inner": {"steps": 3}}) == {
        "rest_steps": (1, 2, 3),
        "more_steps": None,
        "inner": {"steps": 9, "own_steps": 4},
    }
