"""Where nodes stand and how lines run, of any graph."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings

from patchspec.review.drawing.layering import layered, ranks_of
from patchspec.review.drawing.layout import Layout, Size, lay_out
from patchspec.review.drawing.ordering import crossings, ordered
from tests.review.graphs import planes

Links = list[tuple[int, int, int]]
Plane = tuple[list[Size], Links]
CARD = (100.0, 50.0)


def boxes(layout: Layout, sizes: list[Size]) -> list[tuple[float, float, float, float]]:
    return [(x, y, x + w, y + h) for (x, y), (w, h) in zip(layout.corners, sizes, strict=True)]


@settings(max_examples=50, deadline=None)
@given(planes())
def test_no_two_nodes_overlap(plane: Plane) -> None:
    sizes, links = plane
    for one, other in combinations(boxes(lay_out(sizes, links), sizes), 2):
        apart = (
            max(one[0], other[0]) - min(one[2], other[2]),
            max(one[1], other[1]) - min(one[3], other[3]),
        )
        assert max(apart) > 0


@settings(max_examples=50, deadline=None)
@given(planes())
def test_everything_lies_in_the_picture_and_readers_below_what_they_read(plane: Plane) -> None:
    sizes, links = plane
    layout = lay_out(sizes, links)
    placed = boxes(layout, sizes)
    for left, top, right, bottom in placed:
        assert left >= -0.2
        assert right <= layout.width + 0.2
        assert top >= -0.2
        assert bottom <= layout.height + 0.2
    for source, target, _ in links:
        assert placed[source][3] < placed[target][1]


@settings(max_examples=50, deadline=None)
@given(planes())
def test_a_line_leads_from_its_source_to_its_target_and_through_no_node(plane: Plane) -> None:
    sizes, links = plane
    layout = lay_out(sizes, links)
    placed = boxes(layout, sizes)
    assert len(layout.routes) == len(links)
    for (source, target, _), runs in zip(links, layout.routes, strict=True):
        ends = placed[source], placed[target]
        assert runs[0][1] == ends[0][1] + sizes[source][1]
        assert runs[-1][2] == ends[1][1]
        assert ends[1][0] < runs[-1][0] < ends[1][2]
        for before, after in pairwise(runs):
            assert before[2] < after[1]
        for x, top, bottom in runs:
            for left, upper, right, lower in placed:
                # On its way it stays clear of every node, and touches only those that it joins.
                assert not (left < x < right and upper < bottom - 0.2 and top + 0.2 < lower)


@settings(max_examples=25, deadline=None)
@given(planes())
def test_curves_bend_between_ranks_alone(plane: Plane) -> None:
    sizes, links = plane
    layout = lay_out(sizes, links)
    placed = boxes(layout, sizes)
    for runs in layout.routes:
        for before, after in pairwise(runs):
            for _, upper, _, lower in placed:
                assert not (upper < after[1] - 0.2 and before[2] + 0.2 < lower)


@settings(max_examples=50, deadline=None)
@given(planes())
def test_the_same_graph_is_laid_out_the_same(plane: Plane) -> None:
    assert lay_out(*plane) == lay_out(*plane)


@settings(max_examples=40, deadline=None)
@given(planes())
def test_every_edge_leads_to_the_next_rank(plane: Plane) -> None:
    sizes, links = plane
    graph = layered(len(sizes), links)
    rank = {node: i for i, row in enumerate(graph.ranks) for node in row}
    assert sorted(rank) == list(range(len(graph.above)))
    for (source, target, _), places in zip(links, graph.passes, strict=True):
        steps = [rank[node] for node in (source, *places, target)]
        assert steps == list(range(steps[0], steps[-1] + 1))


@settings(max_examples=40, deadline=None)
@given(planes())
def test_ordering_keeps_every_rank_and_adds_no_crossing(plane: Plane) -> None:
    sizes, links = plane
    graph = layered(len(sizes), links)
    rows = ordered(graph)
    assert [sorted(row) for row in rows] == [sorted(row) for row in graph.ranks]
    brute = sum(
        (a - c) * (b - d) < 0
        for upper, lower in pairwise(rows)
        for (a, b), (c, d) in combinations(
            [(i, lower.index(n)) for i, node in enumerate(upper) for n in graph.below[node]], 2
        )
    )
    assert crossings(rows, graph.below) == brute


def test_a_chain_is_one_straight_column() -> None:
    layout = lay_out([CARD] * 5, [(i, i + 1, 0) for i in range(4)])
    assert len({x for runs in layout.routes for x, _, _ in runs}) == 1


def test_a_line_around_a_block_leaves_the_main_path_straight() -> None:
    links = [(0, 1, 0), (1, 2, 0), (2, 3, 0), (0, 3, 0)]
    layout = lay_out([CARD] * 4, links)
    assert len({x for x, _ in layout.corners}) == 1
    assert layout.routes[3][1][0] > CARD[0]


def test_branches_stand_on_both_sides_of_what_joins_them() -> None:
    links = [(0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 0)]
    corners = lay_out([CARD] * 4, links).corners
    assert corners[0][0] == corners[3][0] == (corners[1][0] + corners[2][0]) / 2


def test_two_crossed_branches_are_uncrossed() -> None:
    links = [(0, 2, 0), (0, 3, 0), (1, 4, 0), (1, 5, 0), (2, 6, 0), (4, 6, 0), (3, 7, 0), (5, 7, 0)]
    graph = layered(8, links)
    assert crossings(ordered(graph), graph.below) == 1


def test_what_many_read_is_one_trunk() -> None:
    """A mask that every block reads takes as many places as there are ranks, not their square."""
    count = 60
    links = [(i, i + 1, 0) for i in range(count - 1)] + [(0, i, 1) for i in range(2, count)]
    assert len(layered(count, links).above) == count + count - 2


def test_a_side_input_stands_beside_what_it_is_added_to() -> None:
    links = [(0, 1, 0), (1, 2, 0), (2, 4, 0), (3, 4, 0)]
    assert ranks_of(5, links) == [0, 1, 2, 2, 3]


def test_several_tensors_of_a_node_leave_it_side_by_side() -> None:
    layout = lay_out([CARD, CARD, CARD], [(0, 1, 0), (0, 2, 1)])
    first, second = (runs[0][0] for runs in layout.routes)
    assert abs(first - second) > 20


def test_hundreds_of_layers_need_no_more_room_than_their_widest_place() -> None:
    links: Links = []
    for i in range(0, 800, 4):
        links += [(i, i + 1, 0), (i + 1, i + 2, 0), (i + 2, i + 3, 0), (i, i + 3, 0)]
        links += [(i + 3, i + 4, 0)]
    layout = lay_out([CARD] * 801, links)
    assert layout.width < 3 * CARD[0]


def test_nothing_is_drawn_of_nothing() -> None:
    assert lay_out([], []) == Layout(0.0, 0.0, (), ())
