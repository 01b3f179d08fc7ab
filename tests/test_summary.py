"""The verdict says of known tables what they say."""

import pytest

from medgan_utils import evaluation
from medgan_utils.evaluation import summary
from medgan_utils.evaluation.evaluate import BLURRED, FLOOR, NOISY
from medgan_utils.table import Estimate

NAN = float("nan")


def row(name, fd, coverage=0.8, recall=0.85, detail=1.0, copying=0.5, precision=0.8):
    spread = {"FD enc": 0.3 * fd, "fine detail": 0.05, "copying": 0.05, "precision": 0.0}
    values = {"FD enc": fd, "fine detail": detail, "copying": copying, "precision": precision}
    values |= {"coverage": coverage, "recall": recall}
    spreads = {k: spread.get(k, 0.1) for k in values}
    return {"set": name, "images": 100} | {
        k: Estimate(v, v - spreads[k], v + spreads[k]) for k, v in values.items()
    }


REALS = [row(FLOOR, 2.0), row(BLURRED, 5.0, detail=0.4), row(NOISY, 4.0, detail=1.8)]


def of(*fakes):
    return evaluation.verdict(REALS + list(fakes))


def test_five_lines_of_samples_as_good_as_other_subjects():
    lines = of(row("generated", 2.2))
    assert [line.split(":")[0].split(" (")[0] for line in lines] == [
        "Distance to the real images",
        "Variety",
        "Sharpness",
        "Copying of training images",
        "Next",
    ]
    assert "2.20 (1.54 – 2.86)" in lines[0] and "1.1 times the floor of 2.00 (" in lines[0]
    assert "prove no difference" in lines[0] and "as other real subjects reach" in lines[1]
    assert "as sharp" in lines[2] and "no sign" in lines[3]
    assert "no number of this table tells" in lines[4] and "ask a judge" in lines[4]


@pytest.mark.parametrize(
    ("fake", "line", "says", "advice"),
    [
        (row("g", 12.0), 0, "intervals lie apart", "train longer"),
        (
            row("g", 2.2, coverage=0.2, recall=0.3),
            1,
            "kinds of image are missing",
            "mode-seek",
        ),
        (
            row("g", 2.2, detail=0.5),
            2,
            "nearest to 'reals blurred'",
            "blurred",
        ),
        (row("g", 2.2, detail=1.6), 2, "nearest to 'reals noisy'", "grainy"),
        (row("g", 2.2, copying=0.97), 3, "nearer to training images", "do not share"),
    ],
)
def test_each_fault_is_named_with_what_to_do(fake, line, says, advice):
    lines = of(fake)
    assert says in lines[line]
    assert advice in lines[4]


def test_the_worst_fault_gives_the_advice():
    assert "do not share" in of(row("g", 12.0, coverage=0.1, detail=0.4, copying=0.9))[4]


def test_of_several_seeds_the_median_speaks():
    lines = of(row("a", 9.0), row("b", 3.0), row("c", 5.0))
    assert "median of 3 sets" in lines[0] and "5.00 (3.5" in lines[0]


def test_what_was_not_measured_is_said():
    fake = {k: v for k, v in row("g", 2.2).items() if k not in ("copying", "fine detail")}
    fake["FD enc"] = Estimate(2.2, NAN, NAN)
    lines = of(fake)
    assert "without intervals" in lines[0]
    assert "no column 'fine detail'" in lines[2] and "not measured" in lines[3]
    with pytest.raises(ValueError, match="floor"):
        evaluation.verdict([fake])


def judged(floor, *generated):
    seeds = [f"AUC, seed {seed}" for seed in range(2)]
    names = [f"{FLOOR}, 9 images", "generated, 9 images", "generated, 90 images"]
    values = [floor, *generated]
    return [
        {"set": name} | {seed: Estimate(v, v - 0.1, v + 0.1) for seed in seeds}
        for name, v in zip(names, values, strict=False)
    ]


