"""The export formats, one per line: name of the module in export/to, and what it writes."""

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

EXPORTS: Final = {
    "uzn": "zones for Tesseract, in pixels of the picture as stored; upright copies where EXIF turns it",
    "crops": "upright PNGs of the boxes, crops.jsonl leads back to the upright page",
    "page": "PAGE XML 2019-07-15 with lines and baselines, upright page",
    "alto": "ALTO 4.3 with lines and baselines, upright page",
    "hocr": "hOCR with lines and words, upright page",
    "icdar": "one text file per picture, one x1,y1,…,x4,y4 per line, upright page",
    "coco": "coco.json with run-length masks, upright page",
    "masks": "masks by stem for inpainting and redaction, pixels of the picture as stored",
    "geojson": "GeoJSON with an id per box that stays, upright page with y negative",
    "annotations": "W3C annotations for IIIF, upright page",
    "labelstudio": "pre-annotations for Label Studio, upright page",
}
"""Name, and a description with the frame of the coordinates."""

if TYPE_CHECKING:
    ExportFormat: TypeAlias = str
else:  # type checkers want the names here; that would be a second list
    ExportFormat = Literal[*EXPORTS]
