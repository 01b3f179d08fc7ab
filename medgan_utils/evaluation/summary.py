"""What the tables of an evaluation say, in a few lines."""

from collections.abc import Iterable, Mapping

import numpy as np

from ..table import Estimate
from .evaluate import BLURRED, COLLAPSED, COPIES, FLOOR, NOISY

LANDMARKS = (FLOOR, BLURRED, NOISY, COLLAPSED, COPIES)


FEWEST = 8  # held-out subjects below which a low value of `copying` shows nothing


def verdict(
    table: Iterable[Mapping],
    judge: Iterable[Mapping] | None = None,
    subjects: int | None = None,
) -> list[str]:
    """Say in a few lines how good the generated images of an evaluation are.

    Of several sets of samples the one with the middle distance is described, of two the worse.

    The floor is no bound: its slices come from few people, and slices of one person are alike,
    while each sample is a person of its own. So a faultless generator lies below it: in simulations
    from the shipped features on average at 0.6 to 0.8 of it (`experiments/floor_of_people.py`).

    Args:
        table: What `evaluate` returned.
        judge: What `judge_table` returned, with a row of the floor; None if none was asked.
        subjects: How many test subjects there are, so that too few are said; None says nothing.

    Returns:
        Distance, variety, sharpness, copying, the judge if there is one, and what to do next: one
        line each.

    Raises:
        ValueError: If the table has no floor or no generated images.
    """
    rows = {row["set"]: row for row in table}
    fakes = [row for name, row in rows.items() if name not in LANDMARKS]
    if FLOOR not in rows or not fakes:
        raise ValueError(f"a verdict needs the row {FLOOR!r} and a row of generated images")
    distance = next(name for name in fakes[0] if name.startswith("FD "))
    fakes.sort(key=lambda row: _estimate(row, distance).value)
    fake = fakes[len(fakes) // 2]
    parts = [
        _distance(fake, rows[FLOOR], distance, len(fakes)),
        _variety(fake, rows[FLOOR]),
        _sharpness(fake, rows),
        _copying(fake, rows[FLOOR], subjects),
    ]
    judged = [] if judge is None else [_judged(list(judge))]
    worst_first = [*reversed(parts), *judged]  # a judge's advice is the least particular
    advice = next((advice for _, advice in worst_first if advice), _NOTHING_FOUND)
    return [line for line, _ in parts + judged] + [f"Next: {advice}"]


_NOTHING_FOUND = (
    "no number of this table tells the samples from other real subjects; ask a judge, look, and "
    "measure what they are for (does a classifier gain by them?)."
)


def _judged(rows: list[Mapping]) -> tuple[str, str]:
    """Read every set of samples beside the floor, seed by seed."""
    floor = next((row for row in rows if row["set"].startswith(FLOOR)), None)
    fakes = [row for row in rows if not row["set"].startswith(LANDMARKS)]
    if floor is None or not fakes:
        raise ValueError(f"a judge's table needs a row {FLOOR!r} and a row of generated images")
    told = [row["set"] for row in fakes if _is_told(row, floor)]
    shown = ", ".join(_scores(row) for row in [*fakes, floor])
    line = f"A judge, a small network (AUC {shown}; 0.5 is chance), "
    if not told:
        return line + "does not tell the samples from real images for sure.", ""
    which = "the samples" if len(told) == len(fakes) else "of these sets only " + _quoted(told)
    return line + f"tells {which} from real images.", (
        "the distances show little, but a judge sees a difference: look at the grain, the "
        "edges and the anatomy, and train longer."
    )


def _is_told(row: Mapping, floor: Mapping) -> bool:
    """Whether with every seed a set's interval lies above chance and above the floor's."""
    pairs = [(_estimate(row, one), _estimate(floor, one)) for one in _seeds(floor)]
    return all(one.low > max(0.5, other.value, _end(other)) for one, other in pairs)


def _seeds(row: Mapping) -> list[str]:
    return [name for name in row if name.startswith("AUC")]


def _scores(row: Mapping) -> str:
    values = " and ".join(f"{_estimate(row, one).value:.2f}" for one in _seeds(row))
    return f"{values} on '{row['set']}'"


def _quoted(names: list[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)


def _end(one: Estimate) -> float:
    """Return the upper end of an interval, 0 where there is none."""
    return one.high if np.isfinite(one.high) else 0.0


def _estimate(row: Mapping, name: str) -> Estimate:
    value = row.get(name, np.nan)
    return value if isinstance(value, Estimate) else Estimate(float(value), np.nan, np.nan)


def _distance(fake: Mapping, floor: Mapping, name: str, sets: int) -> tuple[str, str]:
    value, least = _estimate(fake, name), _estimate(floor, name)
    ratio = value.value / max(least.value, 1e-12)
    which = {1: "", 2: ", the worse of 2 sets of samples"}.get(
        sets, f", median of {sets} sets of samples"
    )
    line = (
        f"Distance to the real images ({name}{which}): {value}, {ratio:.2g} times the floor of "
        f"{least} that other real subjects reach; "
    )
    if value.low > least.high:
        return line + "the intervals lie apart, so the samples differ from real images.", (
            "train longer, to the end of a falling learning rate, or with more subjects; then "
            "evaluate again."
        )
    seen = "; ".join(filter(None, (_beside(fake, floor, one) for one in fake if one != name)))
    line += _overlap(value, least)
    if seen:
        return f"{line} But {seen}.", (
            "other numbers tell the samples from real images where this distance does not: look "
            "at the grain, the edges and the anatomy, and train longer."
        )
    if value.high < least.low:
        return (
            line,
            "rule out copies first: see the line on copying, and the nearest training images.",
        )
    return line, ""


def _overlap(value: Estimate, least: Estimate) -> str:
    """Say what a distance shows that does not lie above the floor's."""
    if np.isnan(value.low + least.high):
        return "without intervals, so how sure that is stays unknown."
    if value.high < least.low:
        return (
            "nearer than other real subjects, with intervals that lie apart: slices of few people "
            "are alike, samples need not be; copies would be as near."
        )
    return "the intervals overlap: so few subjects prove no difference."


def _beside(fake: Mapping, floor: Mapping, name: str) -> str:
    """Say of another number that it is worse than the floor's, if the intervals lie apart.

    Coverage and recall have a line of their own.
    """
    lower = name.startswith(("FD ", "KID ", "SWD"))
    if not lower and name not in ("precision", "density"):
        return ""
    value, least = _estimate(fake, name), _estimate(floor, name)
    if lower and value.low > least.high:
        return f"{name} lies above its floor: {value} beside {least}"
    if not lower and value.high < least.low:
        return f"{name} lies below its floor: {value} beside {least}"
    return ""


def _variety(fake: Mapping, floor: Mapping) -> tuple[str, str]:
    pairs = [(_estimate(x, "coverage"), _estimate(x, "recall")) for x in (fake, floor)]
    line = (
        f"Variety: the samples reach {pairs[0][0].value:.0%} of the real images (coverage; other "
        f"real subjects {pairs[1][0].value:.0%}), recall {pairs[0][1].value:.2f} (other real "
        f"subjects {pairs[1][1].value:.2f}); "
    )
    both = list(zip(*pairs, strict=True))
    shares = [one.value / other.value if other.value else 1.0 for one, other in both]
    apart = [one.high < other.low for one, other in both]  # False without intervals
    unknown = [np.isnan([one.high, other.low]).any() for one, other in both]
    known = zip(shares, apart, unknown, strict=True)
    advice = "train longer, or with a mode-seeking term and DiffAugment."
    if any(share < 0.5 and (far or blind) for share, far, blind in known):
        return line + "many kinds of image are missing.", f"samples are too much alike: {advice}"
    if any(apart):
        return line + "some are missing.", f"samples leave out what real subjects show: {advice}"
    if min(shares) >= 0.85:
        nearly = "nearly " * (min(shares) < 0.95)
        return line + f"{nearly}as much as other real subjects reach.", ""
    if any(unknown):
        return line + "fewer, without intervals: how sure that is stays unknown.", ""
    return line + "fewer than other real subjects reach, but the intervals overlap.", ""


def _sharpness(fake: Mapping, rows: Mapping[str, Mapping]) -> tuple[str, str]:
    detail = {name: _estimate(row, "fine detail") for name, row in rows.items()}
    value, floor = _estimate(fake, "fine detail"), detail[FLOOR]
    if np.isnan(value.value):
        return "Sharpness: this table has no column 'fine detail'.", ""
    known = {name: detail[name].value for name in (FLOOR, BLURRED, NOISY) if name in detail}
    known = {name: one for name, one in known.items() if one > 0} or {FLOOR: 1.0}
    near = min(known, key=lambda name: abs(np.log(max(value.value, 1e-12) / known[name])))
    others = ", ".join(f"{name} {one:.2f}" for name, one in known.items())
    line = f"Sharpness: fine detail is {value} times the real images' ({others}); "
    low = floor.low if np.isfinite(floor.low) else 0.8
    high = floor.high if np.isfinite(floor.high) else 1.25
    least, most = (x if np.isfinite(x) else value.value for x in (value.low, value.high))
    unsure = "" if np.isfinite(value.low) else " (without an interval)"
    if value.value < min(low, 0.9) and most < 1:
        advice = "the samples are blurred: train longer; a weaker R1 or a wider network may help."
        return line + f"blurrier than real images{unsure}, nearest to '{near}'.", advice
    if value.value > max(high, 1.1) and least > 1:
        advice = "the samples are grainy: train longer, average the weights over more steps."
        return line + f"grainier than real images{unsure}, nearest to '{near}'.", advice
    if 0.9 <= value.value <= 1.1:
        return line + "as sharp as real images.", ""
    if unsure:
        return line + "without an interval, so how sure a difference is stays unknown.", ""
    reached = "other real subjects reach that value, or the samples' interval reaches 1"
    return line + f"not told from real images: {reached}.", ""


def _copying(fake: Mapping, floor: Mapping, subjects: int | None) -> tuple[str, str]:
    value, honest = _estimate(fake, "copying"), _estimate(floor, "copying")
    if np.isnan(value.value):
        return (
            "Copying: not measured; it needs the features of the training images, and held-out "
            "images that are not among them."
        ), ""
    line = f"Copying of training images: {value} (0.5 is none, 1 is copies only); "
    if _estimate(fake, "precision").value == 0:
        return line + "not judged, since no sample lies among real images (precision 0).", ""
    least, most = (0.5 if np.isnan(x) else x for x in (honest.value, honest.high))
    if value.low > max(0.5, least) or value.value > max(0.75, most):
        return line + "some samples lie nearer to training images than unseen patients do.", (
            "do not share samples or weights: the generator repeats its training images; use more "
            "subjects, DiffAugment, or stop earlier."
        )
    if subjects is not None and subjects < FEWEST:
        return (
            line + f"no sign of it, but with {subjects} test subjects a low value shows nothing.",
            "",
        )
    return line + "no sign of it.", ""
