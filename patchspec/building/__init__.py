"""From a plan to a live Keras model: the only room that imports Keras."""
