"use strict";
// Draws a genotype as boxes in one column; what skips a row runs on a rail beside them.

const BOX = { width: 190, height: 38, gap: 16, rail: 12, label: 14 };

function svgElement(name, attributes = {}, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

// The genotype of a candidate, from the tables of the page's data.
function decode(data, [stage, ...nodes]) {
  const [embedding, width, position, encoding, pooling, repeat, shared] = data.stages[stage];
  return {
    embedding, width, position, encoding, pooling, repeat, shared,
    nodes: nodes.map(([kind, ...inputs]) => {
      const [op, combine, norm, activation] = data.kinds[kind];
      return { op, combine, norm, activation, inputs };
    }),
  };
}

// Rows from top to bottom: a bold line, a small one, and the rows that are read.
function rows(g) {
  if (!g.nodes.length) return [
    { bold: "words", small: `${g.encoding} encoding`, inputs: [] },
    { bold: "sum of their votes", small: "", inputs: [0] },
  ];
  const read = new Set(g.nodes.flatMap((node) => node.inputs));
  const ends = g.nodes.map((_, i) => i + 1).filter((i) => !read.has(i));
  const positions = g.position === "none" ? "no" : g.position;
  return [
    { bold: `embedding ${g.embedding} → ${g.width}`,
      small: `${g.encoding} encoding, ${positions} positions`, inputs: [] },
    ...g.nodes.map((node, i) => ({
      bold: `${i + 1} · ${node.op}`,
      small: [
        node.inputs.length > 1 ? node.combine + twice(node.inputs) : "",
        node.norm === "layer" ? "layer norm" : "",
        node.activation === "none" ? "" : node.activation,
      ].filter(Boolean).join(" · "),
      inputs: node.inputs,
    })),
    { bold: `${g.pooling} pooling`, small: ends.length > 1 ? "of the mean of loose ends" : "",
      inputs: ends },
  ];
}

// One arrow stands for an input that is read several times, so that is said in words.
function twice(inputs) {
  return new Set(inputs).size < inputs.length ? ` of ${inputs.join(", ")}` : "";
}

// For each row the lane of its rail, -1 without one: the first lane that is free all the way.
function lanes(all) {
  const last = all.map((_, s) => Math.max(s, ...all.flatMap((row, t) =>
    t > s + 1 && row.inputs.includes(s) ? [t] : [])));
  const taken = []; // by lane, the row where its rail ends
  return last.map((end, start) => {
    if (end === start) return -1;
    const free = taken.findIndex((until) => until <= start);
    const lane = free < 0 ? taken.length : free;
    taken[lane] = end;
    return lane;
  });
}

function drawDag(g) {
  const all = rows(g);
  const lane = lanes(all);
  const framed = g.repeat > 1 && g.nodes.length > 0;
  const label = framed ? BOX.label : 0; // room for what is written above the cell
  const top = (row) => row * (BOX.height + BOX.gap) + (row > 0 ? label : 0);
  const right = BOX.width + BOX.rail * (Math.max(...lane) + 2);
  const height = top(all.length);
  const svg = svgElement("svg", { class: "rails", viewBox: `-10 -4 ${right + 14} ${height}`,
    width: right + 14, height, role: "img" });
  svg.setAttribute("aria-label", all.map((row) => row.bold).join(", "));
  if (framed) drawCell(svg, g, top, right);
  all.forEach((row, t) => {
    const sources = [...new Set(row.inputs)].sort((a, b) => lane[a] - lane[b]);
    sources.forEach((s, k) => {
      const path = s === t - 1
        ? `M${BOX.width / 2} ${top(s) + BOX.height}V${top(t)}m-4 -6l4 6l4 -6`
        : railPath(BOX.width + BOX.rail * (lane[s] + 1), top(s) + BOX.height - 9, top(t) + 8 + 6 * k);
      svg.append(svgElement("path", { d: path }));
    });
  });
  all.forEach((row, i) => drawBox(svg, row, top(i), i === 0 || i === all.length - 1));
  return svg;
}

function railPath(x, from, to) {
  const r = 5;
  return `M${BOX.width} ${from}H${x - r}q${r} 0 ${r} ${r}V${to - r}q0 ${r} ${-r} ${r}H${BOX.width}` +
    "m6 -4l-6 4l6 4";
}

function drawBox(svg, row, y, end) {
  const middle = { x: BOX.width / 2, "text-anchor": "middle" };
  svg.append(
    svgElement("rect", { y, width: BOX.width, height: BOX.height, rx: 8, class: end ? "end" : "" }),
    svgElement("text", { ...middle, y: y + (row.small ? 17 : 24), class: "op" }, row.bold),
    svgElement("text", { ...middle, y: y + 31 }, row.small),
  );
}

function drawCell(svg, g, top, right) {
  const shared = g.shared ? ", shared weights" : "";
  svg.append(
    svgElement("rect", { x: -8, y: top(1) - 8, width: right + 8, rx: 10, class: "cell",
      height: top(g.nodes.length) - top(1) + BOX.height + 16 }),
    svgElement("text", { x: 0, y: top(1) - 12 }, `${g.repeat} × repeat${shared}`),
  );
}
