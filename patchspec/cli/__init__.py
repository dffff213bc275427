"""The command line: one file per command; arguments in, an exit code out."""
