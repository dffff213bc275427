"""Two models side by side as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from patchspec.differences.counting import total_parameters, trainable_parameters
from patchspec.differences.difference import Difference
from patchspec.differences.values import ValueChange
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.tensors import Spec, Tensor, form_of
from patchspec.problems import some
from patchspec.review.markdown import code, details, md_table
from patchspec.review.plans import layer_lines
from patchspec.review.rows import (
    MANY,
    SYMBOLS,
    EndRow,
    input_rows,
    layer_rows,
    output_rows,
)
from patchspec.review.style import PLAIN, Style, clean, fitted, number, plural, table

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it, as columns."""

    title: str
    rows: Sequence[Sequence[str]]


def difference_text(found: Difference, style: Style = PLAIN) -> str:
    """The difference for a terminal: layers, inputs and outputs, parameters, values, guesses."""
    title = f"{clean(found.before.origin)} -> {clean(found.after.origin)}"
    lines = [style("Difference: ", "bold") + title, ""]
    rows = layer_rows(found.lineage, style.many)
    if rows:
        lines.append(style("Layers", "bold"))
        lines += [*layer_lines(rows, style), ""]
    for section in _sections(found, style.many):
        lines.append(style(section.title, "bold"))
        cells = [[clean(cell) for cell in row] for row in section.rows]
        room = None if style.width is None else style.width - 2
        lines += [f"  {line}" for line in table(cells, width=room)]
        lines.append("")
    return fitted("\n".join([*lines, style(_verdict(found), "bold")]), style.width)


def difference_markdown(found: Difference) -> str:
    """The difference for a comment: what stands first is what a reader needs first."""
    lines = [
        f"**{_verdict(found)}**",
        "",
        f"{code(found.before.origin)} → {code(found.after.origin)}",
    ]
    rows = layer_rows(found.lineage)
    if rows:
        cells = [(f"{SYMBOLS[r.kind][0]} {r.kind}", code(r.name), r.what) for r in rows]
        lines += ["", *details("Layers", md_table(("", "layer", "what"), cells))]
    for section in _sections(found, MANY):
        heads = [""] * len(section.rows[0])
        lines += ["", *details(section.title, md_table(heads, section.rows))]
    return "\n".join(lines)


def _verdict(found: Difference) -> str:
    if found.is_empty:
        return (
            "No difference in architecture" + ("" if found.values is None else " or weights") + "."
        )
    s = found.lineage.layers
    counts = (
        (len(s.added), "added"),
        (len(s.removed), "removed"),
        (len(s.replaced), "replaced"),
        (len(s.changed), "changed"),
        (len(s.rewired), "rewired"),
        (len(s.renamed), "renamed"),
    )
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    values = found.values
    moved = len({change.layer for change in values.changes}) if values else 0
    parts = [f"layers: {said}"] if said else []
    parts += [f"{title.lower()} changed" for title, rows in _end_rows(found) if _speak(rows)]
    if values is not None:
        parts.append(f"weights of {plural(moved, 'layer')} differ" if moved else "weights equal")
    if not parts or parts == ["weights equal"]:
        parts.insert(0, "the models differ in what no layer holds")
    verdict = "; ".join(parts)
    return f"{verdict[0].upper()}{verdict[1:]}."


def _sections(found: Difference, many: int | None) -> Iterator[Section]:
    for title, rows in _end_rows(found):
        if _speak(rows):
            yield Section(title, [(row.name, row.tensor, row.spec, row.note) for row in rows])
    yield from _some("Shapes", shape_rows(found), many)
    yield from _some("Model", model_rows(found), many)
    yield from _some("Parameters", list(parameter_rows(found)), many)
    yield from _some("Weights", list(value_rows(found)), many)
    guessed = [
        (found.lineage.origins[path] or "", "->", path, f"recognised by its {reason}")
        for path, reason in found.guesses.items()
    ]
    yield from _some("Guesses", guessed, many)


def _end_rows(found: Difference) -> tuple[tuple[str, list[EndRow]], ...]:
    before, after = (specs.get("", {}) for specs in found.specs)
    known = {**before, **after}
    return (
        ("Inputs", input_rows(found.lineage, known)),
        ("Outputs", output_rows(found.lineage, known)),
    )


def _speak(rows: Sequence[EndRow]) -> bool:
    """Whether an input or output came, went or got another name."""
    return any(row.note for row in rows)


