"""A read-only lens over the config of a Keras model: layers, calls, tensors, and who reads them.

Nothing here knows Keras: a graph is the plain JSON that Keras wrote, plus the questions that an
operation wants to ask of it.
"""
