"""How long one radiograph takes, against bare networks and against the usual way.

    make bench                     (which is python -m benchmarks.latency --json runs/latency.json)

Timed in turn, round by round, so that a change of the machine's speed meets all of them; the ratios
are medians over the rounds. Everything is float32 but where it says otherwise.

    onnxruntime  the bare network on ONNX Runtime, on an input that is ready
    tensorflow   the same on TensorFlow, as pneumo compiles it
    openvino     the same on OpenVINO
    bfloat16     the same on OpenVINO in bfloat16
    finder       a decoded radiograph -> lungs, lung field, what the network is shown
    pneumo       a radiograph's file -> probability, Grad-CAM, heatmap at the radiograph's own size
    pneumo-bf16  the same as `--precision bfloat16` answers, where the processor has it
    pneumo-tf    the same with TensorFlow as the runtime
    usual        the same with `model.predict` and tf-keras-vis on the whole network

`--accuracy FOLDER` prints how far the runtimes' answers lie apart on all radiographs of a folder.
ONNX Runtime and OpenVINO are left out where they are not installed; it says so.
"""

import argparse
import json
import os
import platform
import statistics
import time
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
from rich.progress import track
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
from tf_keras_vis.utils.scores import CategoricalScore

from pneumo import PNEUMONIA
from pneumo.errors import WeightsError
from pneumo.explaining.explainer import Explainer
from pneumo.explaining.overlay import stretch_heatmap
from pneumo.explaining.scaling import normalize_heatmap
from pneumo.inference import Engine, predict, prepare, prepare_input, score_pixels
from pneumo.network import openvino_runtime
from pneumo.network.architecture import LAST_CONVOLUTION, build_classifier
from pneumo.network.classifier import load_classifier
from pneumo.network.drawing import draw_classifier
from pneumo.network.exporting import OUTPUTS
from pneumo.network.onnx_graph import OnnxGraph
from pneumo.network.preprocess import to_model_input
from pneumo.network.weights_files import WEIGHTS_FOLDER
from pneumo.reading.folders import find_radiographs
from pneumo.reading.radiograph import read_radiograph

ROOT = Path(__file__).resolve().parents[1]
BATCHES = (1, 8, 32)
RATIOS = (
    *(("openvino", "onnxruntime"), ("tensorflow", "onnxruntime"), ("finder", "openvino")),
    *(("pneumo", "onnxruntime"), ("pneumo-bf16", "onnxruntime"), ("usual", "pneumo")),
    *(("pneumo-tf", "onnxruntime"), ("pneumo-tf", "tensorflow")),
)