def _some(title: str, rows: Sequence[Sequence[str]], many: int | None) -> Iterator[Section]:
    if rows:
        shown = list(rows[:many])
        if many is not None and len(rows) > many:
            rest = f"... and {len(rows) - many} more"
            shown.append((rest, *[""] * (len(rows[0]) - 1)))
        yield Section(title, shown)


def shape_rows(found: Difference) -> list[tuple[str, str, str, str]]:
    """The tensors of layers in both models that have another shape or dtype."""
    before, after = found.specs
    rows = []
    for path, layer in found.lineage.after.by_path.items():
        origin = found.lineage.origins.get(path)
        if origin is None:
            continue
        old = found.lineage.origin(path)
        was, now = _made(before, old), _made(after, layer)
        for (call, output), spec in now.items():
            if (call, output) in was and was[call, output] != spec:
                tensor = str(Tensor(path, call, output))
                rows.append((tensor, str(was[call, output]), "->", str(spec)))
    return rows


def _made(specs: Mapping[str, Mapping[Tensor, Spec]], layer: Layer) -> dict[tuple[int, int], Spec]:
    own = specs.get(layer.home, {})
    return {(t.call, t.output): spec for t, spec in own.items() if t.layer == layer.name}


def model_rows(found: Difference) -> list[tuple[str, str, str, str]]:
    """What models say of themselves beside their layers: name, kind, form of inputs and outputs."""
    old, new = found.before.document, found.after.document
    pairs = [
        ("name", found.before.graph.config.get("name"), found.after.graph.config.get("name")),
        ("class", old.get("class_name"), new.get("class_name")),
        ("trainable", old["config"].get("trainable", True), new["config"].get("trainable", True)),
        ("compiled", bool(old.get("compile_config")), bool(new.get("compile_config"))),
        ("form of inputs", *_forms(found, "input_layers")),
        ("form of outputs", *_forms(found, "output_layers")),
    ]
    rows = [(key, str(was), "->", str(now)) for key, was, now in pairs if was != now]
    if old.get("compile_config") and new.get("compile_config"):
        was, now = old["compile_config"], new["compile_config"]
        changed = [key for key in {**was, **now} if was.get(key) != now.get(key)]
        if changed:
            rows.append(("compiled with", some(changed, MANY), "", "differs"))
    return rows


def _forms(found: Difference, key: str) -> tuple[str, str]:
    return _form(found.before.graph, key), _form(found.after.graph, key)


def _form(graph: Graph, key: str) -> str:
    said = graph.config.get(key)
    if isinstance(said, Mapping):
        return f"a dict of {', '.join(said)}"
    return "one tensor" if form_of(said) == "lone" else "a list"


def parameter_rows(found: Difference) -> Iterator[tuple[str, str, str, str]]:
    """How many parameters there are, and in how many layers, where that is another number."""
    totals = [total_parameters(base) for base in (found.before, found.after)]
    if totals[0] != totals[1]:
        yield ("parameters", number(totals[0]), "->", number(totals[1]))
    trained = [trainable_parameters(base) for base in (found.before, found.after)]
    if trained[0] != trained[1]:
        yield ("trainable", number(trained[0]), "->", number(trained[1]))
    layers = [len(base.graph.by_path) for base in (found.before, found.after)]
    if layers[0] != layers[1]:
        yield ("layers", number(layers[0]), "->", number(layers[1]))


def value_rows(found: Difference) -> Iterator[tuple[str, str, str]]:
    """The variables that do not hold the same, and by how much they differ."""
    if found.values is None:
        missing = [b.origin for b in (found.before, found.after) if b.variables is None]
        if len(missing) == 1:
            yield (missing[0], "has no weights", "")
        return
    if not found.values.changes:
        return
    if found.values.equal:
        yield (plural(found.values.equal, "variable"), "equal", "bit by bit")
    for change in found.values.changes:
        yield (f"{change.layer}/{change.variable}", *_told(change))


def _told(change: ValueChange) -> tuple[str, str]:
    if change.before is None or change.after is None:
        there = change.after if change.before is None else change.before
        return _shape(there or ()), "new" if change.before is None else "gone"
    if change.before != change.after:
        return f"{_shape(change.before)} -> {_shape(change.after)}", "another shape"
    parts = [f"{change.dtypes[0]} -> {change.dtypes[1]}"] if change.dtypes else []
    if change.largest is not None:
        parts.append(f"at most {change.largest:.3g}")
    if change.relative is not None:
        parts.append(f"{change.relative:.3g} of its length")
    return _shape(change.after), ", ".join(parts) or "differs"


def _shape(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape)) or "scalar"
