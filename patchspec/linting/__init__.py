"""What can be done and had better not be: rules over a patch, and over what it makes of its base.

A rule is one file in `rules/`, found by its name. It says what it found and, where a change of the
text would mend it, which. No rule imports Keras.
"""
