"""Where a training run stands after each whole epoch, so that a killed run can go on."""

import json
from pathlib import Path

from pneumo.errors import TrainingError

WEIGHTS_NAME = "checkpoint.weights.h5"
STATE_NAME = "checkpoint.json"


def save_checkpoint(model, folder: Path, settings: dict, history: list[dict]) -> None:
    """Writes weights, optimiser and history; each file in one step, the history last.

    Args:
        model: A compiled Keras model.
        folder: Of the run.
        settings: Everything that decides the result; a resumed run must have the same.
        history: One entry for each whole epoch so far.
    """
    current = folder / f"{len(history)}.{WEIGHTS_NAME}"
    draft = folder / f"part.{WEIGHTS_NAME}"
    model.save_weights(draft)
    draft.replace(current)
    draft = folder / f"part.{STATE_NAME}"
    state = {"settings": settings, "history": history}
    draft.write_text(json.dumps(state, indent=2), encoding="utf-8")
    draft.replace(folder / STATE_NAME)
    for old in folder.glob(f"[0-9]*.{WEIGHTS_NAME}"):
        if old != current:
            old.unlink()


def load_checkpoint(model, folder: Path, settings: dict) -> list[dict]:
    """Restores the last whole epoch into a compiled model.

    Returns:
        The history so far, empty if the run has no whole epoch yet.

    Raises:
        TrainingError: The checkpoint belongs to a run with other settings.
    """
    path = folder / STATE_NAME
    if not path.exists():
        return []
    state = json.loads(path.read_text(encoding="utf-8"))
    if state["settings"] != settings:
        raise TrainingError(
            f"{path} belongs to a run with other settings: {state['settings']}. "
            "Use the same flags, or another --output."
        )
    model.optimizer.build(model.trainable_variables)
    model.load_weights(folder / f"{len(state['history'])}.{WEIGHTS_NAME}")
    return state["history"]
