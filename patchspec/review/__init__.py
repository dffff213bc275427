"""Showing problems, models, plans and variants: to a terminal, a notebook, a program."""
