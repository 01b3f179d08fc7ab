import numpy as np
import pytest

from medgan_utils import evaluation


def cohort(subjects, slices=10, dims=16, seed=0):
    """Features that vary between subjects and a little within them."""
    random = np.random.default_rng(seed)
    heads = np.repeat(random.normal(size=(subjects, dims)), slices, axis=0)
    return heads + 0.3 * random.normal(size=heads.shape), np.repeat(np.arange(subjects), slices)


@pytest.fixture(scope="module")
def sets():
    training, _ = cohort(60)
    holdout, subjects = cohort(15, seed=1)
    fresh, _ = cohort(60, seed=2)
    return training, holdout, subjects, fresh


def test_fresh_samples_are_not_called_copies(sets):
    training, holdout, subjects, fresh = sets
    auc = evaluation.copying(fresh, training, holdout, subjects).auc
    assert auc.low < 0.5 < auc.high


def test_copies_are_caught(sets):
    training, holdout, subjects, _ = sets
    result = evaluation.copying(training[::3], training, holdout, subjects)
    assert result.auc.low == 1
    assert (result.train_distance == 0).all()
    assert (result.nearest_train == np.arange(0, 600, 3)).all()


def test_copies_with_noise_are_caught(sets):
    training, holdout, subjects, _ = sets
    noisy = training + 0.3 * np.random.default_rng(3).normal(size=training.shape)
    assert evaluation.copying(noisy, training, holdout, subjects).auc.low > 0.8


def test_blur_is_not_taken_for_copying(sets):
    """Samples drawn towards the mean are nearer to everything, not to the training set alone."""
    training, holdout, subjects, fresh = sets
    assert evaluation.copying(0.3 * fresh, training, holdout, subjects).auc.value < 0.65


def test_copies_are_caught_by_nothing_else(sets):
    training, holdout, _, fresh = sets
    random = np.random.default_rng(0)
    copies = training[random.permutation(600)[:150]]
    honest = fresh[random.permutation(600)[:150]]
    scores = [evaluation.precision_recall(holdout, x) for x in (copies, honest)]
    for name in scores[0]:
        assert scores[0][name] > scores[1][name] - 0.2
    assert evaluation.fd(holdout, copies) < 1.3 * evaluation.fd(holdout, honest)


def test_real_images_in_the_place_of_fakes_are_drawn_by_subject(sets):
    training, holdout, subjects, _ = sets
    others, whose = cohort(15, seed=4)
    by_image = evaluation.copying(others, training, holdout, subjects).auc
    by_subject = evaluation.copying(others, training, holdout, subjects, whose).auc
    assert by_subject.value == by_image.value
    assert by_subject.high - by_subject.low > 1.2 * (by_image.high - by_image.low)


def test_nearest_is_an_rms_difference_between_images():
    queries, references = (
        np.zeros((2, 4, 4, 1)),
        np.stack([np.full((4, 4, 1), v) for v in (3.0, -0.5)]),
    )
    distances, indices = evaluation.nearest(queries, references)
    assert distances == pytest.approx(0.5)
    assert (indices == 1).all()
    with pytest.raises(ValueError, match="cannot be compared"):
        evaluation.nearest(queries, np.zeros((2, 8, 8, 1)))


def test_membership_by_distance_sees_an_overfitted_generator(sets):
    training, holdout, subjects, fresh = sets
    leaky = training + 0.1
    codes = np.repeat(np.arange(60), 10)
    assert evaluation.membership_by_distance(training, holdout, leaky, codes, subjects).low > 0.9
    private = evaluation.membership_by_distance(training, holdout, fresh, codes, subjects)
    assert private.low < 0.5 < private.high


def test_membership_by_logit():
    random = np.random.default_rng(0)
    members, others = random.normal(1, 1, (500, 1)), random.normal(0, 1, (400, 1))
    auc = evaluation.membership_by_logit(members, others)
    assert auc.value == pytest.approx(0.76, abs=0.03)  # Φ(1/√2)
    assert auc.low < auc.value < auc.high


def test_one_holdout_subject_is_refused(sets):
    training, holdout, _, fresh = sets
    with pytest.raises(ValueError, match="at least two"):
        evaluation.copying(fresh, training, holdout, np.zeros(len(holdout)))


