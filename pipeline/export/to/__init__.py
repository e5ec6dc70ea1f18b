"""One module a format, each with `files` and `joined` as `formats.Format` describes."""
