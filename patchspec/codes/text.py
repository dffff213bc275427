"""PS1xx: the text of a patch."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.codes.code import Code

TEXT: Mapping[str, Code] = {
    "PS101": Code(
        "the file is too large",
        "A patch is at most 1 MiB. A file of that size is not something people review: "
        "split it into several patches, they are applied in order.",
    ),
    "PS102": Code(
        "the file is not UTF-8 text",
        "Patches are read as UTF-8. Save the file as UTF-8 in your editor.",
    ),
    "PS103": Code(
        "a key stands twice in one mapping",
        "YAML readers disagree about which one counts, so a reviewer could see one value and "
        "the tool another. Delete one of them.",
    ),
    "PS104": Code(
        "an anchor, an alias or a merge key",
        "`&name`, `*name` and `<<` make a file mean more than it says. Write the value out. "
        'An unquoted leading `*` is an alias in YAML: quote globs, `layers: "block7*"`.',
    ),
    "PS105": Code(
        "a mapping key is not a string",
        "Keys are names. Quote a key that YAML reads as a number, a boolean or null.",
    ),
    "PS106": Code(
        "a YAML tag",
        "Tags (`!name`, `!!python/object`) ask the reader to build objects. "
        "A patch is plain data: remove the tag.",
    ),
    "PS107": Code(
        "a scalar is too long",
        "A scalar is at most 64 KiB and an integer at most 20 digits.",
    ),
    "PS108": Code(
        "the file is nested too deeply or has too many nodes",
        "At most 32 levels and 100,000 nodes.",
    ),
    "PS109": Code(
        "more than one YAML document, or none",
        "A patch file is one YAML document that is a mapping. "
        "The smallest patch is `{patchspec: 1, operations: []}`.",
    ),
    "PS110": Code(
        "the text is not YAML",
        "The YAML reader could not make sense of the text at this place.",
    ),
    "PS111": Code(
        "a control or bidirectional character",
        "Characters that change how a line is shown without changing what it says are refused "
        "anywhere in a patch: a reviewer would read something else than the tool.",
    ),
}
