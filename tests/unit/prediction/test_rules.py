"""The predictor uses the rule that stands now, and its scores stay what they were."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.evaluation.calibration import cross_fit_scores
from core.evaluation.coverage import find_limit
from core.formats import percent
from core.prediction.deciding import (
    DecisionRule,
    delete_rule,
    describe_rule,
    is_rule_stale,
    read_rule,
    save_rule,
    say_answers,
)
from core.prediction.predictor import open_predictor
from core.prediction.rules import (
    FrozenRule,
    find_limit_of_run,
    find_rule,
    find_temperature,
    measure_rule,
    read_distances,
    suggest_rule,
)
from core.runs.result import read_result, read_run_features
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.builders import draw_photo, encode_photo
from tests.calibrating import VALIDATION, rewrite_result

PHOTO = encode_photo(draw_photo(0, 3), quality=90)


def test_a_rule_is_used_at_once_and_scores_stay(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    delete_rule(trained_copy, run)
    predictor = open_predictor(trained_copy, run)
    plain = predictor.predict(PHOTO)
    assert plain.decision.threshold is None
    assert predictor.rule is None
    save_rule(trained_copy, run, DecisionRule(temperature=3.0, threshold=0.99))
    unsure = predictor.predict(PHOTO)
    assert unsure.decision.kind == "unsure"
    assert unsure.decision.distance is None
    assert [name for name, _ in unsure.decision.top] == [name for name, _ in plain.top]
    assert unsure.decision.top[0][1] < plain.top[0][1]
    np.testing.assert_array_equal(unsure.scores, plain.scores)
    assert unsure.top == plain.top
    decided = predictor.decide(plain)  # an older prediction, by the rule of now
    assert decided == unsure.decision
    delete_rule(trained_copy, run)
    assert predictor.predict(PHOTO).decision == plain.decision


def test_a_photo_beyond_the_limit_is_unlike(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    predictor = open_predictor(trained_copy, run)
    save_rule(trained_copy, run, DecisionRule(unlike_limit=0.001))
    decision = predictor.predict(PHOTO).decision
    assert decision.kind == "unlike"
    result = read_result(trained_copy, run)
    _, distances = read_distances(trained_copy, run, result)
    index = result.paths.tolist().index("daisy/daisy_003.jpg")
    assert decision.distance == pytest.approx(distances[index], rel=2e-2)
    save_rule(trained_copy, run, DecisionRule(unlike_limit=1000.0))
    assert predictor.predict(PHOTO).decision.kind == "answer"
    assert not predictor.is_blind


def test_without_features_it_is_blind_and_still_answers(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    features = trained_copy.features_file(read_result(trained_copy, run).features_id)
    features.unlink()
    save_rule(trained_copy, run, DecisionRule(unlike_limit=0.001))
    predictor = open_predictor(trained_copy, run)
    decision = predictor.predict(PHOTO).decision
    assert (decision.kind, decision.distance) == ("answer", None)
    assert predictor.is_blind


def test_distances_are_kept_beside_the_run(trained_copy: Workspace) -> None:
    run, result = rewrite_result(trained_copy)
    model, first = read_distances(trained_copy, run, result)
    trained_copy.features_file(result.features_id).unlink()
    known, again = read_distances(trained_copy, run, result)  # from the file
    np.testing.assert_array_equal(again, first)
    ones = np.ones((1, 2048))
    np.testing.assert_array_equal(known.measure(ones), model.measure(ones))
    train, rest = result.splits == "train", result.splits == "validation"
    assert first[train].mean() < first[rest].mean()


def test_a_suggested_rule_rests_on_validation_photos_only(trained_copy: Workspace) -> None:
    _, result = rewrite_result(trained_copy)
    run = list_runs(trained_copy)[-1].id
    validation = result.photo_numbers("validation")
    limit, judged = find_limit_of_run(trained_copy, run, result)
    distances = read_distances(trained_copy, run, result)[1][validation]
    assert (limit, judged) == (pytest.approx(distances.max(), rel=2e-3), VALIDATION)
    rule = suggest_rule(trained_copy, run, result, limit)
    assert (rule.n, rule.unlike_limit) == (VALIDATION, limit)
    assert rule.temperature == 1.0  # 24 photos are too few to fit one
    hits = (result.scores[validation].argmax(axis=1) == result.labels[validation]).sum()
    point = measure_rule(trained_copy, run, result, rule)
    assert point.answered == max(hits, 2 * VALIDATION // 3)
    changed = result.scores.copy()
    changed[result.splits != "validation"] = 1 / 3
    other = suggest_rule(trained_copy, run, replace(result, scores=changed), None)
    assert other.threshold == rule.threshold
    assert other.unlike_limit is None


def test_a_rule_has_one_effect_wherever_it_is_measured(trained_copy: Workspace) -> None:
    run, result = rewrite_result(trained_copy)
    model, distances = read_distances(trained_copy, run, result)
    validation = result.photo_numbers("validation")
    # A photo on the limit, and one on the threshold, which is no whole percent.
    limit = find_limit(distances[validation])
    threshold = float(np.sort(result.scores[validation].max(axis=1))[5]) - 1e-5
    rule = DecisionRule(threshold=threshold, unlike_limit=limit, temperature=1.3)
    features = read_run_features(trained_copy, result)
    frozen = FrozenRule(rule, model, result.classes)
    kinds = [frozen.decide(result.scores[one], features[one]).kind for one in validation]
    point = measure_rule(trained_copy, run, result, rule)
    assert point.answered == kinds.count("answer") and "unlike" not in kinds
    half = features[validation].astype(np.float16)  # as a version stores them
    assert (model.measure(half) <= limit).all()
    said = say_answers(point)
    assert said.startswith(f"This model answers {percent(point.coverage, VALIDATION)} of photos")
    assert f"n = {VALIDATION})" in said and f"n = {point.answered})" in said


def test_a_run_has_a_rule_before_anybody_keeps_one(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    rule = find_rule(trained_copy, run, result)
    assert rule is not None and rule.is_default
    assert rule.n == len(result.photo_numbers("validation")) < 19
    assert rule.unlike_limit is not None and read_rule(trained_copy, run) is None
    assert find_rule(trained_copy, run, result) == rule  # kept: it says when it was made
    assert "few, with training photos for the distance" in describe_rule(rule)
    predictor = open_predictor(trained_copy, run)
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    decision = predictor.predict(encode_photo(Image.fromarray(noise), quality=90)).decision
    assert decision.kind == "unlike"

    by_hand = DecisionRule(threshold=0.37)
    save_rule(trained_copy, run, by_hand)
    assert find_rule(trained_copy, run, result) == by_hand == predictor.rule
    delete_rule(trained_copy, run)
    assert find_rule(trained_copy, run, result) is None is predictor.rule
    assert not is_rule_stale(trained_copy, run)


def test_of_few_validation_photos_training_photos_say_how_far_is_far(
    trained_copy: Workspace,
) -> None:
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    limit, judged = find_limit_of_run(trained_copy, run, result)
    assert judged == np.sum(result.splits != "test")
    _, known = read_distances(trained_copy, run, result)
    assert limit > known[result.splits == "train"].max()  # each was measured without itself


def test_a_run_without_validation_photos_answers_every_photo(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    none = replace(result, splits=np.full_like(result.splits, "train"))
    assert find_rule(trained_copy, run, none) is None
    assert describe_rule(None).startswith("Answers every photo")


def test_a_temperature_needs_photos_that_settle_it() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 60)
    shown = np.where(rng.random(60) < 0.7, labels, 1 - labels)
    scores = np.where(np.arange(2) == shown[:, None], 0.99, 0.01)
    found = find_temperature(scores, labels)
    assert find_temperature(scores, labels, cross_fit_scores(scores, labels)) == found
    assert found is not None
    assert found > 2
    assert find_temperature(scores[:20], labels[:20]) is None
    assert find_temperature(scores, shown) is None


def test_of_very_many_photos_a_rule_rests_on_some(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = list_runs(trained_copy)[0].id
    result = read_result(trained_copy, run)
    monkeypatch.setattr("core.runs.result.MOST_JUDGED", 5)
    rule = suggest_rule(trained_copy, run, result, None)
    _, distances = read_distances(trained_copy, run, result)
    assert rule.n == 5
    measured = np.flatnonzero(np.isfinite(distances))
    drawn = [result.draw_photos(split) for split in ("train", "validation", "test")]
    assert np.array_equal(measured, np.sort(np.concatenate(drawn)))