def main() -> None:
    """Prints the medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--accuracy", type=Path, help="folder of radiographs to compare answers on")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    args = parser.parse_args()

    networks = forwards()
    runs = prepare_runs(networks)
    document = {"machine": describe_machine(), "rounds": args.rounds}
    seconds = measure(runs, args.rounds)
    print(document["machine"])
    for name in ("onnxruntime", "openvino"):
        if name not in networks:
            print(f"{name} is not installed: left out, with every ratio to it")
    for name, values in seconds.items():
        print(f"{name:12} {1000 * statistics.median(values):7.1f} ms")
    document["milliseconds"] = {
        name: round(1000 * statistics.median(values), 1) for name, values in seconds.items()
    }
    document["ratios"] = {}
    for over, under in RATIOS:
        if over in seconds and under in seconds:
            ratios = [a / b for a, b in zip(seconds[over], seconds[under], strict=True)]
            low, high = np.percentile(ratios, [10, 90])
            middle = statistics.median(ratios)
            document["ratios"][f"{over} / {under}"] = round(middle, 2)
            print(
                f"{over} / {under}: {middle:.2f} (10th to 90th percentile {low:.2f} to {high:.2f})"
            )
    document["batches"] = measure_batches(networks, max(3, args.rounds // 5))
    if args.accuracy:
        document["accuracy"] = compare_answers(args.accuracy)
    if args.json:
        args.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def describe_machine() -> str:
    """Names processor and Python."""
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        flags = info.split("flags")[1].splitlines()[0].split()
        kind = ", ".join(
            name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags
        )
    except (OSError, IndexError):
        kind = platform.machine()
    return f"{os.cpu_count()} cores ({kind}), Python {platform.python_version()}"


def forwards() -> dict:
    """Returns the bare networks by runtime: `(n, 299, 299, 3)` float32 -> probabilities."""
    classifier = load_classifier(runtime="tensorflow")
    path = WEIGHTS_FOLDER / classifier.card.weights_file
    layout = classifier.card.layout
    found = {"tensorflow": lambda ready: classifier.forward(ready).probabilities}
    if openvino_runtime.is_installed():
        for name, precision in (("openvino", "f32"), ("bfloat16", "bf16")):
            graph = openvino_runtime.OpenVinoGraph()
            drawn = draw_classifier(graph, path, layout)
            compiled = openvino_runtime.compile_model(graph.finish(drawn.outputs), precision)
            request = compiled.create_infer_request()
            found[name] = lambda ready, request=request: request.infer([ready])[1]
    try:
        import onnxruntime
    except ImportError:
        return found
    onnx_graph = OnnxGraph()
    drawn = draw_classifier(onnx_graph, path, layout)
    model = onnx_graph.finish(drawn.outputs, OUTPUTS).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return {"onnxruntime": lambda ready: session.run(None, {"image": ready})[1], **found}


def prepare_runs(networks: dict) -> dict:
    """Returns what is to be timed, by name; all agree on the answer."""
    path = sorted(ROOT.glob("samples/PNEUMONIA/*.jpeg"))[1]
    radiograph = read_radiograph(path)
    slow = load_classifier(runtime="tensorflow")
    fast = load_classifier()
    ready = prepare(slow, [radiograph.pixels])
    model = build_classifier(slow.card.layout)
    model.load_weights(WEIGHTS_FOLDER / slow.card.weights_file)
    gradcam = Gradcam(model, model_modifier=ReplaceToLinear(), clone=True)

    def answer(classifier):
        engine = Engine(classifier, Explainer(classifier))

        def run():
            decoded = read_radiograph(path)
            (reading,) = predict(engine, [prepare_input(classifier, decoded)])
            scaled = normalize_heatmap(reading.cams[PNEUMONIA])
            heatmap = stretch_heatmap(scaled, decoded.pixels.shape, reading.input.field)
            return reading.probability, heatmap

        return run

    def usual():
        decoded = read_radiograph(path)
        (seen,) = slow.prepare([decoded.pixels])
        batch = to_model_input(seen.grid[np.newaxis])
        probability = model.predict(batch, verbose=0)[0, PNEUMONIA]
        cam = gradcam(
            CategoricalScore([PNEUMONIA]),
            batch,
            penultimate_layer=LAST_CONVOLUTION,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
        scaled = normalize_heatmap(np.asarray(cam))[0]
        heatmap = stretch_heatmap(scaled, decoded.pixels.shape, seen.field)
        return probability, heatmap

    runs = {name: lambda run=run: run(ready) for name, run in networks.items()}
    runs |= {"finder": lambda: fast.prepare([radiograph.pixels])}
    runs |= {"pneumo": answer(fast), "pneumo-tf": answer(slow), "usual": usual}
    with suppress(WeightsError):  # no OpenVINO, or no such processor
        runs["pneumo-bf16"] = answer(load_classifier(precision="bfloat16"))
    for name, tolerance in (("pneumo", 2e-3), ("pneumo-tf", 2e-3), ("pneumo-bf16", 0.1)):
        if name not in runs:
            continue
        for ours, theirs in zip(runs[name](), usual(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=tolerance)
    for name in ("onnxruntime", "openvino"):
        if name in runs:
            np.testing.assert_allclose(runs[name](), runs["tensorflow"](), atol=1e-4)
    return runs


def measure(runs: dict, rounds: int) -> dict[str, list[float]]:
    """Times everything in turn, each once more before in the state that the others left."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            run()
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def measure_batches(networks: dict, rounds: int) -> dict:
    """Prints milliseconds a picture of the bare networks, by the size of the batch."""
    table: dict[str, dict[str, float]] = {}
    print("\nms a picture   " + "  ".join(f"{name:>11}" for name in networks))
    for size in BATCHES:
        ready = np.random.default_rng(0).uniform(-1, 1, (size, 299, 299, 3)).astype(np.float32)
        runs = {name: lambda run=run, ready=ready: run(ready) for name, run in networks.items()}
        found = measure(runs, rounds)
        row = {name: 1000 * statistics.median(values) / size for name, values in found.items()}
        table[str(size)] = {name: round(value, 1) for name, value in row.items()}
        print(f"batch {size:3}      " + "  ".join(f"{value:11.1f}" for value in row.values()))
    return table


def compare_answers(folder: Path) -> dict:
    """Prints how far P(PNEUMONIA) by OpenVINO lies from TensorFlow's at most, on a folder."""
    both = [load_classifier(runtime=runtime) for runtime in ("openvino", "tensorflow")]
    most, count = 0.0, 0
    for path in track(find_radiographs(folder), "comparing"):
        pixels = read_radiograph(path).pixels
        one, other = (float(score_pixels(each, [pixels])[0]) for each in both)
        most, count = max(most, abs(one - other)), count + 1
    print(f"\n{count} radiographs: |P by OpenVINO - P by TensorFlow| is at most {most:.1e}")
    return {"radiographs": count, "most": most}


if __name__ == "__main__":
    main()
