"""The training of a variant: watched from inside, and set up as that of its base."""
