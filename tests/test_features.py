"""The rows of the table of features. A test that proves one names it first."""

from __future__ import annotations

import re

from tests.test_traps import docstrings

ROWS = {
    "A6": "a pattern of layers is matched and replaced",
    "A9": "the model is cut off behind a tensor",
    "A10": "a slice of the middle gets inputs of its own, at several tensors too",
    "A11": "head, body and tail are models that make up the whole",
    "A12": "one input of a layer reads another producer",
    "A13": "a layer is renamed with every reference and its weights",
    "A14": "all names are prefixed or suffixed, for two copies in one model",
    "A15": "inputs and outputs are renamed and reordered",
    "A16": "a tensor inside becomes an output",
    "A17": "an output or an input is dropped, and what becomes dead is said",
    "A18": "a second input is merged in",
    "A19": "preprocessing is put in front",
    "A20": "the size of the input changes or is left open",
    "A21": "the batch size and statefulness change",
    "A22": "the first kernel follows another number of channels",
    "A23": "classes and units change, and what follows is handled",
    "A24": "values of the config of one layer are set",
    "A25": "values are set in bulk by a selector",
    "A26": "regularizers, constraints and initializers take effect",
    "A27": "parts are frozen and unfrozen, nested ones too",
    "A28": "what freezing means for BatchNormalization is declared",
    "A29": "the precision is set per layer and for the whole",
    "A39": "values of variables are edited",
    "A40": "a Sequential is a base like any other",
    "B1": "one call of a shared layer, or all",
    "B2": "one output of several",
    "B3": "nested models and wrappers by path",
    "B4": "tensors by keyword, in lists and mappings",
    "B5": "bare operations and their constants",
    "B6": "layers whose names Keras made up, stably",
    "B7": "a selector counts its matches, and none is an error",
    "B8": "a miss names what was near",
    "C2": "a schema holds, and unknown keys are refused",
    "C3": "the schema is published for editors",
    "C4": "YAML that misleads is refused or read as it looks",
    "C8": "exit codes and JSON speak to programs",
    "C9": "patches in a stack, included ones, one for many bases",
    "C10": "parameters with types, defaults and overrides",
    "C13": "conflicts are found",
    "C15": "a move is declared and no drop",
    "C16": "a patch on its own variant changes nothing, or is refused",
    "D1": "names are there, are unique, and lead somewhere",
    "D2": "loops are told as such",
    "D3": "shapes are inferred before weights are allocated",
    "D4": "what takes the place of another fits, or the change is declared",
    "D5": "stale metadata is made true",
    "D6": "what dangles is reported",
    "D7": "the propagation of masks is checked",
    "D8": "call arguments are kept or changed on purpose",
    "D9": "edits that must not show are proven by numbers",
    "D10": "the base stays as it was",
    "D11": "a failure leaves nothing half done",
    "D12": "conditions before and after",
    "D13": "an error has its place, its operation, and both values",
    "D14": "a selector that misses says why",
    "D15": "a saved variant computes the same",
    "D16": "a patch asserts numbers",
    "E3": "weights follow what is renamed or mapped",
    "E4": "a policy for every mismatch of shapes",
    "E5": "a report with counts and bytes",
    "E6": "every variable of the base is accounted for",
    "E7": "state that is no weight goes along, or is reported",
    "E8": "what is shared stays shared",
    "E9": "the compile configuration is carried, or dropped on purpose",
    "E10": "variables that stay keep the state of the optimizer",
    "E11": "flags are carried exactly",
    "G3": "two architectures are set side by side in words",
    "E12": "new layers start from the same bits",
}


def test_every_row_is_named_by_a_test_that_proves_it() -> None:
    heads = [re.match(r"((?:\w+, )*\w+): ", said) for said in docstrings()]
    named = {word for head in heads if head for word in re.findall(r"\b[A-G]\d+\b", head[1])}
    assert named == set(ROWS)
