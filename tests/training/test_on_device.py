"""What the training device redraws is what the cores would."""

import json

import keras
import numpy as np
import pytest

from pneumo import CLASSES
from pneumo.network.architecture import Layout, build_classifier
from pneumo.network.lung_field import CUT, EQUALISED, FIELD
from pneumo.network.preprocess import to_model_input
from pneumo.training.augment import augment_cut
from pneumo.training.batch_arrays import describe_batch
from pneumo.training.batches import EpochBatches, Presentation
from pneumo.training.changes import (
    GROUPS,
    Changes,
    Letters,
    Levels,
    Looks,
    Marks,
    Patches,
    Wire,
    draw_changes,
)
from pneumo.training.framing import (
    SOURCE_SIZE,
    Cut,
    Placing,
    Sources,
    add_lungs,
    place_at_random,
    place_exactly,
    vary_outline,
)
from pneumo.training.on_device import RedrawOnDevice, with_redrawing
from pneumo.training.phantom import draw_phantom, write_phantom_dataset
from pneumo.training.recipe import RECIPES, parse_arguments
from tests.training.test_framing import find
from tests.training.test_train import TINY, card_of, run_train

SIZE = 150
WHOLE_RECIPE = tuple(RECIPES["robust"]["augment"])


@pytest.fixture(scope="module")
def sources() -> Sources:
    rng = np.random.default_rng(0)
    grids = [draw_phantom(number % 2, rng, SOURCE_SIZE) for number in range(4)]
    grain = rng.normal(0, 3, (4, SOURCE_SIZE, SOURCE_SIZE))
    return add_lungs(np.clip(np.stack(grids) + grain, 0, 255).astype(np.uint8), find)


def redraw_twice(sources, placings, changes, view):
    """Returns what the cores and what the device make of radiographs 0, 1, ..., as float."""
    pairs = [(number % 4, (number + 1) % 4) for number in range(len(changes))]
    ours = [
        augment_cut(
            *(Cut(sources, i, SIZE, p) for i, p in zip(pair, both, strict=True)), one, view
        ).grid
        for pair, both, one in zip(pairs, placings, changes, strict=True)
    ]
    batch = describe_batch(sources, pairs, placings, changes, SIZE)
    theirs = RedrawOnDevice(SIZE, view).redraw(batch)
    return np.float32(ours), keras.ops.convert_to_numpy(theirs)


def exactly(sources, count):
    return [
        (place_exactly(sources, n % 4), place_exactly(sources, (n + 1) % 4)) for n in range(count)
    ]


def apart(ours, theirs):
    return np.abs(ours - theirs).mean(axis=(1, 2))


MARKS = Marks(
    [Letters(70.0, 60.0, 20.0, "65 kV", 230), Letters(9.0, 100.0, 15.0, "R", 10)],
    Wire([(10.0, 5.0), (120.0, 60.0), (40.0, 140.0)], width=3, shade=200),
)
DARKER = Levels(0.0, (np.arange(256) * 0.7).astype(np.uint8))
ONE_BY_ONE = {
    "its grey levels become the donor's": (Changes(levels=1.0), 0.05),
    "half of the donor's texture": (Changes(texture=0.5), 0.05),
    "lungs are painted over with the mean": (Changes(painted=1.5), 0.05),
    "lungs are painted over with a grey": (Changes(painted=1.0, paint=120.0), 0.05),
    "surroundings are the donor's": (Changes(exchanged=True), 0.1),
    "smaller": (Changes(looks=Looks(smaller=60)), 0.3),
    "blurred": (Changes(looks=Looks(blur=1.4)), 0.4),
    "blurred a little": (Changes(looks=Looks(blur=0.7)), 0.8),
    "sharpened": (Changes(looks=Looks(blur=2.0, sharpened=1.5)), 0.6),
    "local contrast": (Changes(looks=Looks(contrast=1.8, contrast_radius=9.0)), 1.0),
    "darker": (Changes(looks=Looks(levels=DARKER)), 0.05),
    "equalised in part": (Changes(looks=Looks(levels=Levels(0.6))), 0.1),
    "letters and a wire": (Changes(marks=MARKS), 0.1),
    "noise": (Changes(looks=Looks(noise=8.0, grain=(211, 7))), 0.05),
    "compressed well": (Changes(looks=Looks(quality=88)), 0.5),
    "compressed badly": (Changes(looks=Looks(quality=27)), 0.3),
    "patches of grey": (Changes(patches=Patches(np.array([[3, 50, 40, 90]]), False)), 0.05),
    "patches of blur": (
        Changes(patches=Patches(np.array([[3, 50, 40, 90], [70, 0, 150, 31]]), True)),
        0.4,
    ),
}


@pytest.mark.parametrize(("change", "most"), ONE_BY_ONE.values(), ids=ONE_BY_ONE)
def test_each_change_by_itself_is_that_of_the_cores(sources, change, most):
    """To a fraction of a grey level on average; a change left out is far beyond that."""
    placings = exactly(sources, 4)
    plain, same = redraw_twice(sources, placings, [Changes()] * 4, CUT)
    assert apart(plain, same).max() < 0.02
    ours, theirs = redraw_twice(sources, placings, [change] * 4, CUT)
    assert apart(ours, plain).min() > 2 * most, "or the test would not see it left out"
    assert apart(ours, theirs).max() < most


@pytest.mark.parametrize("border", ["constant", "edge", "reflect"])
def test_cuts_that_reach_beyond_the_radiograph_go_on_alike(sources, border):
    turn = np.array([[0.9, -0.3], [0.35, 0.95]])
    lying = Placing(turn, np.array([-0.15, -0.2]), border, "constant")
    ours, theirs = redraw_twice(sources, [(lying, lying)] * 4, [Changes()] * 4, CUT)
    assert apart(ours, theirs).max() < 0.05


