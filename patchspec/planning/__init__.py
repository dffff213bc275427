"""From a patch and a base to a plan: the fold over the steps, the shapes, the weights."""
