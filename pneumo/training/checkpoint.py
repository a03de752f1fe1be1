"""Where a training run stands after each whole epoch, so that a killed run can go on."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo.errors import TrainingError
from pneumo.files import JsonObject, atomic_write
from pneumo.network.card import runs_of
from pneumo.network.weights_files import CARD_NAME

if TYPE_CHECKING:
    import keras

RUN_NAME = "run.json"
CHECKPOINT_NAME = "checkpoint.weights.h5"
STATE_NAME = "checkpoint.json"
_NO_SETTINGS = ("devices", "software", "history")
"""What a model card tells of a training beside its settings."""


def begin_run(folder: Path, settings: JsonObject, resume: bool) -> None:
    """Writes down what a run is, or checks that the run to go on with is the same.

    A new run first forgets the checkpoints of an older one in its folder, folds included, so
    that a later `--resume` cannot take them for its own.

    Args:
        folder: Of the run.
        settings: Everything that decides the result, the data among it.
        resume: Whether to go on.

    Raises:
        TrainingError: The run to go on with has other settings or cannot be read.
    """
    path = folder / RUN_NAME
    if resume and path.exists():
        found = _read(path)
        changed = [key for key in settings | found if settings.get(key) != found.get(key)]
        if changed:
            raise TrainingError(
                f"{path} belongs to a run with other settings: {', '.join(sorted(changed))}. "
                "Use the same flags and data, or another --output."
            )
        return
    for state in (folder / STATE_NAME, *folder.glob(f"fold-*/{STATE_NAME}")):
        state.unlink(missing_ok=True)
    with atomic_write(path) as draft:
        draft.write_text(json.dumps(settings, indent=2), encoding="utf-8")


def earlier_run(init: str) -> JsonObject:
    """Returns what the run was whose weights another begins from, if its folder tells.

    It does by its own settings, or where weights were copied to by their model card.

    Args:
        init: The weights' path; or `imagenet` or `random`, which no run has made.
    """
    if init in ("imagenet", "random"):  # as paths they would lie in the working directory
        return {}
    folder = Path(init).parent
    if folder.name.startswith("fold-"):
        folder = folder.parent
    if (path := folder / RUN_NAME).exists():
        return _read(path)
    if (path := folder / CARD_NAME).exists():
        card = _read(path)
        if card.get("weights", {}).get("file") == Path(init).name:
            told = card.get("training", {})
            return {name: value for name, value in told.items() if name not in _NO_SETTINGS}
    return {}


def epochs_before(init: str) -> int:
    """Counts the epochs that the weights which a run begins from have seen, over all their runs."""
    earlier = earlier_run(init)
    return sum(run["epochs"] for run in runs_of(earlier)) if earlier else 0


def require_same_split(init: str, splits: str) -> None:
    """Makes sure that no radiograph that was trained on before is held out now.

    Args:
        init: The weights to begin from.
        splits: The digest of this run's split.

    Raises:
        TrainingError: The run that they come from was split otherwise, or does not tell how.
    """
    earlier = earlier_run(init)
    if earlier and "splits" not in earlier:
        raise TrainingError(
            f"What lies beside {init} does not tell how its patients were split: those that this "
            "run holds out may be among them. Begin with other weights."
        )
    if earlier and earlier["splits"] != splits:
        raise TrainingError(
            f"--init names {init}, whose run was split otherwise: it may have been trained on "
            "patients that this run holds out. Use its data, --seed, --held-out, --share and "
            "--folds."
        )


def save_checkpoint(model: "keras.Model", folder: Path, history: list[JsonObject]) -> None:
    """Writes weights, optimiser and history; each file in one step, the history last.

    Args:
        model: A compiled Keras model.
        folder: Of the run.
        history: One entry for each whole epoch so far.

    Raises:
        TrainingError: The folder cannot be written to; the checkpoint before stays whole.
    """
    current = folder / f"{len(history)}.{CHECKPOINT_NAME}"
    try:
        with atomic_write(current) as draft:
            model.save_weights(draft)
        with atomic_write(folder / STATE_NAME) as draft:
            draft.write_text(json.dumps(history, indent=2), encoding="utf-8")
    except (OSError, RuntimeError) as error:  # h5py raises either when a write fails
        raise TrainingError(
            f"The checkpoint of epoch {len(history)} cannot be written to {folder} ({error}). "
            f"Make room there (a checkpoint takes about 250 MB) and go on with --resume: "
            f"{len(history) - 1} whole epochs are kept."
        ) from error
    for old in folder.glob(f"[0-9]*.{CHECKPOINT_NAME}"):
        if old != current:
            old.unlink()


def load_checkpoint(model: "keras.Model", folder: Path) -> list[JsonObject]:
    """Restores the last whole epoch into a compiled model.

    Returns:
        The history so far, empty if the run has no whole epoch yet.

    Raises:
        TrainingError: The checkpoint is damaged.
    """
    path = folder / STATE_NAME
    if not path.exists():
        return []
    history = _read(path)
    weights = folder / f"{len(history)}.{CHECKPOINT_NAME}"
    model.optimizer.build(model.trainable_variables)
    try:
        model.load_weights(weights)
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(
            f"The checkpoint {weights} is damaged ({error}). Begin anew without --resume."
        ) from error
    return history


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} is damaged ({error}). Begin anew without --resume.") from error