def test_a_judge_that_sees_a_difference_has_the_last_word_when_the_distances_see_none():
    lines = evaluation.verdict([*REALS, row("g", 2.2)], judged(0.45, 0.6, 0.98))
    assert "0.98 and 0.98 on 'generated, 90 images', 0.45" in lines[4]
    assert lines[4].endswith("tells of these sets only 'generated, 90 images' from real images.")
    assert "a judge sees" in lines[5]
    lines = evaluation.verdict([*REALS, row("g", 2.2, copying=0.97)], judged(0.45, 0.98))
    assert "tells the samples" in lines[4] and "do not share" in lines[5]


@pytest.mark.parametrize("judge", [judged(0.45, 0.55), judged(0.9, 0.8)])
def test_a_judge_that_is_unsure_or_surer_of_real_subjects_shows_nothing(judge):
    lines = evaluation.verdict([*REALS, row("g", 2.2)], judge)
    assert "does not tell" in lines[4] and "no number of this table" in lines[5]


def test_a_judge_without_a_floor_is_refused():
    with pytest.raises(ValueError, match="judge's table"):
        evaluation.verdict([*REALS, row("g", 2.2)], judged(0.45, 0.9)[1:])


def test_variety_is_judged_by_intervals():
    assert "the intervals overlap" in of(row("g", 2.2, coverage=0.65))[1]
    assert "some are missing" in of(row("g", 2.2, coverage=0.55))[1]


def test_a_floor_as_high_is_no_copying_and_samples_far_from_all_are_not_judged():
    floor = row(FLOOR, 2.0, copying=0.7)
    lines = evaluation.verdict([floor, row("g", 2.2, copying=0.69)])
    assert "no sign" in lines[3] and "do not share" not in lines[4]
    assert "do not share" in evaluation.verdict([floor, row("g", 2.2, copying=0.97)])[4]
    far = evaluation.verdict([*REALS, row("g", 90.0, copying=0.9, precision=0.0, detail=0.1)])
    assert "not judged" in far[3] and "blurred" in far[4]


def test_of_few_test_subjects_a_low_value_shows_nothing():
    table = [*REALS, row("g", 2.2, copying=0.2)]
    assert "with 6 test subjects a low value shows nothing" in evaluation.verdict(table, None, 6)[3]
    assert evaluation.verdict(table, None, 8)[3].endswith("no sign of it.")
    assert "do not share" in evaluation.verdict([*REALS, row("g", 2.2, copying=0.97)], None, 6)[4]


@pytest.mark.parametrize(
    ("recall", "said"), [(0.0, "as much as other real subjects"), (0.5, "many kinds")]
)
def test_nothing_of_nothing_is_no_loss_of_variety(recall, said):
    fake = {"coverage": Estimate(0.6, 0.5, 0.7), "recall": Estimate(0.0, 0.0, 0.0)}
    floor = fake | {"recall": Estimate(recall, recall, recall)}
    assert said in summary._variety(fake, floor)[0]


def test_samples_nearer_than_other_subjects_are_not_said_to_overlap():
    lines = of(row("g", 0.5))
    assert "intervals that lie apart" in lines[0] and "overlap" not in lines[0]
    assert "Next: rule out copies first" in lines[4]


def test_of_two_sets_of_samples_the_worse_speaks():
    lines = of(row("a", 2.1), row("b", 20.0))
    assert "the worse of 2 sets of samples): 20.0" in lines[0]


def test_variety_without_intervals_is_not_said_to_have_some():
    fake = row("g", 2.2, coverage=0.6) | {"recall": Estimate(0.6, NAN, NAN)}
    fake["coverage"] = Estimate(0.5, NAN, NAN)
    assert "without intervals" in of(fake)[1] and "overlap" not in of(fake)[1]


