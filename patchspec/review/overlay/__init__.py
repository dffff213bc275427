"""Two models as one graph: what stayed, came, went and changed, for pictures of any kind."""
