"""Initial values that Keras's cells make by code of their own, and so have no initializer for."""

FORGET_GATE_BIAS = "ForgetGateBias"
"""The bias of an LSTM cell with ones for its forget gate: as portable as the initializers are."""
