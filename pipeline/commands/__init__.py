"""The sub-commands of `locpipe`, one a module, each thin."""
