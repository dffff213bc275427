"""Initial values: the same bits everywhere, with the distribution that Keras means."""

from __future__ import annotations

import ast
import hashlib
import math
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras.src.initializers.random_initializers import compute_fans

from patchspec.weights import arithmetic, initial
from patchspec.weights.arithmetic import logarithm, normal_quantile, orthonormal_columns
from patchspec.weights.initial import PORTABLE, initial_value
from patchspec.weights.seeds import derived_seed

CONFIGS: dict[str, dict[str, Any]] = {
    name: {k: v for k, v in getattr(keras.initializers, name)().get_config().items() if k != "seed"}
    for name in sorted(PORTABLE)
}


def made(name: str, shape: tuple[int, ...] = (6, 4), dtype: str = "float32", **said: Any) -> Any:
    options = {"seed": 7, "path": "head/vars/0", **said}
    initializer = {"class_name": name, "config": {**CONFIGS[name], "seed": 3}}
    return initial_value(initializer, shape=shape, dtype=dtype, **options)


def of(name: str, config: dict[str, Any], shape: tuple[int, ...], dtype: str = "float64") -> Any:
    initializer = {"class_name": name, "config": config}
    return initial_value(initializer, seed=7, path="head/vars/0", shape=shape, dtype=dtype)


def digest(array: Any) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()[:16]


GOLDEN_CASES = (((6, 4), "float32"), ((8, 8), "float16"), ((5, 9), "float64"), ((5, 9), "bfloat16"))
GOLDEN: dict[str, tuple[str, ...]] = {
    "Constant": ("2ea9ab9198d16380", "38723a2e5e8a17aa", "d3df611a0ed2e328", "988a09c9a6ee6632"),
    "GlorotNormal": (
        "91af3a427ba7e025",
        "d7fd72cb18cc4da2",
        "87b41decc1eb694c",
        "52fc7ac055362409",
    ),
    "GlorotUniform": (
        "a5bd7c1024472fff",
        "f030a5771ee1788b",
        "ae1b56338248a8fd",
        "6411c5f65f23b16c",
    ),
    "HeNormal": ("8d8da89ef82324ba", "bd06a8384e0d7ebe", "0689ac7eeaba113e", "cfe4768dcc1350ec"),
    "HeUniform": ("cdb88867548064bf", "868665a3cdd78302", "cf3f8d17663e479b", "93ce01ede375aaa0"),
    "Identity": ("da34b6abdabc5925", "da092f2efeee0be8", "4a57931884803f3a", "f33096593112bc2d"),
    "LecunNormal": ("39b3c7590aa08aca", "0d3d0a954dba0248", "a47288208859b569", "9c1c81fb58523097"),
    "LecunUniform": (
        "ae9f15c6c6bfe675",
        "9cee9a299e16a32a",
        "d0ff5396e04de223",
        "ab605ba3906bf58d",
    ),
    "Ones": ("849203e6b4e58641", "dba486f693668dde", "aed6100cc821cf26", "8feb3bcd46737820"),
    "Orthogonal": ("da4cf19fd7d6fc5e", "ceba1e3d296f11f1", "53c64c0fd77acd03", "27f8ea07efab7e93"),
    "RandomNormal": (
        "69994f78ee3d0f9e",
        "2cba66b94394930f",
        "c3723954259d5997",
        "458bfbe48e56b44c",
    ),
    "RandomUniform": (
        "88fdb750d7375b47",
        "3279cb8ea4841a2a",
        "72628f7ed917a06f",
        "e1a29fa537ca54e2",
    ),
    "TruncatedNormal": (
        "5aaf1d202d275fbc",
        "74790bd8b0655e91",
        "fb876ac9d3dc36d3",
        "15e276e09cce8992",
    ),
    "VarianceScaling": (
        "041481133b7f9cb5",
        "6b1c8ebee21797e2",
        "b1f2ce6a6bc7d8ac",
        "57fb0f41c7206f47",
    ),
    "Zeros": ("2ea9ab9198d16380", "38723a2e5e8a17aa", "d3df611a0ed2e328", "988a09c9a6ee6632"),
}


