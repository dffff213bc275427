"""What Keras would say of the common layers, known without importing it.

Each kind of layer is a value in one table. Where anything is out of the ordinary (a class of the
user's own, an argument that is not plainly right, inputs that do not fit) nothing is answered here,
and Keras itself is asked: so that its own words are what people read.
"""
