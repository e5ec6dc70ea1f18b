"""Renderer of scene text: pictures with words on them, and the truth about every word.

Nobody draws a box: the renderer knows where it put the ink. `render.Renderer` turns an index into a
picture; `settings.RenderSettings` says from which fonts, words and photographs.

    settings   its choices                     backgrounds  photographs and surfaces behind text
    fonts      faces that have the glyphs      distractors  things that look like text
    words      tokens of signs                 shapes       arrows and icons
    typeset    lines of words to a flat mask   panels       signs, labels and paper
    layout     paragraphs to a flat block      ink          mask to colour
    pose       flat block to picture           camera       effects of lens and sensor
    place      free places for a block         truth        words, and which of them can be read
"""
