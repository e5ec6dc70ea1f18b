"""locpipe: AdGAP heatmaps, masks and boxes for directories of photographs.

The names below are loaded when they are first used: `import locpipe` alone takes no time.

    import locpipe

    result = locpipe.localize("bus_stop.jpg")
    for box in result.boxes.items:
        print(box.rect, box.score)
"""

from importlib.metadata import version

import lazy_loader

# __init__.pyi has the names, for type checkers too.
__getattr__, _, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
__version__ = version("locpipe")


def __dir__() -> list[str]:
    return sorted(__all__)
