"""What Keras's layer classes take, as data: so that a patch is checked without importing Keras."""