@pytest.mark.parametrize(
    ("held_out", "low", "high"),
    [(2, 0.25, 0.40), (4, 0.40, 0.49), (8, 0.46, 0.51), (12, 0.48, 0.53)],
)
def test_few_held_out_subjects_bias_the_statistic_as_its_docstring_says(held_out, low, high):
    def slices(random, subjects, count):
        people = random.normal(size=(subjects, 1, 16))
        return (people + 0.5 * random.normal(size=(subjects, count, 16))).reshape(-1, 16)

    found = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        training, held, fake = (slices(random, *k) for k in ((50, 5), (held_out, 5), (200, 1)))
        names = np.repeat(np.arange(held_out), 5)
        found.append(evaluation.copying(fake, training, held, names, repeats=1).auc.value)
    assert low < np.mean(found) < high


def people(subjects, seed, slices=6, size=12):
    """Images of a few people that no mirror maps onto each other, and whose they are."""
    random = np.random.default_rng(seed)
    heads = np.repeat(random.normal(size=(subjects, size, size, 1)), slices, axis=0)
    images = heads + 0.2 * random.normal(size=heads.shape)
    return np.clip(images / 4, -1, 1), np.repeat(np.arange(subjects), slices)


def test_copies_of_mirrored_training_images_are_caught_where_mirror_images_count():
    """A generator that was trained on mirrored images may copy one; honest samples stay honest."""
    (training, members), (holdout, subjects), (fresh, _) = (people(20, seed) for seed in range(3))
    copies = training[::2].copy()
    copies[::2] = copies[::2, :, ::-1]
    for fake, least, most in ((copies, 0.99, 1), (fresh, 0.3, 0.7)):
        turned = fake[:, :, ::-1], holdout[:, :, ::-1]
        found = evaluation.copying(fake, training, holdout, subjects, mirrored=turned)
        assert least <= found.auc.value <= most
    unaware = evaluation.copying(copies, training, holdout, subjects)
    assert unaware.auc.value < 0.85
    found = evaluation.copying(
        copies, training, holdout, subjects, mirrored=(copies[:, :, ::-1], holdout[:, :, ::-1])
    )
    assert (found.train_distance == 0).all()
    assert (found.nearest_train == np.arange(0, len(training), 2)).all()

    both = training[:, :, ::-1], holdout[:, :, ::-1]
    who = members, subjects
    aware = evaluation.membership_by_distance(training, holdout, both[0], *who, mirrored=both)
    blind = evaluation.membership_by_distance(training, holdout, both[0], *who)
    assert aware.low > 0.99 and blind.value < 0.8


def test_there_is_one_mirror_image_a_query():
    images = np.zeros((4, 8, 8, 1))
    with pytest.raises(ValueError, match="mirror images"):
        evaluation.nearest(images, images, images[:3])


def test_scores_that_are_no_numbers_have_no_auc():
    with pytest.raises(ValueError, match="20 of 20 scores are NaN"):
        evaluation.membership_by_logit(np.full(10, np.nan), np.full(10, np.nan))


def test_images_on_another_scale_are_refused():
    images = np.random.default_rng(0).uniform(-1, 1, (40, 8, 8, 1))
    for other in ((images + 1) / 2, 127.5 * (images + 1)):
        with pytest.raises(ValueError, match="images range from"):
            evaluation.copying(other[:20], images[:20], images[20:])
        with pytest.raises(ValueError, match="images range from"):
            evaluation.membership_by_distance(images[:20], images[20:], other[:20])


def test_with_held_out_images_that_were_trained_on_copying_is_not_told():
    features = np.random.default_rng(0).normal(size=(40, 5))
    with pytest.warns(UserWarning, match="20 of 20 held-out images are in the training set"):
        told = evaluation.copying(features[:20], features, features[20:])
    assert np.isnan(told.auc).all()
    evaluation.copying(features[:10], np.vstack([features[:20], features[20:22]]), features[20:])


def test_patches_of_a_discriminator_are_no_images():
    logits = np.zeros((6, 4, 4, 1))
    with pytest.raises(ValueError, match="average its patches"):
        evaluation.membership_by_logit(logits, logits)
