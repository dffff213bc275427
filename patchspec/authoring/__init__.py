"""Writing the patch that turns one model into another, as a person would.

Rules propose operations, each of them tried on the model as it is so far; the one that leaves the
least to do, for its length, is taken, until nothing is left or no rule helps. So no rule has to be
right, only useful: what is written is what was seen to work.
"""