def test_what_intervals_do_not_show_is_not_said():
    fake = row("g", 2.2) | {"fine detail": Estimate(0.85, 0.55, 1.15)}
    assert "blurrier" not in of(fake)[2] and "as sharp" not in of(fake)[2]
    assert "not told from real images" in of(fake)[2]
    blind = row("g", 2.2) | {"fine detail": Estimate(0.85, NAN, NAN)}
    assert "blurrier than real images (without an interval)" in of(blind)[2]
    floor = REALS[0] | {"fine detail": Estimate(1.0, NAN, NAN)}
    assert "stays unknown" in evaluation.verdict([floor, *REALS[1:], blind])[2]
    floor = REALS[0] | {"recall": Estimate(0.1, 0, 0.4)}
    fake = row("g", 2.2) | {"recall": Estimate(0.04, 0, 0.3)}
    assert "many kinds" not in evaluation.verdict([floor, *REALS[1:], fake])[1]


def test_what_lies_apart_is_said_and_has_advice():
    narrow = {"coverage": Estimate(0.86, 0.84, 0.88)}
    floor = REALS[0] | {"coverage": Estimate(0.99, 0.97, 1.0)}
    lines = evaluation.verdict([floor, *REALS[1:], row("g", 2.2) | narrow])
    assert "some are missing" in lines[1] and "no number" not in lines[4]
    assert "nearly as much" in of(row("g", 2.2, coverage=0.72))[1]
    blind = row("g", 2.2) | {"recall": Estimate(0.85, NAN, NAN), "coverage": Estimate(0.35, 0, 0.9)}
    assert "many kinds" not in of(blind)[1]  # of coverage the intervals overlap


def test_a_verdict_names_every_distance_that_tells_the_samples_from_real_images():
    """Of two feature spaces one may see nothing: then the other's distance is named."""
    floor = {"set": FLOOR, "FD a": Estimate(1, 0.5, 2), "FD b": Estimate(1, 0.5, 2)}
    rest = dict(coverage=0.8, recall=0.8, precision=0.8)
    fake = {"set": "g", "FD a": Estimate(1.2, 0.8, 2), "FD b": Estimate(4, 3, 5)}
    lines = evaluation.verdict([floor | rest, fake | rest])
    assert "the intervals overlap" in lines[0]
    assert lines[0].endswith("But FD b lies above its floor: 4 (3 – 5) beside 1 (0.500 – 2).")
    assert "other numbers tell" in lines[-1]
    same = evaluation.verdict([floor | rest, fake | rest | {"FD b": Estimate(1.5, 1, 2.5)}])
    assert "But" not in same[0] and "no number of this table" in same[-1]


def test_a_judge_surer_of_samples_than_of_people_by_less_than_their_interval_shows_nothing():
    people = Estimate(0.80, 0.70, 0.90)
    rows = [{"set": FLOOR, "AUC": people}, {"set": "generated", "AUC": Estimate(0.81, 0.82, 0.9)}]
    assert "does not tell" in summary._judged(rows)[0]


@pytest.mark.parametrize(
    ("name", "worse", "better", "said"),
    [
        ("KID a", 3.0, 0.1, "KID a lies above its floor: 3.00 (2.90 – 3.10) beside 1.00"),
        ("SWD", 3, 0.1, "SWD lies above its floor"),
        ("precision", 0.2, 2, "precision lies below its floor: 0.200 (0.100 – 0.300)"),
        ("density", 0.2, 2, "density lies below its floor"),
        ("coverage", 3, 0.1, ""),  # has a line of its own
    ],
)
@pytest.mark.parametrize("distance", [1.2, 0.1, NAN], ids=["alike", "nearer", "blind"])
def test_a_verdict_names_every_other_number_that_is_worse_than_the_floor(
    name, worse, better, said, distance
):
    def near(value):
        return Estimate(value, value - 0.1, value + 0.1)

    floor = {"set": FLOOR, "FD a": Estimate(1, 0.5, 2), name: near(1.0)}
    fake = {"set": "g", "FD a": near(distance)}
    line, *_, advice = evaluation.verdict([floor, fake | {name: near(worse)}])
    assert (f"But {said}" in line and "other numbers tell" in advice) if said else "But" not in line
    line, *_, advice = evaluation.verdict([floor, fake | {name: near(better)}])
    assert "But" not in line and "other numbers" not in advice
