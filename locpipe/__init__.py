"""locpipe: AdGAP heatmaps, masks and boxes for directories of photographs.

The names below are loaded when they are first used: `import locpipe` alone takes no time.

    import locpipe

    result = locpipe.localize("bus_stop.jpg")
    for box in result.boxes.items:
        print(box.rect, box.score)
"""

import lazy_loader

# __init__.pyi has the names, for type checkers too.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
