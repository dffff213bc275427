"""Models of Keras 2 for every layer that the upgrade treats in a way of its own.

Imported by `keras2_outputs.py` only, which runs where tf-keras is installed.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
from tf_keras import Input, Model, Sequential, layers, models

Build = Callable[[], Model]
ZOO: dict[str, Build] = {}


def zoo(build: Build) -> Build:
    ZOO[build.__name__] = build
    return build


def of(x: object, y: object) -> Model:
    return Model(x, y)


@zoo
def deep_nested() -> Model:
    a = Input((6,), name="a")
    core = Model(a, layers.Dense(5, name="core_dense")(a), name="core")
    b = Input((6,), name="b")
    mid = Model(b, layers.Dense(4, name="mid_dense")(core(b)), name="mid")
    x = Input((6,), name="x")
    return of(x, layers.Dense(2, name="top")(mid(x)))


@zoo
def nested_called_three_times() -> Model:
    a = Input((6,), name="a")
    inner = Model(a, layers.Dense(6, activation="tanh", name="id")(a), name="inner")
    x = Input((6,), name="x")
    one = inner(x)
    two = inner(one)
    return Model(x, [inner(two), layers.Add(name="sum")([one, two])])


@zoo
def nested_sequential_twice() -> Model:
    block = Sequential([layers.Dense(4, name="d"), layers.BatchNormalization(name="n")], "block")
    x, y = Input((4,), name="x"), Input((4,), name="y")
    return Model([x, y], layers.Concatenate(name="c")([block(x), block(y)]))


@zoo
def nested_output() -> Model:
    a = Input((6,), name="a")
    inner = Model(a, [layers.Dense(3, name="p")(a), layers.Dense(2, name="q")(a)], name="inner")
    x = Input((6,), name="x")
    return Model(x, inner(x))


@zoo
def sequential_of_models() -> Model:
    first = Sequential([layers.Dense(5, input_shape=(7,), name="d1")], name="first")
    second = Sequential([layers.Dense(3, name="d2"), layers.ReLU(name="r")], name="second")
    return Sequential([first, second, layers.Dense(2, name="d3")], name="whole")


@zoo
def gru_both_ways() -> Model:
    x = Input((5, 3), name="x")
    y = layers.Bidirectional(layers.GRU(4, return_sequences=True, name="g"), name="bi")(x)
    return of(x, layers.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid")(y))


@zoo
def both_ways_of_hard_sigmoid() -> Model:
    x = Input((5, 3), name="x")
    inner = layers.LSTM(4, recurrent_activation="hard_sigmoid", name="l")
    return of(x, layers.Bidirectional(inner, merge_mode="sum", name="bi")(x))


@zoo
def both_ways_of_two_layers() -> Model:
    x = Input((5, 3), name="x")
    back = layers.GRU(4, go_backwards=True, name="back")
    return of(x, layers.Bidirectional(layers.LSTM(4, name="ahead"), backward_layer=back)(x))


@zoo
def stacked_cells() -> Model:
    x = Input((5, 3), name="x")
    cells = [layers.LSTMCell(4), layers.LSTMCell(3), layers.GRUCell(2)]
    return of(x, layers.RNN(cells, name="stack")(x))


@zoo
def stacked_cells_of_hard_sigmoid() -> Model:
    x = Input((5, 3), name="x")
    gate = {"recurrent_activation": "hard_sigmoid"}
    cells = [layers.LSTMCell(4, **gate), layers.LSTMCell(3), layers.GRUCell(2, **gate)]
    return of(x, layers.RNN(cells, name="stack")(x))


@zoo
def each_way_of_its_own() -> Model:
    x = Input((5, 3), name="x")
    there = layers.LSTM(4, recurrent_activation="hard_sigmoid", name="there")
    back = layers.LSTM(4, go_backwards=True, name="back")
    return of(x, layers.Bidirectional(there, backward_layer=back, name="bi")(x))


@zoo
def one_cell() -> Model:
    x = Input((5, 3), name="x")
    return of(x, layers.RNN(layers.SimpleRNNCell(4), return_sequences=True, name="r")(x))


@zoo
def simple_rnn() -> Model:
    x = Input((5, 3), name="x")
    return of(x, layers.SimpleRNN(4, activation="hard_sigmoid", name="r")(x))


@zoo
def hard_sigmoids() -> Model:
    x = Input((8, 8, 3), name="x")
    y = layers.Conv2D(4, 3, activation="hard_sigmoid", name="c")(x)
    y = layers.SeparableConv2D(4, 3, activation="hard_sigmoid", name="s")(y)
    y = layers.DepthwiseConv2D(3, activation="hard_sigmoid", name="w")(y)
    y = layers.Dense(4, activation="hard_sigmoid", name="d")(layers.Flatten()(y))
    return of(x, layers.Activation("hard_sigmoid", name="a")(y))


@zoo
def masked_with_state() -> Model:
    x = Input((5,), name="x")
    y = layers.Embedding(10, 4, mask_zero=True, name="e")(x)
    y, h, c = layers.LSTM(4, return_sequences=True, return_state=True, name="l1")(y)
    y = layers.Dropout(0.1, name="o")(y)
    return of(x, layers.LSTM(4, name="l2")(y, initial_state=[h, c]))


@zoo
def masking_then_both_ways() -> Model:
    x = Input((5, 3), name="x")
    y = layers.Masking(0.0, name="m")(x)
    return of(x, layers.Bidirectional(layers.LSTM(3, return_sequences=True, name="l"))(y))


@zoo
def per_step_model() -> Model:
    a = Input((6,), name="a")
    inner = Model(a, layers.Dense(3, name="d")(a), name="inner")
    x = Input((4, 6), name="x")
    return of(x, layers.TimeDistributed(inner, name="td")(x))


@zoo
def per_step_models_of_hard_sigmoid() -> Model:
    a = Input((6,), name="a")
    y = layers.Dense(3, activation="hard_sigmoid", name="d")(a)
    inner = Model(a, layers.Dense(2, name="e")(y), name="inner")
    x = Input((4, 6), name="x")
    dense = layers.Dense(6, activation="hard_sigmoid", name="own")
    return of(x, layers.TimeDistributed(inner, name="td")(layers.TimeDistributed(dense)(x)))


@zoo
def names_with_slashes() -> Model:
    a = Input((4,), name="in/a")
    y = layers.Dense(4, name="block/dense")(a)
    inner = Model(a, layers.BatchNormalization(name="block/bn")(y), name="inner/model")
    x = Input((4,), name="x")
    y = layers.Dense(4, name="conv1/dense")(inner(x))
    return of(x, layers.Add(name="conv1/add")([y, layers.BatchNormalization(name="conv1/bn")(y)]))


@zoo
def dict_into_nested() -> Model:
    ends = {"b": Input((3,), name="b"), "a": Input((3,), name="a")}
    y = layers.Subtract()([layers.Dense(3, name="p")(ends["b"]), ends["a"]])
    inner = Model(ends, y, name="inner")
    x = Input((3,), name="x")
    return of(x, inner({"a": x, "b": layers.Dense(3, name="q")(x)}))


@zoo
def layers_as_activations() -> Model:
    x = Input((6,), name="x")
    return of(x, layers.Dense(4, activation=layers.LeakyReLU(0.4), name="d")(x))


@zoo
def split_in_two() -> Model:
    x = Input((6,), name="x")
    one, two = tf.split(layers.Dense(6, name="d")(x), 2, axis=-1)
    return Model(x, [two, tf.tanh(one)])


@zoo
def per_step_convolution() -> Model:
    x = Input((4, 6, 6, 2), name="x")
    return of(x, layers.TimeDistributed(layers.Conv2D(3, 3, name="c"), name="td")(x))


@zoo
def every_convolution() -> Model:
    x = Input((8, 8, 4), name="x")
    y = layers.Conv2DTranspose(3, 3, strides=2, padding="same", name="t")(x)
    y = layers.Conv2D(4, 3, groups=1, dilation_rate=2, name="c")(y)
    y = layers.ZeroPadding2D(1)(layers.Cropping2D(1)(y))
    y = layers.UpSampling2D(2, interpolation="bilinear")(layers.AveragePooling2D(2)(y))
    z = layers.Reshape((-1, 4), name="r")(y)
    z = layers.SeparableConv1D(3, 3, name="s")(layers.Conv1D(5, 3, padding="causal", name="o")(z))
    z = layers.Conv1DTranspose(2, 3, name="ot")(z)
    return of(x, layers.GlobalMaxPooling1D()(layers.SpatialDropout1D(0.2)(z)))


@zoo
def volumes() -> Model:
    x = Input((6, 6, 6, 2), name="x")
    y = layers.MaxPooling3D(2)(layers.Conv3D(3, 3, padding="same", name="c")(x))
    return of(x, layers.Conv3DTranspose(2, 3, name="t")(layers.UpSampling3D(2)(y)))


@zoo
def norms_and_slopes() -> Model:
    x = Input((5, 6), name="x")
    y = layers.LayerNormalization(name="ln")(layers.Dense(6, name="d")(x))
    y = layers.BatchNormalization(scale=False, name="bn")(y)
    y = layers.PReLU(shared_axes=[1], name="p")(layers.LeakyReLU(0.2, name="l")(y))
    y = layers.ThresholdedReLU(0.4, name="t")(layers.ELU(0.5, name="e")(y))
    y = layers.GroupNormalization(groups=3, name="g")(y)
    return of(x, layers.Softmax(axis=1, name="s")(layers.UnitNormalization(name="u")(y)))


@zoo
def attentions() -> Model:
    q, v = Input((4, 6), name="q"), Input((5, 6), name="v")
    one = layers.Attention(use_scale=True, name="dot")([q, v])
    two = layers.AdditiveAttention(name="additive")([q, v])
    many = layers.MultiHeadAttention(2, 3, name="mha")
    three, scores = many(q, v, return_attention_scores=True)
    four = layers.MultiHeadAttention(2, 3, name="self")(q, q, use_causal_mask=True)
    return Model([q, v], [layers.Add()([one, two, three, four]), scores])


@zoo
def merges() -> Model:
    x, y = Input((3, 4), name="x"), Input((3, 4), name="y")
    parts = [layers.Dense(4, name=f"d{i}")(t) for i, t in enumerate((x, y))]
    found = [kind()(parts) for kind in (
        layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum
    )]  # fmt: skip
    dot = layers.Dot(axes=(2, 2), normalize=True)(parts)
    return Model([x, y], [layers.Concatenate(axis=1)(found), dot])


@zoo
def frozen_in_the_middle() -> Model:
    x = Input((6,), name="x")
    y = layers.Dense(6, name="a")(x)
    norm = layers.BatchNormalization(name="n", trainable=False)
    inner = Sequential([layers.Dense(6, name="in1"), layers.Dense(6, name="in2")], name="inner")
    y = inner(norm(y))
    inner.layers[0].trainable = False
    return of(x, layers.Dense(2, name="b")(y))


@zoo
def functions() -> Model:
    x = Input((4, 6), name="x")
    y = tf.nn.leaky_relu(layers.Dense(6, name="d")(x) * 2.0 + 1.0, alpha=0.1)
    y = tf.math.reduce_mean(y, axis=1, keepdims=True) - tf.reduce_max(y, axis=-1, keepdims=True)
    y = tf.concat([y, tf.square(y)], axis=-1)[:, 1:, ::2]
    z = tf.transpose(tf.nn.softmax(y), [0, 2, 1])
    z = tf.matmul(y, z) / 3.0
    return of(x, tf.clip_by_value(tf.expand_dims(1.0 - z, 1), -0.5, 0.5))


@zoo
def shape_of_a_batch() -> Model:
    x = Input((4, 6), name="x")
    return of(x, tf.reshape(tf.sigmoid(x), [-1, 24]))


@zoo
def dict_of_inputs() -> Model:
    x = {"b": Input((3,), name="b"), "a": Input((3,), name="a")}
    y = layers.Concatenate()([layers.Dense(2, name="p")(x["b"]), x["a"]])
    return of(x, y)


@zoo
def statistics() -> Model:
    x = Input((3,), name="x")
    norm = layers.Normalization(name="n")
    norm.adapt([[1.0, 2.0, 3.0], [2.0, 5.0, 9.0]])
    return of(x, layers.Rescaling(0.5, offset=1.0, name="r")(norm(x)))


@zoo
def preprocessing() -> Model:
    x = Input((8, 8, 3), name="x")
    y = layers.RandomFlip("horizontal")(layers.RandomRotation(0.1)(layers.CenterCrop(6, 6)(x)))
    y = layers.Resizing(4, 4)(layers.RandomZoom(0.2)(layers.RandomContrast(0.2)(y)))
    return of(x, layers.Discretization(bin_boundaries=[-1.0, 0.0, 1.0], name="bins")(y))


@zoo
def axes_of_norms() -> Model:
    x = Input((4, 5, 6), name="x")
    y = layers.LayerNormalization(axis=[1, 2], name="ln")(x)
    return of(x, layers.BatchNormalization(axis=1, center=False, name="bn")(y))


@zoo
def masked_mean() -> Model:
    x = Input((5,), name="x")
    y = layers.Embedding(10, 4, mask_zero=True, name="e")(x)
    y = layers.Dropout(0.5)(layers.Dense(4, name="d")(y))
    y = layers.Concatenate()([y, layers.LayerNormalization(name="n")(y)])
    return of(x, layers.GlobalAveragePooling1D()(y))


@zoo
def merged_masks() -> Model:
    x, w = Input((9,), name="x"), Input((9,), name="w")
    y = layers.Embedding(6, 4, mask_zero=True, name="e")(x)
    z = layers.Embedding(6, 4, mask_zero=True, name="f")(w)
    both = layers.Add(name="both")([y, z])
    later = layers.Concatenate(axis=1, name="c")([y, z])
    pooled = [layers.GlobalAveragePooling1D(name=f"g{i}")(t) for i, t in enumerate((both, later))]
    return Model([x, w], [*pooled, layers.GRU(3, name="u")(later)])


@zoo
def mask_into_nested() -> Model:
    a = Input((5, 4), name="a")
    inner = Model(a, layers.LSTM(4, return_sequences=True, name="l")(a), name="inner")
    x = Input((5,), name="x")
    y = inner(layers.Embedding(6, 4, mask_zero=True, name="e")(x))
    return of(x, layers.LSTM(3, name="after")(y))


@zoo
def masked_attention() -> Model:
    x = Input((5,), name="x")
    y = layers.Embedding(10, 4, mask_zero=True, name="e")(x)
    one = layers.MultiHeadAttention(2, 3, name="m")(y, y)
    return of(x, layers.GlobalMaxPooling1D()(layers.Attention(name="a")([one, y])))


@zoo
def cloned_names() -> Model:
    inner = Sequential([layers.Dense(3, name="dense"), layers.Dense(3, name="dense_1")], name="in")
    x = Input((4,), name="x")
    whole = of(x, layers.Dense(2, name="dense_2")(inner(x)))
    return models.clone_model(whole)
