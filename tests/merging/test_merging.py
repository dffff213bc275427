"""Two versions of a patch become one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchspec.authoring.text import patch_text
from patchspec.language.patch import parse_source
from patchspec.language.source import Source, read_text
from patchspec.merging.changes import changes_of
from patchspec.merging.merge import Merged, merge
from patchspec.merging.parts import parts_of

BASE = """\
# what the team wants
patchspec: 1
name: head
settings:
  rate: {type: float, default: 0.2}
operations:
  # the new classes
  - op: replace
    id: head
    layers: predictions
    new: {class: Dense, name: flowers, config: {units: 5}}
  - op: freeze
    layers: "block1*"
  - {op: rename, layers: stem, name: entry}
expect: {layers: {added: [flowers]}}
"""


def source(text: str) -> Source:
    return read_text(text, "p.patchspec.yaml")


def merged(ours: str, theirs: str, base: str = BASE) -> Merged:
    return merge(source(base), source(ours), source(theirs))


def fields(found: Merged) -> list[tuple[str, str]]:
    return [(one.part, one.field) for one in found.conflicts]


def test_the_parts_of_a_file_are_the_file() -> None:
    parts = parts_of(source(BASE))
    texts = []
    for key, part in parts.top.items():
        texts.append(part.text)
        if key == "operations":
            texts += [step.text for step in parts.steps]
    assert "".join(texts) + parts.tail == BASE


def test_changes_of_other_operations_come_together_with_their_comments() -> None:
    """G6: a merge of patches by their meaning."""
    ours = BASE.replace("units: 5}}", "units: 9}}  # more")
    theirs = BASE.replace('  - op: freeze\n    layers: "block1*"\n', "") + "meta: {by: us}\n"
    found = merged(ours, theirs)
    assert not found.conflicts
    wanted = ours.replace('  - op: freeze\n    layers: "block1*"\n', "")
    assert source(found.text).data == source(wanted + "meta: {by: us}\n").data
    assert "# more" in found.text
    assert "# the new classes" in found.text


def test_two_values_of_one_field_are_a_conflict_named_by_layer_and_field() -> None:
    """G6: conflicts are named by layer and field."""
    found = merged(BASE.replace("units: 5", "units: 9"), BASE.replace("units: 5", "units: 7"))
    [conflict] = found.conflicts
    assert (conflict.part, conflict.field) == ("head", "new/config/units")
    assert (conflict.ours, conflict.theirs) == (9, 7)
    assert "<<<<<<< ours\n" in found.text
    assert found.text.count("op: freeze") == 1


def test_two_fields_of_one_operation_are_no_conflict() -> None:
    theirs = BASE.replace("layers: predictions", "layers: predictions\n    why: ten kinds")
    found = merged(BASE.replace("units: 5", "units: 9"), theirs)
    assert not found.conflicts
    [step, *_] = source(found.text).data["operations"]
    assert (step["why"], step["new"]["config"]["units"]) == ("ten kinds", 9)


def test_a_layer_that_one_side_removes_and_the_other_sets_is_a_conflict() -> None:
    ours = BASE.replace("expect:", "  - {op: remove, layers: pool}\nexpect:")
    theirs = BASE.replace("expect:", "  - {op: set, layers: pool, config: {a: 1}}\nexpect:")
    assert fields(merged(ours, theirs)) == [("layer `pool`", "")]


def test_two_insertions_behind_one_layer_are_a_conflict_since_their_order_matters() -> None:
    new = "  - {{op: insert, after: pool, new: {{class: ReLU, name: {}}}}}\nexpect:"
    found = merged(
        BASE.replace("expect:", new.format("r")), BASE.replace("expect:", new.format("q"))
    )
    assert found.conflicts


def test_both_pinning_another_base_is_a_conflict() -> None:
    ours, theirs = (BASE.replace("name:", f"base: {{path: {p}}}\nname:", 1) for p in "ab")
    assert fields(merged(ours, theirs)) == [("base", "path")]


def test_the_same_change_on_both_sides_is_made_once() -> None:
    both = BASE.replace("units: 5", "units: 9")
    assert merged(both + "meta: {a: 1}\n", both).text == both + "meta: {a: 1}\n"


def test_pieces_that_fit_into_no_whole_are_told() -> None:
    """Both give another operation the same id."""
    new = "  - {{op: freeze, id: ice, layers: {}}}\nexpect:"
    ours = BASE.replace("expect:", new.format("a"))
    theirs = BASE.replace("  # the new", "  - {op: remove, id: ice, layers: z}\n  # the new")
    found = merged(ours, theirs)
    assert found.conflicts or {p.code for p in found.problems} == {"PS217"}


def test_operations_in_brackets_are_merged_as_one_value() -> None:
    base = "patchspec: 1\noperations: [{op: freeze, layers: a}]\n"
    other = base.replace("layers: a", "layers: b")
    assert merged(base + "meta: {x: 1}\n", other, base).text == other + "meta: {x: 1}\n"


names = st.sampled_from(["a", "b", "c", "d"])
steps = st.one_of(
    st.builds(lambda n: {"op": "freeze", "layers": n}, names),
    st.builds(
        lambda n, r: {"op": "set", "layers": n, "config": {"rate": r}}, names, st.floats(0, 1)
    ),
    st.builds(lambda n: {"op": "remove", "id": f"id_{n}", "layers": n}, names),
)


@st.composite
def texts(draw: Any) -> str:
    found, seen = [], set()
    for step in draw(st.lists(steps, max_size=5)):
        if step.get("id") not in seen:
            found.append(step)
            seen.add(step.get("id", len(found)))
    said: dict[str, Any] = {"patchspec": 1, "operations": found}
    if draw(st.booleans()):
        said["meta"] = {"by": draw(names)}
    return patch_text(said, ["a comment"] if draw(st.booleans()) else ())


@settings(max_examples=80, deadline=None)
@given(texts(), texts())
def test_what_one_side_left_alone_is_as_the_other_has_it(base: str, changed: str) -> None:
    assert merged(changed, base, base).text == changed
    assert merged(base, changed, base).text == changed
    assert merged(changed, changed, base).text == changed


@settings(max_examples=120, deadline=None)
@given(texts(), texts(), texts())
def test_a_merge_without_conflict_says_the_same_from_either_side(
    base: str, ours: str, theirs: str
) -> None:
    one, other = merged(ours, theirs, base), merged(theirs, ours, base)
    assert bool(one.conflicts or one.problems) == bool(other.conflicts or other.problems)
    if not one.conflicts and not one.problems:
        assert _said(one.text) == _said(other.text)


def _said(text: str) -> tuple[Any, Any]:
    """What a patch says, operations in no order: of independent ones each side has its own."""
    data = dict(source(text).data)
    listed = sorted(map(repr, data.pop("operations")))
    return data, listed


@pytest.mark.parametrize("end", ["", "\n", "\n\n# the end\n"])
def test_the_end_of_a_file_is_kept(end: str) -> None:
    base = BASE.rstrip("\n") + end
    theirs = BASE.replace("units: 5", "units: 9")
    assert merged(base.replace("name: head", "name: hat"), theirs, BASE).text.endswith(end or "\n")


def test_two_versions_of_a_patch_are_compared_by_what_they_say() -> None:
    """G3: of patches too, comments and layout aside."""
    after = BASE.replace("units: 5", "units: 9").replace("# the new classes", "# other words")
    after = after.replace("  - {op: rename, layers: stem, name: entry}\n", "") + "meta: {a: 1}\n"
    found = {(one.kind, one.part): one.fields for one in changes_of(source(BASE), source(after))}
    assert found["changed", "head"] == (("new/config/units", 5, 9),)
    assert ("removed", "rename stem") in found
    assert ("added", "meta") in found
    assert len(found) == 3
    assert not changes_of(source(BASE), source(BASE.replace("# the new classes\n", "#\n")))


@settings(max_examples=60, deadline=None)
@given(texts(), texts())
def test_patches_without_changes_say_the_same(one: str, other: str) -> None:
    changes = changes_of(source(one), source(other))
    assert bool(changes) == (source(one).data != source(other).data)


FORMS = (
    "{patchspec: 1, operations: []}",
    "patchspec: 1\r\noperations:\r\n  - {op: freeze, layers: a}\r\n",
    "patchspec: 1\noperations:\n- op: freeze\n  layers: a\n- {op: freeze, layers: b}",
    "---\npatchspec: 1\noperations: # x\n  # y\n  - op: freeze\n    layers: a\n...\n",
    "patchspec: 1\noperations: [{op: freeze, layers: a},\n {op: freeze, layers: b}]\n",
    (
        "patchspec: 1\n\noperations:\n\n  - op: freeze\n\n    layers: a\n  # between\n\n"
        "  - op: freeze\n    layers: b\n# end\n"
    ),
    "operations: []\npatchspec: 1\n",
)


@pytest.mark.parametrize("base", FORMS)
def test_however_a_patch_is_written_a_clean_merge_is_a_patch(base: str) -> None:
    for ours in FORMS:
        for theirs in FORMS:
            found = merged(ours, theirs, base)
            if not found.conflicts and not found.problems:
                parse_source(source(found.text))
