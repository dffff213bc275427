"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const drawing = byId("drawing"), world = byId("world"), panel = byId("panel");
  const nodes = data.nodes, count = nodes.length;
  const number = new Map(nodes.map((node, i) => [node.key, i]));
  const groups = new Map(data.groups.map((group) => [group.key, group]));
  // More than this at once is neither read nor laid out in a blink.
  const MANY = 90;
  const state = { view: "changes", open: new Set(), revealed: new Set(), chosen: null };
  let scene = null, camera = { x: 0, y: 0, scale: 1 }, hits = [], hit = -1;

  const element = (name, attributes = {}, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const html = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  // What there is in the chosen view.
  const isThere = (node) =>
    state.view === "before" ? node.there[0] : state.view === "after" ? node.there[1] : true;
  const edges = () =>
    data.edges.filter(([a, b, status]) =>
      isThere(nodes[a]) && isThere(nodes[b]) &&
      !(state.view === "before" && status === "added") &&
      !(state.view === "after" && status === "removed"));
  const isChanged = (node) => node.status !== "same";
  const chain = (node) => {
    const found = [];
    for (let key = node.group; groups.has(key); key = groups.get(key).parent) found.unshift(key);
    return found;
  };

  // In the view of changes: what changed, what is next to it, and what was revealed.
  const shownOfChanges = () => {
    const shown = new Set(state.revealed);
    const core = new Set();
    nodes.forEach((node, i) => { if (isChanged(node)) core.add(i); });
    for (const [a, b, status] of data.edges) if (status !== "same") { core.add(a); core.add(b); }
    for (const i of core) shown.add(i);
    if (core.size <= MANY) {
      for (const [a, b] of data.edges) {
        if (core.has(a)) shown.add(b);
        if (core.has(b)) shown.add(a);
      }
    }
    for (const i of [...shown]) {
      for (const key of chain(nodes[i])) if (number.has(key)) shown.add(number.get(key));
    }
    return shown;
  };

  const stretches = (shown, wires) => {
    const reads = Array.from({ length: count }, () => []);
    for (const [a, b] of wires) reads[b].push(a);
    // Hidden nodes behind the same shown ones make one stretch, so that none closes a loop.
    const behind = new Map();
    const label = new Map();
    const known = (i) => {
      const waiting = [i];
      while (waiting.length) {
        const top = waiting[waiting.length - 1];
        if (behind.has(top)) { waiting.pop(); continue; }
        const open = reads[top].filter((one) => !behind.has(one) && !waiting.includes(one));
        if (open.length) { waiting.push(...open); continue; }
        waiting.pop();
        const all = new Set();
        for (const one of reads[top]) {
          if (shown.has(one)) all.add(one);
          for (const far of behind.get(one) || []) all.add(far);
        }
        behind.set(top, all);
        label.set(top, [...all].sort((x, y) => x - y).join() + "|" + home(nodes[top]));
      }
      return label.get(i);
    };
    const owner = new Map();
    const near = new Map();
    for (let i = 0; i < count; i++) if (!shown.has(i)) { known(i); near.set(i, []); }
    for (const [a, b] of wires) {
      if (near.has(a) && near.has(b) && label.get(a) === label.get(b)) {
        near.get(a).push(b); near.get(b).push(a);
      }
    }
    const parts = [];
    for (const start of near.keys()) {
      if (owner.has(start) || !isThere(nodes[start])) continue;
      const part = [], waiting = [start];
      while (waiting.length) {
        const one = waiting.pop();
        if (owner.has(one)) continue;
        owner.set(one, parts.length);
        part.push(one);
        waiting.push(...near.get(one));
      }
      parts.push(part);
    }
    return { owner, parts };
  };
  const home = (node) => {
    const path = node.key.replace(/^-/, "");
    return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
  };

  // The nodes and edges to lay out: layers, stretches and closed groups.
  const visible = () => {
    const wires = edges();
    const items = new Map();
    const owner = new Array(count).fill(null);
    if (state.view === "changes") {
      const shown = shownOfChanges();
      const { owner: part, parts } = stretches(shown, wires);
      nodes.forEach((node, i) => {
        if (shown.has(i)) { owner[i] = `n${i}`; items.set(`n${i}`, { node: i }); }
        else if (part.has(i)) owner[i] = `f${part.get(i)}`;
      });
      const came = new Set(), left = new Set();
      for (const [a, b] of wires) {
        if (owner[a] === owner[b]) continue;
        if (!shown.has(b)) came.add(owner[b]);
        if (!shown.has(a)) left.add(owner[a]);
      }
      parts.forEach((members, i) => {
        const key = `f${i}`;
        if (came.has(key) && left.has(key)) items.set(key, { fold: members });
      });
    } else {
      nodes.forEach((node, i) => {
        if (!isThere(node)) return;
        const closed = chain(node).find((key) => !state.open.has(key));
        if (closed === undefined) { owner[i] = `n${i}`; items.set(`n${i}`, { node: i }); return; }
        if (number.has(closed)) { owner[i] = `n${number.get(closed)}`; return; }
        owner[i] = `g${closed}`;
        const item = items.get(owner[i]) || { group: closed, members: [] };
        item.members.push(i);
        items.set(owner[i], item);
      });
    }
    const joined = new Map();
    for (const [a, b, status] of wires) {
      const from = owner[a], to = owner[b];
      if (!from || !to || from === to || !items.has(from) || !items.has(to)) continue;
      const key = `${from}>${to}`;
      const old = joined.get(key);
      if (!old) joined.set(key, { from, to, status });
      else if (old.status !== status) old.status = "same";
    }
    // What an open nested model holds hangs on it.
    nodes.forEach((node, i) => {
      const key = `n${i}`;
      const outer = number.get(home(node));
      if (node.kind === "input" && items.has(key) && outer !== undefined && items.has(`n${outer}`)) {
        joined.set(`n${outer}>${key}`, { from: `n${outer}`, to: key, status: "inside" });
      }
    });
    return { items, wires: [...joined.values()] };
  };

  const texts = (item) => {
    if (item.fold) return [`… ${item.fold.length} ${item.fold.length === 1 ? "layer" : "layers"} …`, ""];
    if (item.group) {
      const changed = item.members.filter((i) => isChanged(nodes[i])).length;
      const said = `${item.members.length} layers`;
      return [`▸ ${groups.get(item.group).label}`, changed ? `${said}, ${changed} changed` : said];
    }
    const node = nodes[item.node];
    const opens = groups.has(node.key) ? (state.open.has(node.key) ? "▾ " : "▸ ") : "";
    const name = node.was ? `${node.was} → ${node.name}` : node.name;
    return [opens + shortened(name), node.class];
  };
  const shortened = (text) => (text.length > 42 ? `${text.slice(0, 20)}…${text.slice(-20)}` : text);
  const status = (item) => {
    if (item.fold) return "fold";
    if (item.group) {
      const found = new Set(item.members.map((i) => nodes[i].status).filter((one) => one !== "same"));
      return found.size === 1 ? `group ${[...found][0]}` : found.size ? "group changed" : "group";
    }
    const node = nodes[item.node];
    const plain = state.view === "before" || state.view === "after";
    return `${node.kind} ${plain ? "same" : node.status}`;
  };

  const layout = () => {
    const { items, wires } = visible();
    const graph = new dagre.graphlib.Graph({ multigraph: false, compound: items.size <= 300 });
    graph.setGraph({
      rankdir: "TB", nodesep: 22, ranksep: 34, marginx: 20, marginy: 20,
      ranker: items.size > 250 ? "longest-path" : "network-simplex",
    });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const [key, item] of items) {
      const [name, kind] = texts(item);
      const sign = item.node === undefined ? "" : data.signs[nodes[item.node].status];
      const length = Math.max(name.length + (sign ? sign.length + 1 : 0), kind.length * 0.85, 9);
      graph.setNode(key, { width: Math.round(length * 7.4 + 26), height: kind ? 42 : 28 });
    }
    for (const { from, to } of wires) graph.setEdge(from, to);
    if (items.size <= 300 && state.view !== "changes") boxes(graph, items);
    dagre.layout(graph);
    return { items, wires, graph };
  };
  // Open groups are drawn as boxes around what they hold.
  const boxes = (graph, items) => {
    for (const [key, item] of items) {
      if (item.node === undefined) continue;
      const inner = chain(nodes[item.node]).filter((one) => !number.has(one)).pop();
      if (inner === undefined) continue;
      graph.setNode(`b${inner}`, {});
      graph.setParent(key, `b${inner}`);
    }
  };

  const path = (points) => {
    let said = `M${points[0].x} ${points[0].y}`;
    for (let i = 1; i < points.length - 1; i++) {
      const next = i === points.length - 2 ? points[i + 1]
        : { x: (points[i].x + points[i + 1].x) / 2, y: (points[i].y + points[i + 1].y) / 2 };
      said += `Q${points[i].x} ${points[i].y} ${next.x} ${next.y}`;
    }
    if (points.length === 2) said += `L${points[1].x} ${points[1].y}`;
    return said;
  };

  const draw = () => {
    scene = layout();
    const { items, wires, graph } = scene;
    const lines = element("g"), cards = element("g");
    scene.tiles = [];
    const tile = (y, into, kind) => {
      const index = Math.floor(y / 600);
      const tiles = scene.tiles[index] || (scene.tiles[index] = {});
      if (!tiles[kind]) { tiles[kind] = element("g"); into.append(tiles[kind]); }
      return tiles[kind];
    };
    for (const key of graph.nodes()) {
      if (!key.startsWith("b")) continue;
      const at = graph.node(key);
      if (!at || at.x === undefined) continue;
      const box = element("g");
      box.append(element("rect", {
        class: "box", x: at.x - at.width / 2, y: at.y - at.height / 2, width: at.width,
        height: at.height, rx: 8,
      }));
      const name = element("text", {
        class: "boxname", x: at.x - at.width / 2 + 8, y: at.y - at.height / 2 + 15,
      }, `▾ ${groups.get(key.slice(1)).label}`);
      name.dataset.close = key.slice(1);
      box.append(name);
      lines.append(box);
    }
    for (const wire of wires) {
      const at = graph.edge(wire.from, wire.to);
      if (!at || !at.points) continue;
      const line = element("path", {
        class: `edge ${wire.status}`, d: path(at.points), "marker-end": "url(#arrow)",
      });
      tile(at.points[0].y, lines, "lines").append(line);
    }
    scene.cards = new Map();
    const order = [...items.keys()].sort((a, b) => graph.node(a).y - graph.node(b).y || graph.node(a).x - graph.node(b).x);
    for (const key of order) {
      const card = drawn(key, items.get(key), graph.node(key));
      scene.cards.set(key, card);
      tile(graph.node(key).y, cards, "cards").append(card);
    }
    scene.order = order;
    world.replaceChildren(lines, cards);
    mark();
  };
  const drawn = (key, item, at) => {
    const [name, kind] = texts(item);
    const card = element("g", {
      class: `node ${status(item)}`, transform: `translate(${at.x} ${at.y})`, tabindex: "-1",
      role: "button", "aria-label": spoken(item, name, kind),
    });
    card.dataset.item = key;
    if (item.node !== undefined) card.dataset.key = nodes[item.node].key;
    const round = item.node !== undefined && ["input", "output"].includes(nodes[item.node].kind);
    card.append(element("rect", {
      x: -at.width / 2, y: -at.height / 2, width: at.width, height: at.height, rx: round ? 20 : 6,
    }));
    const title = element("text", { "text-anchor": "middle", y: kind ? -3 : 4 });
    const sign = item.node === undefined || state.view === "before" || state.view === "after"
      ? "" : data.signs[nodes[item.node].status];
    if (sign) title.append(element("tspan", { class: "sign", "font-weight": "700" }, `${sign} `));
    title.append(element("tspan", {}, name));
    card.append(title);
    if (kind) card.append(element("text", { class: "class", "text-anchor": "middle", y: 13 }, kind));
    return card;
  };
  const spoken = (item, name, kind) => {
    if (item.fold) return `${item.fold.length} unchanged layers, folded; Enter unfolds`;
    if (item.group) return `group ${name.slice(2)}, ${kind}; Enter opens`;
    const node = nodes[item.node];
    const said = node.status === "same" ? "" : `${node.status} `;
    return `${said}${node.kind === "layer" ? "layer" : node.kind} ${name}, ${kind}`;
  };

  // The camera.
  const apply = () => {
    world.setAttribute("transform", `translate(${camera.x} ${camera.y}) scale(${camera.scale})`);
    drawing.classList.toggle("far", camera.scale < 0.28);
    const height = drawing.clientHeight;
    const top = -camera.y / camera.scale, bottom = (height - camera.y) / camera.scale;
    scene.tiles.forEach((tiles, i) => {
      const seen = (i + 1) * 600 > top - 600 && i * 600 < bottom + 600;
      if (tiles.seen === seen) return;
      tiles.seen = seen;
      for (const kind of ["lines", "cards"]) {
        if (tiles[kind]) tiles[kind].setAttribute("display", seen ? "inline" : "none");
      }
    });
  };
  let asked = false;
  const later = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; apply(); });
  };
  const fit = () => {
    const size = scene.graph.graph();
    const width = drawing.clientWidth || 800, height = drawing.clientHeight || 500;
    const scale = Math.min(width / (size.width + 40), height / (size.height + 40), 1.1);
    camera.scale = Math.max(scale, Math.min(0.55, width / (size.width + 40), 1));
    camera.x = (width - size.width * camera.scale) / 2;
    camera.y = size.height * camera.scale < height ? (height - size.height * camera.scale) / 2 : 10;
    apply();
    const first = nodes.findIndex((node, i) => isChanged(node) && scene.cards.has(`n${i}`));
    if (size.height * camera.scale > height && first >= 0) {
      center(`n${first}`);
      camera.y = Math.min(camera.y, 10);
      apply();
    }
  };
  const whole = () => {
    const size = scene.graph.graph();
    const width = drawing.clientWidth || 800, height = drawing.clientHeight || 500;
    camera.scale = Math.min(width / (size.width + 40), height / (size.height + 40), 1.1);
    camera.x = (width - size.width * camera.scale) / 2;
    camera.y = (height - size.height * camera.scale) / 2;
    apply();
  };
  const zoom = (factor, x = drawing.clientWidth / 2, y = drawing.clientHeight / 2) => {
    const scale = Math.min(4, Math.max(0.02, camera.scale * factor));
    camera.x = x - ((x - camera.x) * scale) / camera.scale;
    camera.y = y - ((y - camera.y) * scale) / camera.scale;
    camera.scale = scale;
    later();
  };
  const center = (key) => {
    const at = scene.graph.node(key);
    camera.scale = Math.max(camera.scale, 0.7);
    camera.x = drawing.clientWidth / 2 - at.x * camera.scale;
    camera.y = drawing.clientHeight / 2 - at.y * camera.scale;
    apply();
  };

  // Choosing a layer.
  const mark = () => {
    for (const [key, card] of scene.cards) {
      card.classList.toggle("chosen", state.chosen !== null && key === `n${state.chosen}`);
      card.classList.toggle("hit", hits.includes(key));
    }
  };
  const reveal = (i) => {
    if (state.view === "changes") { state.revealed.add(i); return; }
    if (!isThere(nodes[i])) { setView("overlay"); }
    for (const key of chain(nodes[i])) state.open.add(key);
  };
  const choose = (i, { focus = true, move = true } = {}) => {
    state.chosen = i;
    if (!scene.cards.has(`n${i}`)) { reveal(i); draw(); }
    describe(nodes[i]);
    mark();
    if (move) center(`n${i}`); else apply();
    if (focus) focusCard(`n${i}`);
    remember();
  };
  const focusCard = (key) => {
    const card = scene.cards.get(key);
    if (card) card.focus({ preventScroll: true });
  };
  const link = () => {
    const said = new URLSearchParams();
    if (state.chosen !== null) said.set("layer", nodes[state.chosen].key);
    if (state.view !== "changes") said.set("view", state.view);
    return `#${said}`;
  };
  const remember = () => {
    try {
      history.replaceState(null, "", link());
    } catch {
      // Inside a notebook the page has no address of its own.
    }
  };
  const dismiss = () => {
    state.chosen = null;
    panel.hidden = true;
    mark();
    remember();
  };

  const describe = (node) => {
    const parts = [];
    const close = html("button", "×", "close");
    close.setAttribute("aria-label", "close");
    close.addEventListener("click", dismiss);
    parts.push(close, html("h2", node.was ? `${node.was} → ${node.name}` : node.name));
    const sign = data.signs[node.status];
    parts.push(html("p", `${node.class}${sign ? ` · ${sign} ${node.status}` : ""}`, node.status));
    const [was, now] = node.shapes;
    if (was || now) {
      parts.push(html("h3", "makes"));
      parts.push(html("p", was === now || !was ? now || was : now ? `${was} → ${now}` : was));
    }
    for (const number_ of node.steps) {
      const step = data.steps[number_];
      parts.push(html("h3", `because of ${step.label} (${step.place})`));
      if (step.why) parts.push(html("p", step.why));
      parts.push(html("pre", step.yaml));
    }
    if (node.config.length) {
      parts.push(html("h3", "config"));
      const both = node.there[0] && node.there[1];
      parts.push(rows(both ? ["", "before", "after"] : ["", node.there[1] ? "after" : "before"],
        node.config.map((row) => {
          if (row.length === 2) return { cells: both ? [row[0], row[1], row[1]] : row };
          const shown = [row[1], row[2]].map((value) => (value === null ? "" : value));
          return both ? { cells: [row[0], ...shown], differs: true }
            : { cells: [row[0], shown[0] || shown[1]] };
        }).sort((a, b) => Number(Boolean(b.differs)) - Number(Boolean(a.differs)))));
    }
    if (node.weights.length) {
      parts.push(html("h3", "weights"));
      parts.push(rows(["variable", "", "shape", "rule"], node.weights.map((cells) => ({ cells }))));
    }
    panel.replaceChildren(...parts);
    panel.hidden = false;
    panel.scrollTop = 0;
  };
  const rows = (heads, body) => {
    const table = html("table");
    const top = table.createTHead().insertRow();
    for (const head of heads) top.append(html("th", head));
    const into = table.createTBody();
    for (const { cells, differs } of body) {
      const row = into.insertRow();
      if (differs) row.className = "differs";
      for (const cell of cells) row.insertCell().textContent = cell;
    }
    return table;
  };

  const act = (key) => {
    const item = scene.items.get(key);
    if (item.fold) {
      for (const i of item.fold) state.revealed.add(i);
      redraw(`n${item.fold[0]}`);
    } else if (item.group) {
      state.open.add(item.group);
      redraw(`n${item.members[0]}`);
    } else {
      const node = nodes[item.node];
      if (groups.has(node.key) && state.view !== "changes" && state.chosen === item.node) {
        if (state.open.has(node.key)) state.open.delete(node.key);
        else state.open.add(node.key);
        redraw(key);
        return;
      }
      choose(item.node, { move: false });
    }
  };
  const redraw = (keep) => {
    const before = keep && scene.graph.hasNode(keep) ? scene.graph.node(keep) : null;
    const spot = before && { x: before.x * camera.scale + camera.x, y: before.y * camera.scale + camera.y };
    draw();
    const after = keep && scene.graph.hasNode(keep) ? scene.graph.node(keep) : null;
    if (spot && after) {
      camera.x = spot.x - after.x * camera.scale;
      camera.y = spot.y - after.y * camera.scale;
      apply();
    } else if (after) center(keep);
    else fit();
    if (keep) focusCard(keep);
  };
  const setView = (view) => {
    state.view = view;
    for (const radio of document.querySelectorAll('input[name="view"]')) radio.checked = radio.value === view;
  };
  const openAll = (all) => {
    if (state.view === "changes") setView("overlay");
    state.open = new Set(all ? groups.keys() : []);
    state.revealed.clear();
    draw();
    fit();
  };

  // Searching.
  const search = (said) => {
    const word = said.trim().toLowerCase();
    const found = word
      ? nodes.map((node, i) => i).filter((i) => nodes[i].kind !== "output" &&
          (nodes[i].name.toLowerCase().includes(word) || nodes[i].class.toLowerCase().includes(word)))
      : [];
    hits = found.map((i) => `n${i}`);
    hit = -1;
    byId("found").textContent = word ? `${found.length} found` : "";
    mark();
    return found;
  };
  const go = (list, step) => {
    if (!list.length) return;
    hit = (hit + step + list.length) % list.length;
    choose(list[hit]);
  };
  const changes = nodes.map((_, i) => i).filter((i) => isChanged(nodes[i]));

  // Hands.
  let held = null;
  drawing.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, moved: false, target: event.target };
  });
  drawing.addEventListener("pointermove", (event) => {
    if (!held) return;
    const dx = event.clientX - held.x, dy = event.clientY - held.y;
    if (!held.moved && Math.hypot(dx, dy) < 4) return;
    if (!held.moved) { drawing.setPointerCapture(event.pointerId); drawing.classList.add("held"); }
    held.moved = true;
    held.x = event.clientX; held.y = event.clientY;
    camera.x += dx; camera.y += dy;
    later();
  });
  const drop = () => { drawing.classList.remove("held"); held = null; };
  drawing.addEventListener("pointercancel", drop);
  drawing.addEventListener("pointerup", (event) => {
    const was = held;
    drop();
    if (!was || was.moved) return;
    const closing = event.target.dataset && event.target.dataset.close;
    if (closing !== undefined) {
      state.open.delete(closing);
      for (const [key, group] of groups) if (group.parent === closing) state.open.delete(key);
      draw();
      fit();
      return;
    }
    const card = event.target.closest(".node");
    if (card) act(card.dataset.item);
  });
  drawing.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey || Math.abs(event.deltaY) > 60) {
      const box = drawing.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY * 0.0016), event.clientX - box.left, event.clientY - box.top);
    } else {
      camera.x -= event.deltaX; camera.y -= event.deltaY;
      later();
    }
  }, { passive: false });

  const neighbours = (key, direction) => {
    const { graph, order } = scene;
    const at = graph.node(key);
    if (direction === "ArrowUp") return (graph.predecessors(key) || []).concat();
    if (direction === "ArrowDown") return (graph.successors(key) || []).concat();
    const level = order.filter((one) => Math.abs(graph.node(one).y - at.y) < 20)
      .sort((a, b) => graph.node(a).x - graph.node(b).x);
    const place = level.indexOf(key) + (direction === "ArrowRight" ? 1 : -1);
    return level[place] ? [level[place]] : [];
  };
  byId("graph").addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT" || event.altKey || event.ctrlKey || event.metaKey) return;
    const card = event.target.closest && event.target.closest(".node");
    const key = card ? card.dataset.item : null;
    if (event.key.startsWith("Arrow")) {
      const next = key ? neighbours(key, event.key)[0] : scene.order[0];
      if (next) { center(next); focusCard(next); }
    } else if ((event.key === "Enter" || event.key === " ") && key) act(key);
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") whole();
    else if (event.key === "n") go(hits.length ? hits.map((one) => Number(one.slice(1))) : changes, 1);
    else if (event.key === "p") go(hits.length ? hits.map((one) => Number(one.slice(1))) : changes, -1);
    else if (event.key === "/") byId("search").focus();
    else if (event.key === "Escape") { dismiss(); if (key) focusCard(key); }
    else return;
    event.preventDefault();
  });
  byId("search").addEventListener("input", (event) => search(event.target.value));
  byId("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") go(hits.map((one) => Number(one.slice(1))), event.shiftKey ? -1 : 1);
    if (event.key === "Escape") { event.target.value = ""; search(""); drawing.focus(); }
  });
  for (const radio of document.querySelectorAll('input[name="view"]')) {
    radio.addEventListener("change", () => {
      setView(radio.value);
      draw();
      fit();
      remember();
    });
  }
  byId("open").addEventListener("click", () => openAll(true));
  byId("close").addEventListener("click", () => openAll(false));
  byId("larger").addEventListener("click", () => zoom(1.25));
  byId("smaller").addEventListener("click", () => zoom(0.8));
  byId("fit").addEventListener("click", whole);
  byId("theme").addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
    document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-layer]");
    if (!button) return;
    const i = number.get(button.dataset.layer);
    if (i === undefined) return;
    byId("graph").scrollIntoView({ block: "start" });
    choose(i);
  });

  // Copying.
  const copies = {
    mermaid: () => data.mermaid || "",
    json: () => JSON.stringify(data, null, 1),
    svg: () => {
      const size = scene.graph.graph();
      const copy = drawing.cloneNode(true);
      copy.setAttribute("viewBox", `0 0 ${size.width + 40} ${size.height + 40}`);
      copy.setAttribute("xmlns", SVG);
      copy.querySelector("#world").removeAttribute("transform");
      for (const hidden of copy.querySelectorAll("[display]")) hidden.removeAttribute("display");
      const style = element("style", {}, document.querySelector("style").textContent);
      copy.prepend(style);
      return new XMLSerializer().serializeToString(copy);
    },
  };
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", async () => {
      const said = copies[button.dataset.copy]();
      try {
        await navigator.clipboard.writeText(said);
      } catch {
        // A page from a file may not write to the clipboard; an old way still does.
        const area = html("textarea", said);
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
      byId("found").textContent = said ? "copied" : "there is no picture to copy";
    });
  }

  const open = () => {
    const said = new URLSearchParams(location.hash.slice(1));
    const view = said.get("view");
    if (["changes", "overlay", "before", "after"].includes(view)) setView(view);
    else if (!changes.length && !data.edges.some((edge) => edge[2] !== "same")) setView("overlay");
    if (state.view !== "changes" && count <= MANY) state.open = new Set(groups.keys());
    draw();
    fit();
    const i = number.get(said.get("layer"));
    if (i !== undefined) choose(i, { focus: false });
  };
  window.addEventListener("hashchange", () => {
    const i = number.get(new URLSearchParams(location.hash.slice(1)).get("layer"));
    if (i !== undefined && i !== state.chosen) choose(i);
  });
  // Paper wants every table; the screen has them as they were.
  window.addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("main details:not(#every)")) {
      if (!one.open) { one.open = true; one.dataset.printed = ""; }
    }
    whole();
  });
  window.addEventListener("afterprint", () => {
    for (const one of document.querySelectorAll("details[data-printed]")) { one.open = false; delete one.dataset.printed; }
  });
  new ResizeObserver(() => { if (scene) later(); }).observe(drawing);
  open();
  document.documentElement.dataset.ready = "";
})();
