"""Score landmarks made from some subjects against others, with the features called `enc`."""

from medgan_utils import evaluation


def landmark_rows(encoders: dict, others, against, count: int) -> dict[str, dict]:
    """Return name -> scores of `count` images a landmark, the floor among them."""
    described = evaluation.reference_features(against.images, encoders, against.subjects)
    sets = evaluation.landmarks(others.images, others.subjects, count)
    return {
        name: evaluation.score(evaluation.reference_features(x, encoders), described, repeats=0)
        for name, (x, _) in sets.items()
    }
