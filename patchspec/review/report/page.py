"""The page itself: one file that loads nothing, in which no name is markup or script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from patchspec.planning.plan import Plan
from patchspec.review.costs import figure_rows
from patchspec.review.report.data import page_data
from patchspec.review.report.tables import Table, tables
from patchspec.review.self_contained import data_element, page_head
from patchspec.review.style import clean
from patchspec.review.verdicts import breaking_sentences, counts_said, verdict_said

_SIGNS = {"\u2705": ("valid", "valid"), "\u26aa": ("idle", "no change")}
_KEYS = (
    ("arrows", "go along the graph"),
    ("Enter", "opens a layer or a group"),
    ("n, p", "next and previous change"),
    ("/", "searches"),
    ("+, \u2212, 0", "zoom and fit"),
    ("Esc", "closes"),
)


def report_page(plan: Plan) -> str:
    """The page of a plan; the same plan gives the same text."""
    style = "\n" + _resource("page.css")
    library, script = "\n" + _resource("vendor/dagre.min.js"), "\n" + _resource("page.js")
    title = clean(" + ".join(p.name or "patch" for p in plan.patches) or "no patch")
    head = page_head(title, style, (library, script))
    return f"""{head}<body>
<header>
{_head(plan)}</header>
<section id="graph" aria-label="The graph of base and variant">
{_bar()}<div id="stage">
<svg id="drawing" tabindex="0" role="application" \
aria-label="Base and variant as one graph; {escape(_keys_said())}">
<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" \
markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z"/></marker></defs>
<g id="world"></g></svg>
<aside id="panel" hidden aria-label="The layer" aria-live="polite"></aside>
</div>
<p id="hint">{escape(_keys_said())}</p>
</section>
<main>
{"".join(_table(one) for one in tables(plan))}</main>
{data_element("data", page_data(plan))}
<script>{library}</script>
<script>{script}</script>
</body>
</html>
"""


def _keys_said() -> str:
    return "; ".join(f"{keys}: {what}" for keys, what in _KEYS)


def _head(plan: Plan) -> str:
    sign, _, said = verdict_said(plan).partition(" ")
    kind, word = _SIGNS.get(sign, ("attention", "attention"))
    lines = ["<div>\n"]
    lines.append(f'<h1><span class="sign {kind}">{word}</span>{escape(clean(said))}</h1>\n')
    lines += [f"<p>{escape(clean(p.description))}</p>\n" for p in plan.patches if p.description]
    lines.append(f'<p class="counts">{escape(clean(counts_said(plan)))}</p>\n')
    broken = list(breaking_sentences(plan))
    if broken:
        items = "".join(f"<li>{escape(clean(text.replace('`', '')))}</li>" for text in broken)
        lines.append(f'<div class="breaks"><strong>Breaks callers</strong><ul>{items}</ul></div>\n')
    lines.append("</div>\n")
    rows = "".join(
        f'<tr><th scope="row">{escape(clean(name))}</th><td>{escape(clean(was))}</td>'
        f"<td>{escape(clean(now))}</td></tr>"
        for name, was, now in figure_rows(plan)
    )
    lines.append(
        '<table class="figures"><thead><tr><td></td><th scope="col">before</th>'
        f'<th scope="col">after</th></tr></thead><tbody>{rows}</tbody></table>\n'
    )
    return "".join(lines)


def _bar() -> str:
    views = (
        ("changes", "changes"),
        ("overlay", "everything"),
        ("before", "before"),
        ("after", "after"),
    )
    radios = "".join(
        f'<label><input type="radio" name="view" value="{value}"'
        f"{' checked' if value == 'changes' else ''}>{text}</label>"
        for value, text in views
    )
    return f"""<div class="bar" role="toolbar" aria-label="What the graph shows">
<fieldset><legend>show</legend>{radios}</fieldset>
<input id="search" type="search" placeholder="name or class" aria-label="search by name or class">
<output id="found" aria-live="polite"></output>
<span class="buttons"><button id="open">open all</button><button id="close">close all</button>
<button id="smaller" aria-label="zoom out">\u2212</button>
<button id="larger" aria-label="zoom in">+</button>
<button id="fit">fit</button></span>
<span class="buttons">copy <button data-copy="mermaid">Mermaid</button>
<button data-copy="svg">SVG</button><button data-copy="json">JSON</button></span>
<button id="theme" aria-label="light or dark">\u25d0</button>
<ul class="legend" aria-label="signs">
<li class="added">+ added</li><li class="removed">\u2212 removed</li>
<li class="replaced">\u2212/+ replaced</li><li class="changed">~ changed</li>
<li class="rewired">\u00bb rewired</li><li class="renamed">\u2248 renamed</li>
</ul>
</div>
"""


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.heads)
    rows = "".join(_rows(table))
    opened = " open" if table.opened else ""
    return (
        f'<details id="{table.key}"{opened}><summary>{escape(table.title)}</summary>\n'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></details>\n"
    )


def _rows(table: Table) -> Iterator[str]:
    for row in table.rows:
        cells = "".join(
            _cell(cell, row.layer if i == table.linked else None)
            for i, cell in enumerate(row.cells)
        )
        kind = f' class="{row.status}"' if row.status else ""
        yield f"<tr{kind}>{cells}</tr>\n"


def _cell(text: str, layer: str | None) -> str:
    said = escape(clean(text))
    if layer is None:
        return f"<td>{said}</td>"
    return f'<td><button class="link" data-layer="{escape(layer)}">{said}</button></td>'


def _resource(name: str) -> str:
    place = files("patchspec.review.report")
    parts: Sequence[str] = name.split("/")
    return place.joinpath(*parts).read_text(encoding="utf-8")
