"""json: RFC 6902 inside one layer's config."""

from __future__ import annotations

from typing import Any

import pytest

from tests import configs


def document() -> Any:
    conv = configs.layer(
        "Conv2D",
        "c",
        [configs.node(configs.tensor("x"))],
        filters=4,
        kernel_size=[3, 3],
        strides=[1, 1],
        kernel_regularizer=None,
    )
    return configs.model([configs.entrance(), conv], ["c", 0, 0])


def test_one_element_of_a_list_is_edited_in_place(lowers: Any) -> None:
    patch = "[{op: test, path: /strides/0, value: 1}, {op: replace, path: /strides/0, value: 2}]"
    plan = lowers(document(), f"- {{op: json, layers: c, patch: {patch}}}")
    assert plan.graph.layers["c"].config["strides"] == [2, 1]
    assert [edit["path"] for edit in plan.json_patch if edit["op"] != "test"] == [
        "/config/layers/1/config/strides/0"
    ]


def test_every_match_is_edited(lowers: Any) -> None:
    patch = "[{op: replace, path: /activation, value: tanh}]"
    plan = lowers(configs.chain("a", "b"), f"- {{op: json, layers: [a, b], patch: {patch}}}")
    assert plan.layers.changed == ("a", "b")


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ("{op: replace, path: /strides/5, value: 2}", "PS427"),
        ("{op: test, path: /filters, value: 5}", "PS427"),
        ("{op: remove, path: /nothing}", "PS427"),
        ("{op: replace, path: /filters/0, value: 2}", "PS427"),
        ("{op: replace, path: /filters}", "PS202"),
        ("{op: move, path: /filters, value: 2}", "PS205"),
        ("{op: replace, path: filters, value: 2}", "PS205"),
        ("{op: replace, path: /name, value: d}", "PS215"),
        ("{op: replace, path: /trainable, value: false}", "PS215"),
        ("{op: add, path: /activaton, value: relu}", "PS211"),
        ("{op: replace, path: /filters, value: many}", "PS214"),
        ("{op: add, path: /activation, value: {class_name: __lambda__, config: {}}}", "PS214"),
        (
            "{op: add, path: /kernel_regularizer, value: {class_name: Lambda, config: {}}}",
            "PS210",
        ),
    ],
)
def test_what_does_not_apply_or_is_not_taken_is_refused(
    patch: str, code: str, refuses: Any
) -> None:
    found = refuses(document(), f"- {{op: json, layers: c, patch: [{patch}]}}")
    assert found[0] == (code, 3)


def test_code_is_refused_wherever_it_is_put(refuses: Any) -> None:
    value = "{class_name: L2, config: {f: {class_name: __lambda__, config: x}}}"
    patch = f"{{op: add, path: /kernel_regularizer, value: {value}}}"
    found = refuses(document(), f"- {{op: json, layers: c, patch: [{patch}]}}")
    assert "PS701" in [code for code, _ in found]
