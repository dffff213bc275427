"""Sparing Keras what it works out anew for every layer that it makes; the layers are the same.

Rebuilding a model, Keras spends a third of its time on three questions whose answers are known: how
a number is tracked that is set as an attribute, what the signature of a method is, and whether a
symbolic tensor is one of TensorFlow's. While a model is made, each is answered here first. What
stands for them in Keras is private: where it is not as expected, Keras goes its own way.
"""

from __future__ import annotations

import gc
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from importlib import import_module
from types import FunctionType, MethodType, NoneType, SimpleNamespace
from typing import Any

import keras

Shortcut = tuple[Any, str, Any]
"""Whose attribute, which one, and what stands in its place."""

_PLAIN = frozenset({bool, int, float, str, NoneType})
"""Values that nothing tracks and nothing wraps; a subclass of theirs may be otherwise."""
_PARTS = tuple(
    f"keras.src.{name}"
    for name in ("initializers.", "regularizers.", "constraints.", "dtype_policies.")
)
"""Where Keras defines what layers hold that is plain too."""
_TRACKED = (keras.Layer, keras.Variable, keras.metrics.Metric, list, tuple, dict, set)

_making = threading.RLock()
"""Two threads that took turns in putting things back would put back the wrong ones."""


@contextmanager
def shortcuts() -> Iterator[None]:
    """Have Keras make layers with less work; what a layer is when it is made does not change."""
    with _making, ExitStack() as undo:
        for way in WAYS:
            for owner, name, instead in way():
                undo.callback(setattr, owner, name, vars(owner)[name])
                setattr(owner, name, instead)
        yield


@contextmanager
def no_collection() -> Iterator[None]:
    """Spare the collector the thousands of objects of a model that all stay."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _attributes() -> Iterator[Shortcut]:
    """Set a number as an attribute of a layer without asking five stores whether they want it."""
    own = vars(keras.Layer).get("__setattr__")
    if own is not None:
        yield keras.Layer, "__setattr__", _setting(own)


def _setting(own: Callable[[Any, str, Any], None]) -> Callable[[Any, str, Any], None]:
    def set_attribute(self: Any, name: str, value: Any) -> None:
        layer: Any = type(self)
        new: Any = type(value)
        old: Any = type(self.__dict__.get(name))
        # What the class has under the name may be a property, or make setting it needless.
        if (
            (new in _PLAIN or _is_plain(new))
            and _sets_plainly(layer)
            and not hasattr(layer, name)
            and (old in _PLAIN or _is_plain(old))
        ):
            object.__setattr__(self, name, value)
        else:
            own(self, name, value)

    return set_attribute


@lru_cache(maxsize=1024)
def _is_plain(kind: Any) -> bool:
    """Whether nothing tracks and nothing wraps values of a type."""
    if kind in _PLAIN or kind in (FunctionType, keras.InputSpec):
        return True
    return kind.__module__.startswith(_PARTS) and not issubclass(kind, _TRACKED)


@lru_cache(maxsize=1024)
def _sets_plainly(kind: Any) -> bool:
    """Whether what comes after `Layer.__setattr__` does nothing with a number but keep it."""
    bases = kind.__mro__[kind.__mro__.index(keras.Layer) + 1 :]
    setters = [base for base in bases if "__setattr__" in vars(base)]
    hook = getattr(keras.Operation, "_setattr_hook", None)
    return getattr(kind, "_setattr_hook", None) is hook and all(
        base is object or base.__module__.startswith(("keras.src.backend.", "tensorflow."))
        for base in setters
    )


def _signatures() -> Iterator[Shortcut]:
    """Read the signature of a function once, not for each layer of its class."""
    known = {**vars(inspect), "signature": _signature, "getfullargspec": _specification}
    for name in ("keras.src.ops.operation", "keras.src.layers.layer"):
        module = _module(name)
        if vars(module).get("inspect") is inspect:
            yield module, "inspect", SimpleNamespace(**known)


def _signature(called: Any) -> inspect.Signature:
    if isinstance(called, MethodType) and isinstance(called.__func__, FunctionType):
        return _of_method(called.__func__)
    return _of_function(called) if isinstance(called, FunctionType) else inspect.signature(called)


_of_function = lru_cache(maxsize=1024)(inspect.signature)


@lru_cache(maxsize=1024)
def _of_method(function: FunctionType) -> inspect.Signature:
    """The signature of a method, which is the same whatever it is bound to."""
    return inspect.signature(MethodType(function, object()))


def _specification(called: Any) -> inspect.FullArgSpec:
    if isinstance(called, FunctionType):
        return _specification_of(called)
    return inspect.getfullargspec(called)


_specification_of = lru_cache(maxsize=1024)(inspect.getfullargspec)


def _tensors() -> Iterator[Shortcut]:
    """Tell by its type that a value is no tensor; TensorFlow asks a protocol, which is slow."""
    if keras.backend.backend() != "tensorflow":
        return
    backend = "keras.src.backend"
    modules = [_module(f"{backend}{end}") for end in ("", ".tensorflow", ".tensorflow.core")]
    own = vars(modules[0]).get("is_tensor")
    others = {keras.KerasTensor, list, tuple, dict}

    def is_tensor(value: Any) -> bool:
        kind: Any = type(value)
        return kind not in others and not _is_plain(kind) and bool(own(value))

    if own is not None:
        for module in modules:
            if vars(module).get("is_tensor") is own:
                yield module, "is_tensor", is_tensor


def _module(name: str) -> Any:
    """A module of Keras's own; an empty one where this Keras has none of the name."""
    try:
        return import_module(name)
    except ImportError:
        return SimpleNamespace()


WAYS = (_attributes, _signatures, _tensors)