@pytest.mark.parametrize(("view", "most"), [(FIELD, 0.05), (EQUALISED, 0.2)])
def test_outlines_and_what_lies_within_are_alike(sources, view, most):
    changes = [
        Changes(outline=vary_outline(np.random.default_rng(seed))._replace(exchanged=seed % 2 == 1))
        for seed in range(8)
    ]
    ours, theirs = redraw_twice(sources, exactly(sources, 8), changes, view)
    plain, _ = redraw_twice(sources, exactly(sources, 8), [Changes()] * 8, view)
    assert apart(ours, plain).min() > 3 * most
    assert apart(ours, theirs).max() < most


def test_all_changes_together_are_alike(sources):
    placings, changes = [], []
    for seed in range(24):
        rng = np.random.default_rng(seed)
        own, donor = (place_at_random(sources, (seed + n) % 4, rng, mirror=True) for n in (0, 1))
        placings.append((own, donor))
        changes.append(draw_changes(rng, GROUPS, SIZE))
    assert sum(one.marks is not None for one in changes) > 2
    ours, theirs = redraw_twice(sources, placings, changes, EQUALISED)
    found = apart(ours, theirs)
    # Equalising makes of one grey level many where a field has few.
    assert np.median(found) < 2
    assert found.max() < 8
    assert np.median(apart(ours, np.roll(theirs, 4, axis=0))) > 20, "drawn otherwise"


def batches_of(sources, on_device, size=SIZE):
    shown = Presentation(
        size, 4, 3, WHOLE_RECIPE, balanced=True, view=EQUALISED, paired=True, on_device=on_device
    )
    return EpochBatches(sources, np.array([0, 1, 0, 1]), shown, 2)


def test_batches_ask_for_the_same_answers_and_the_network_sees_the_same(sources):
    sample = batches_of(sources, on_device=True)[0][0]
    told, differences = set(), []
    for epoch in range(6):
        ours, theirs = (batches_of(sources, on_device) for on_device in (False, True))
        ours.epoch = theirs.epoch = epoch
        (images, targets), (arrays, same) = ours[0], theirs[0]
        assert set(arrays) == set(sample)
        np.testing.assert_array_equal(targets, same)
        told |= set(targets.ravel())
        redrawn = keras.ops.convert_to_numpy(RedrawOnDevice(SIZE, EQUALISED)(arrays))
        assert redrawn.shape == images.shape and redrawn.dtype == np.float32
        others = np.roll(redrawn, 1, axis=0)
        differences += [np.abs(each - images).mean(axis=(1, 2, 3)) for each in (redrawn, others)]
    own, of_others = np.median(np.reshape(differences, (-1, 2, 4)), axis=(0, 2))
    assert own < 5 / 127.5 < 25 / 127.5 < of_others
    assert told == {0, 0.5, 1}, "one with its lungs painted over was among them"


def test_the_network_behind_is_the_classifier_and_sees_float32_whatever_its_precision(sources):
    arrays, _ = batches_of(sources, on_device=True, size=71)[0]
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        classifier = build_classifier(Layout(71))
        whole = with_redrawing(classifier, arrays, EQUALISED)
        inputs = RedrawOnDevice(71, EQUALISED)(arrays)
        expected = classifier(inputs, training=False)
        found = whole(arrays, training=False)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert found.shape == (4, len(CLASSES))
    np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (found, expected)), atol=0.02)
    grey = (keras.ops.convert_to_numpy(inputs) + 1) * 127.5
    np.testing.assert_allclose(grey, np.rint(grey), atol=1e-3)  # bfloat16 would round them
    assert {id(v) for v in whole.trainable_variables} == {
        id(v) for v in classifier.trainable_variables
    }
    again = to_model_input(np.rint(grey[..., 0]).astype(np.uint8))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(inputs), again, atol=1e-5)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_training_on_the_device_learns_what_training_on_the_cores_does(tmp_path, backend):
    data = write_phantom_dataset(tmp_path / "data", patients=6)
    arguments = ["--data", data, *TINY, "--epochs", 2, "--augment", *WHOLE_RECIPE]
    run_train(*arguments, "--output", tmp_path / "cores", backend=backend)
    arguments += ["--on-device", "--output", tmp_path / "device"]
    run_train(*arguments, backend=backend)
    ours, theirs = (card_of(tmp_path / name) for name in ("cores", "device"))
    losses = [[epoch["loss"] for epoch in card["training"]["history"]] for card in (ours, theirs)]
    # Without any changes at all the first loss is half a percent lower, and scores move by 0.02.
    np.testing.assert_allclose(*losses, rtol=0.002)
    scores = [card["out_of_fold"]["p_pneumonia"] for card in (ours, theirs)]
    np.testing.assert_allclose(*scores, atol=0.005)
    # Its checkpoint is of the network with the changes in front, and can be gone on with.
    (tmp_path / "device" / "model_card.json").unlink()
    run_train(*arguments, "--resume", backend=backend)
    assert card_of(tmp_path / "device")["weights"] == theirs["weights"]
    assert json.loads((tmp_path / "device" / "run.json").read_text())["on_device"] is True


@pytest.mark.parametrize(
    "flags", [["--view", "whole"], ["--mixup", "0.2"], ["--evidence", "1"]], ids=str
)
def test_what_the_device_cannot_redraw_is_refused(flags, capsys):
    with pytest.raises(SystemExit):
        parse_arguments("", ["--data", "x", "--on-device", *flags])
    assert "--on-device redraws lung fields" in capsys.readouterr().err
