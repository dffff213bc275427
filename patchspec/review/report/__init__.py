"""The page of a plan: base and variant as one graph to look around in, and everything beside it.

Python says what there is (`data`) and writes the words and tables (`page`, `tables`); the browser
lays out what is to be seen of it, with dagre, which is in `vendor`. The page loads nothing.
"""