@pytest.mark.parametrize("name", sorted(PORTABLE))
def test_the_bits_are_the_golden_ones(name: str) -> None:
    assert tuple(digest(made(name, *case)) for case in GOLDEN_CASES) == GOLDEN[name]


def test_every_portable_initializer_has_golden_bits() -> None:
    assert set(GOLDEN) == PORTABLE


def test_the_same_inputs_give_the_same_bits_in_another_process() -> None:
    code = (
        "from patchspec.weights.initial import initial_value as v;"
        "print(v({'class_name': 'GlorotUniform', 'config': {}}, seed=1, path='a', shape=(3, 3),"
        " dtype='float32').tobytes().hex())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    initializer = {"class_name": "GlorotUniform", "config": {}}
    mine = initial_value(initializer, seed=1, path="a", shape=(3, 3), dtype="float32")
    assert other.stdout.strip() == mine.tobytes().hex()


def test_seed_path_shape_dtype_and_config_all_matter() -> None:
    base = made("HeNormal", dtype="float64")
    others = [
        made("HeNormal", dtype="float64", seed=8),
        made("HeNormal", dtype="float64", path="b"),
        made("HeNormal", (6, 5), "float64"),
        made("HeNormal", (4, 6), "float64"),
        made("HeNormal", dtype="float32"),
        of("HeNormal", {**CONFIGS["HeNormal"], "seed": 4}, (6, 4), "float64"),
    ]
    beginnings = {other.astype("float32").ravel()[:8].tobytes() for other in (base, *others)}
    assert len(beginnings) == 7


def test_a_derived_seed_has_31_bits_and_depends_on_all_it_is_given() -> None:
    assert derived_seed(1, "a", "k") != derived_seed(2, "a", "k") != derived_seed(2, "b", "k")
    assert 0 <= derived_seed(2**62, "a", "k") < 2**31


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = made("GlorotNormal", (50, 30))
    monkeypatch.setattr(initial, "CHUNK", 7)
    assert np.array_equal(made("GlorotNormal", (50, 30)), whole)


def test_the_logarithm_is_within_two_ulp() -> None:
    x = np.concatenate([np.random.default_rng(0).random(5000), [1e-300, 1e300, 0.5, 1.0, 2.0]])
    for value, found in zip(x, logarithm(x), strict=True):
        assert abs(found - math.log(value)) <= 2 * math.ulp(math.log(value)) + 1e-18


def kolmogorov_distance(sample: Any, distribution: Callable[[float], float]) -> float:
    """The largest gap between the sample's distribution and another."""
    expected = np.array([distribution(value) for value in np.sort(sample)])
    steps = np.arange(len(sample) + 1) / len(sample)
    return float(max(np.max(steps[1:] - expected), np.max(expected - steps[:-1])))


def cut_normal(x: float) -> float:
    normal = statistics.NormalDist()
    return (normal.cdf(x) - normal.cdf(-2)) / (normal.cdf(2) - normal.cdf(-2))


@pytest.mark.parametrize(
    ("name", "config", "distribution"),
    [
        ("RandomUniform", {"minval": -1.0, "maxval": 3.0}, lambda x: (x + 1.0) / 4.0),
        ("RandomNormal", {"mean": 2.0, "stddev": 3.0}, statistics.NormalDist(2.0, 3.0).cdf),
        ("TruncatedNormal", {"mean": 2.0, "stddev": 3.0}, lambda x: cut_normal((x - 2.0) / 3.0)),
    ],
)
def test_values_follow_their_distribution(
    name: str, config: dict[str, Any], distribution: Callable[[float], float]
) -> None:
    values = of(name, config, (20_000,))
    # 1.63 / sqrt(n) is passed by one sample in a hundred; the sample is fixed.
    assert kolmogorov_distance(values, distribution) < 1.63 / math.sqrt(20_000)


def test_bounds_hold_and_are_nearly_reached() -> None:
    uniform = of("RandomUniform", {"minval": -1.0, "maxval": 3.0}, (20_000,))
    cut = of("TruncatedNormal", {"mean": 0.0, "stddev": 3.0}, (20_000,))
    assert -1.0 <= uniform.min() < -0.99 < 2.99 < uniform.max() <= 3.0
    assert 5.98 < np.abs(cut).max() <= 6.0


def test_the_normal_quantile_is_the_inverse_of_the_distribution() -> None:
    p = np.concatenate([np.random.default_rng(1).random(5000), [2**-54, 1e-20, 1 - 2**-53, 0.5]])
    normal = statistics.NormalDist()
    for value, found in zip(p, normal_quantile(p), strict=True):
        assert found == pytest.approx(normal.inv_cdf(value), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("shape", [(5, 5), (40, 12), (1, 1), (7, 1)])
def test_columns_are_orthonormal(shape: tuple[int, int]) -> None:
    a = np.random.default_rng(2).normal(size=shape)
    q = orthonormal_columns(a)
    assert np.allclose(q.T @ q, np.eye(shape[1]), atol=1e-12)
    assert np.allclose(q @ np.triu(q.T @ a), a, atol=1e-10)


@pytest.mark.parametrize("shape", [(300, 200), (200, 300), (3, 3, 40, 60)])
@pytest.mark.parametrize(
    "name", sorted(PORTABLE - {"Zeros", "Ones", "Constant", "Identity", "Orthogonal"})
)
def test_the_distribution_is_that_of_keras(name: str, shape: tuple[int, ...]) -> None:
    mine = made(name, shape).astype("float64").ravel()
    maker = getattr(keras.initializers, name)(**CONFIGS[name], seed=0)
    theirs = keras.ops.convert_to_numpy(maker(shape)).astype("float64").ravel()
    assert mine.std() == pytest.approx(theirs.std(), rel=0.03)
    assert abs(mine.mean() - theirs.mean()) < 0.03 * theirs.std()
    if name != "RandomNormal":
        assert np.abs(mine).max() == pytest.approx(np.abs(theirs).max(), rel=0.02)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal"])
@pytest.mark.parametrize("axes", [None, ([0, 1], [2])])
def test_scaled_variance_is_that_of_keras(
    mode: str, distribution: str, axes: tuple[list[int], list[int]] | None
) -> None:
    inputs, outputs = axes or (None, None)
    options = {"scale": 1.7, "mode": mode, "distribution": distribution}
    maker = keras.initializers.VarianceScaling(
        **options, seed=0, input_axes=inputs, output_axes=outputs
    )
    mine = of("VarianceScaling", maker.get_config(), (30, 20, 50))
    theirs = keras.ops.convert_to_numpy(maker((30, 20, 50))).astype("float64")
    assert mine.std() == pytest.approx(theirs.std(), rel=0.03)


@pytest.mark.parametrize("shape", [(), (7,), (7, 5), (3, 7, 5), (3, 2, 7, 5)])
def test_fans_are_those_of_keras(shape: tuple[int, ...]) -> None:
    assert initial._fans({}, shape) == compute_fans(shape)


@pytest.mark.parametrize("axes", [([0], [-1]), ([0, 1], [2]), ([1], None), (None, [1])])
@pytest.mark.parametrize("shape", [(3, 7, 5), (3, 2, 7, 5)])
def test_fans_over_named_axes_are_those_of_keras(
    shape: tuple[int, ...], axes: tuple[Any, Any]
) -> None:
    config = {"input_axes": axes[0], "output_axes": axes[1]}
    assert initial._fans(config, shape) == compute_fans(shape, *axes)


@pytest.mark.parametrize("name", sorted(PORTABLE))
def test_what_a_config_leaves_out_has_the_default_of_keras(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initial, "value_key", lambda *_: bytes(32))
    assert np.array_equal(of(name, {}, (4, 4)), of(name, CONFIGS[name], (4, 4)))


def test_an_orthogonal_kernel_is_shaped_as_keras_shapes_it() -> None:
    tall, wide = made("Orthogonal", (8, 3), "float64"), made("Orthogonal", (2, 2, 6), "float64")
    assert np.allclose(tall.T @ tall, np.eye(3), atol=1e-12)
    flat = wide.reshape(4, 6)
    assert np.allclose(flat @ flat.T, np.eye(4), atol=1e-12)


def test_a_gain_scales_a_matrix() -> None:
    q = of("Orthogonal", {"gain": 3.0}, (6, 4))
    assert np.allclose(q.T @ q, 9.0 * np.eye(4), atol=1e-12)
    assert np.array_equal(of("Identity", {"gain": 3.0}, (2, 3)), 3.0 * np.eye(2, 3))


@given(
    st.sampled_from(sorted(PORTABLE)),
    st.lists(st.integers(0, 4), max_size=4),
    st.integers(0, 2**63 - 1),
)
def test_values_are_finite_and_bounded_in_any_shape(name: str, shape: list[int], seed: int) -> None:
    if (name == "Identity" and len(shape) != 2) or (name == "Orthogonal" and len(shape) < 2):
        with pytest.raises(ValueError, match="axes"):
            made(name, tuple(shape), seed=seed)
        return
    value = made(name, tuple(shape), seed=seed)
    assert value.shape == tuple(shape)
    assert value.flags.c_contiguous
    assert value.flags.writeable
    assert np.isfinite(value).all()
    # No fan below one widens a scaled variance; a plain normal stops where 53 bits stop.
    widest = {"RandomUniform": 0.05, "TruncatedNormal": 0.1, "RandomNormal": 0.05 * 8.4}
    assert (np.abs(value) <= np.float32(widest.get(name, 2 * math.sqrt(2) / 0.879))).all()


def test_a_dtype_is_the_one_asked_for() -> None:
    for dtype in ("float16", "bfloat16", "float32", "float64", "int8", "uint32", "int64", "bool"):
        assert str(made("Ones", dtype=dtype).dtype) == dtype


def test_negative_values_wrap_in_unsigned_dtypes() -> None:
    assert of("Constant", {"value": -1.0}, (2,), "uint8").tolist() == [255, 255]


def test_a_constant_may_be_nested_and_keeps_large_integers() -> None:
    nested = of("Constant", {"value": [[1, 2], [3, 4]]}, (2, 2), "float32")
    assert nested.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert of("Constant", {"value": 2**53 + 1}, (), "int64") == 2**53 + 1


def test_an_unknown_class_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        of("STFT", {}, (4, 4))


@pytest.mark.parametrize("said", [{"mode": "fan"}, {"distribution": "cauchy"}])
def test_an_option_that_keras_lacks_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(said))):
        of("VarianceScaling", said, (4, 4))


def test_memory_stays_near_the_size_of_the_result() -> None:
    tracemalloc.start()
    try:
        value = made("GlorotNormal", (3000, 1000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < value.nbytes + 64 * initial.CHUNK


@pytest.mark.parametrize("module", [arithmetic, initial])
def test_only_arithmetic_that_ieee_754_fixes_is_used(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    imported = {
        alias.name
        for n in ast.walk(tree)
        if isinstance(n, ast.Import | ast.ImportFrom)
        for alias in n.names
    }
    library = {"log", "log2", "log1p", "exp", "exp2", "sin", "cos", "tan", "power", "hypot"}
    products = {"dot", "matmul", "inner", "vdot", "einsum", "tensordot", "linalg"}
    sums = {"sum", "mean", "std", "var", "prod", "cumsum", "reduce", "average"}
    draws = {"normal", "standard_normal", "uniform", "default_rng", "Generator", "RandomState"}
    assert not (used | imported) & (library | products | sums | draws | {"math"})
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.MatMult)]
