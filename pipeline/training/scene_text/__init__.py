"""Renderer of scene text: pictures with words on them, and the truth about every word.

Nobody draws a box: the renderer knows where it put the ink. `render.Renderer` turns an index into
a picture; `settings.RenderSettings` says from which fonts, words and photographs.

    settings   what may be chosen              backgrounds  what lies behind the text
    fonts      faces that have the glyphs      distractors  what looks like text and is none
    words      tokens that signs carry         shapes       arrows and icons
    typeset    lines of words to a flat mask   panels       signs, labels and paper
    layout     paragraphs to a flat block      ink          how a mask becomes colour
    pose       flat block to picture           camera       what a lens and a sensor do to it
    place      where a block may stand         truth        words, and which of them can be read
"""
