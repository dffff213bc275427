"""The traps: bugs of other tools and of Keras itself. A test that holds one shut names it first."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TRAPS = {
    "T1": "`build_config` of the base is stale behind a change",
    "T2": "a change in place does not reach a function compiled before",
    "T3": "`from_config` empties the caller's dict",
    "T4": "a layer that leads nowhere is dropped in silence",
    "T5": "an entry's name and that in its config differ",
    "T6": "of two layers of one name the later shadows the first",
    "T7": "every fault of the graph is called a loop, an IndexError of a layer too",
    "T8": "outputs count the calls of a nested Functional from 1, layers from 0",
    "T9": "`output_layers` has three forms",
    "T10": "bare operations are not in `model.layers`",
    "T11": "tensors in keywords, lists and mappings are missed",
    "T12": "call arguments are lost when a layer is replaced",
    "T13": "inputs come in order of declaration, not of the call",
    "T14": "an insertion before one layer reaches other readers of its input",
    "T15": "a chain is inserted in reverse",
    "T16": "outputs of a shared layer are mixed up",
    "T17": "an output that is read inside too is redirected once",
    "T18": "a bypass between two outputs, or an input and an output",
    "T19": "a rule matches what it made",
    "T20": "matches that touch or overlap are edited through stale nodes",
    "T21": "the inside of a match is read elsewhere",
    "T22": "diamonds are taken for loops, or take for ever",
    "T23": "an unused input stays, or a used one goes",
    "T24": "a list of one input becomes a lone input",
    "T26": "a mask is lost, or no longer fits",
    "T27": "a Lambda is refused by Keras without a word of what to do",
    "T28": "Keras takes names that references and pointers have signs of",
    "T30": "files of weights number layers by class",
    "T31": "`set_weights` goes by position",
    "T32": "Normalization computes with values derived from its variables",
    "T33": "a vocabulary is no variable",
    "T34": "the state of generators and stateful layers is no weight",
    "T35": "variables of one name collide",
    "T36": "the weights of a nested model are one list, which an insertion shifts",
    "T37": "a layer at two levels of nesting becomes two",
    "T38": "variant and base share variables or nodes",
    "T39": "flags of a model, or inside it, change in a copy",
    "T40": "`trainable = True` where it is True reaches no child",
    "T41": "a regularizer set on a built layer adds no loss",
    "T42": "new layers differ from build to build",
    "T43": "a copy forgets the compile config and the optimizer's steps",
    "T44": "losses are keyed by the names of outputs",
    "T45": "tied variables are untied",
    "T46": "quantized layers and LoRA have variables of their own",
    "T47": "an input layer's dtype is a text, a layer's a policy",
    "T48": "a failure leaves a part behind",
    "T60": "nothing matched, in silence",
    "T61": "a list matched in part, in silence",
    "T62": "a name matches another that begins with it",
    "T63": "unknown keys are passed over",
    "T64": "YAML 1.1 reads texts as something else, and the last of two keys wins",
    "T65": "an index is used in a list that has moved",
    "T66": "a comparison of configs is taken for a patch",
    "T67": "setting what is not there adds it",
    "T68": "a live config holds tuples, its JSON lists",
    "T69": "a wrong value surfaces as forty lines of a TypeError",
    "T71": "a plan is applied to another base",
    "T72": "names that Keras made up differ in every process",
    "T73": "an empty patch file",
    "T74": "an argument too many is only warned of",
    "T75": "tests with parameters all test the last",
    "T76": "an import configures logging, prints or loads TensorFlow",
    "T77": "an exception is made and not raised",
    "T78": "counters add up what they counted below",
}

ELSEWHERE = {
    "T25": "a functional subclass is opened through its graph, where it is no fault any more; "
    "the HDF5 part of T43 likewise: no model is saved as one",
    "T70": "renames are guessed where two models are compared, which nothing does yet",
}
"""Traps that no rule here stands against, and why."""


def docstrings() -> Iterator[str]:
    for path in Path(__file__).parent.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield ast.get_docstring(node) or ""


def test_every_trap_is_named_by_the_test_that_holds_it_shut() -> None:
    heads = [re.match(r"((?:\w+, )*\w+): ", said) for said in docstrings()]
    held = {word for head in heads if head for word in re.findall(r"T\d+", head[1])}
    assert set(TRAPS) - held == set()
    assert held <= {*TRAPS, *ELSEWHERE}
