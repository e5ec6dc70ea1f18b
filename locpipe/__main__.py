"""`python -m locpipe`, where the command `locpipe` is not on the PATH."""

from .pipeline.cli.main import main

main(prog_name="locpipe")
