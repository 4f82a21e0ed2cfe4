// The interactive plots: every candidate by two chosen quantities, and the course of the search.

// How the values of a quantity are written and drawn.
const KINDS = {
  share: { tickformat: ".0%", show: (v) => (100 * v).toFixed(1) + " %" },
  count: { type: "log", tickformat: "~s", dtick: "D2", show: (v) => v.toLocaleString("en") },
  time: { type: "log", dtick: "D2", show: (v) => v.toFixed(2) + " ms" },
  score: { show: (v) => v.toFixed(4) },
  number: { tickformat: "~g", show: (v) => v.toLocaleString("en", { maximumSignificantDigits: 4 }) },
};
const GREY = "#8b949e", ORANGE = "#e8590c";
const RUN_COLOURS = ["#1a8f85", "#8250df", "#bf8700", "#cf222e", "#0969da", "#57606a"];
const night = window.matchMedia("(prefers-color-scheme: dark)");
const touch = window.matchMedia("(pointer: coarse)").matches;
const byId = (id) => document.getElementById(id);

let data = JSON.parse(byId("data").textContent);
const axes = () =>
  Object.fromEntries(data.axes.map(({ key, title, kind }) => [key, { title, ...KINDS[kind] }]));
let chosen = null; // { run, id } once the reader has selected a candidate

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

// Where the selection is: the reader's choice, or else the best student of the first run.
function selection() {
  if (chosen) {
    const at = data.runs[chosen.run].id.indexOf(chosen.id);
    if (at >= 0) return { run: chosen.run, at };
  }
  return data.runs[0].best === null ? null : { run: 0, at: data.runs[0].best };
}

const colourOf = (run) => RUN_COLOURS[run % RUN_COLOURS.length];

// Candidates that were evaluated as fully as any.
function full(run) {
  const cheap = new Set(run.cheap);
  return run.id.map((_, i) => i).filter((i) => !cheap.has(i));
}

function points(run, places, x, y, more) {
  return {
    type: "scatter", mode: "markers", hoverinfo: "none",
    x: places.map((i) => data.runs[run][x][i]),
    y: places.map((i) => data.runs[run][y][i]),
    customdata: places.map((i) => [run, i]),
    ...more,
  };
}

function paretoTraces(x, y) {
  const several = data.runs.length > 1;
  const traces = data.runs.flatMap((run, r) => {
    const front = new Set(run.front);
    const others = full(run).filter((i) => !front.has(i));
    const stopped = run.cheap.length ? [points(r, run.cheap, x, y, {
      name: several ? `${run.name}: lower rungs` : "stopped on a lower rung",
      visible: "legendonly", // measured otherwise
      marker: { size: 6, symbol: "x-thin-open", color: several ? colourOf(r) : GREY } })] : [];
    const colour = colourOf(r);
    const shade = several ? { color: colour } : {
      color: run.front.map((i) => run.teacher ? run.teacher / run.params[i] : run.params[i] / 1e6),
      colorscale: "Viridis", showscale: true,
      colorbar: { title: { text: run.teacher ? "compression (x)" : "parameters (M)", side: "top" },
        orientation: "h", thickness: 12, y: -0.2, yanchor: "top", outlinewidth: 0 },
    };
    return [
      points(r, others, x, y, { name: several ? `${run.name}: others` : "other candidates",
        marker: { size: 7, color: several ? colour : GREY, opacity: several ? 0.25 : 0.5 } }),
      points(r, run.front, x, y, { name: several ? `${run.name}: front` : "Pareto front",
        marker: { size: 12, line: { width: 1, color: GREY }, ...shade } }),
      ...stopped,
    ];
  });
  const best = data.runs.flatMap((run, r) => run.best === null ? [] : [[r, run.best]]);
  traces.push({ ...joined(best, x, y),
    name: data.runs[0].finished ? "best student" : "fittest so far",
    marker: { size: 20, symbol: "circle-open", color: ORANGE, line: { width: 2.5 } } });
  const at = selection();
  traces.push({ ...joined(at ? [[at.run, at.at]] : [], x, y), name: "selected",
    marker: { size: 28, symbol: "circle-open", color: GREY, line: { width: 1.5, dash: "dot" } } });
  return traces;
}

function joined(pairs, x, y) {
  return { type: "scatter", mode: "markers", hoverinfo: "skip",
    x: pairs.map(([r, i]) => data.runs[r][x][i]), y: pairs.map(([r, i]) => data.runs[r][y][i]) };
}

function lines(quantity, name) {
  return data.runs.map((run, r) => ({ ...quantity(run), type: "scatter", mode: "lines",
    name: data.runs.length > 1 ? run.name : name, showlegend: true,
    line: { shape: "hv", width: 2.5, color: colourOf(r) } }));
}

function bestSoFar(run) {
  let best = -Infinity;
  const kept = full(run);
  return { x: kept.map((i) => run.index[i]),
    y: kept.map((i) => (best = Math.max(best, run.fitness[i]))) };
}

function layout(x, y, more) {
  const dark = night.matches && !window.matchMedia("print").matches && !printing;
  const ink = dark ? "#e8eaec" : "#1d2327", grid = dark ? "#30373d" : "#e3e6e4";
  const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid, automargin: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest",
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
    font: { family: "system-ui, sans-serif", size: 13, color: ink },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: GREY, activecolor: ink },
    hoverlabel: { bgcolor: dark ? "#242a2f" : "#ffffff", bordercolor: grid, font: { color: ink },
      align: "left" },
    dragmode: touch ? false : "zoom", // a finger scrolls the page
    margin: { l: 60, r: 16, t: 40, b: 60 },
    xaxis: { ...axis, ...x, title: { text: x.title } },
    yaxis: { ...axis, ...y, title: { text: y.title } },
    ...more,
  };
}

function plotAxis({ title, type, tickformat, dtick }) {
  return { title, type: type ?? "linear", tickformat, dtick };
}

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) if (target.data) Plotly.Plots.resize(target);
});

function draw(name, traces, design) {
  resized.observe(byId("plot-" + name));
  const narrow = window.matchMedia("(max-width: 40rem)").matches;
  return Plotly.react(byId("plot-" + name), traces, design, {
    displaylogo: false,
    displayModeBar: touch || narrow ? false : "hover",
    showSendToCloud: false, // on by default in newer plotly.js: one click would upload the plot
    plotlyServerURL: "",
  });
}

function drawPareto() {
  const x = byId("axis-x").value, y = byId("axis-y").value;
  const bottom = data.runs.length > 1 ? 60 : 120;
  draw("pareto", paretoTraces(x, y), layout(plotAxis(axes()[x]), plotAxis(axes()[y]),
    { margin: { l: 60, r: 16, t: 60, b: bottom }, uirevision: x + y })); // keeps the zoom
  listen(byId("plot-pareto"));
}

function listen(plot) {
  if (plot.dataset.listens) return;
  plot.dataset.listens = "yes";
  plot.on("plotly_hover", showHover);
  plot.on("plotly_unhover", () => { byId("hover").hidden = true; });
  plot.on("plotly_click", ({ points: [{ customdata }] }) => {
    if (customdata) select(customdata[0], data.runs[customdata[0]].id[customdata[1]]);
  });
}

function drawCourse() {
  const time = byId("axis-time").value;
  const title = time === "done" ? "evaluations" : "hours since the start";
  draw("hypervolume", lines((run) => ({ x: run.hypervolume[time], y: run.hypervolume.volume }),
    "hypervolume"), layout({ title, rangemode: "tozero" }, { title: "hypervolume" }));
  const dots = data.runs.map((run, r) => ({ x: full(run).map((i) => run.index[i]),
    y: full(run).map((i) => run.fitness[i]), type: "scatter",
    mode: "markers", showlegend: data.runs.length === 1, name: "candidates", hoverinfo: "x+y",
    marker: { size: 6, opacity: 0.5, color: data.runs.length > 1 ? colourOf(r) : GREY } }));
  draw("fitness", [...dots, ...lines(bestSoFar, "best so far")],
    layout({ title: "candidate", rangemode: "tozero" }, { title: "fitness" }));
}

// Plots that come ready made; only their colours are the page's.
function drawFigures() {
  for (const [name, figure] of Object.entries(data.figures)) {
    const page = layout({}, {});
    draw(name, figure.data, { ...figure.layout, ...page, margin: figure.layout.margin,
      xaxis: { ...figure.layout.xaxis, ...page.xaxis, title: figure.layout.xaxis.title },
      yaxis: { ...figure.layout.yaxis, ...page.yaxis, title: figure.layout.yaxis.title } });
  }
}

function drawAll() {
  const any = data.runs.some((run) => run.id.length > 0);
  byId("plots").hidden = !any;
  const nothing = byId("nothing");
  if (nothing) nothing.hidden = any;
  if (!any) return;
  drawPareto();
  drawCourse();
  drawFigures();
  showSelected();
}

// What is known about a candidate: its name, its numbers, its graph.
function facts(run, at) {
  const r = data.runs[run];
  const list = element("dl", "", "facts");
  for (const [key, { title, show }] of Object.entries(axes())) {
    list.append(element("dt", title.replace(/ \(.*| in ms.*/, "")), element("dd", show(r[key][at])));
  }
  const parts = [element("h3", `Candidate ${r.index[at]}`), element("p", r.line[at], "soft"), list];
  parts[0].append(" ", element("small", data.runs.length > 1 ? `${r.name}, ${r.id[at]}` : r.id[at]));
  return parts;
}

function showSelected() {
  const at = selection(), panel = byId("selected");
  if (!at) return panel.replaceChildren();
  const r = data.runs[at.run];
  const canvas = element("div", "", "canvas");
  canvas.append(drawDag(decode(data, r.genotype[at.at])));
  const roles = [at.at === r.best ? (r.finished ? "best student" : "fittest so far") : "",
    r.front.includes(at.at) ? "on the Pareto front" : "beaten by another candidate"];
  const more = element("p", `${roles.filter(Boolean).join(", ")}; ${data.fidelities[r.fidelity[at.at]]}`,
    "answers");
  const parent = element("p", "", "answers");
  if (r.parent[at.at] >= 0) {
    const link = element("button", `candidate ${r.index[r.parent[at.at]]}`, "link");
    Object.assign(link.dataset, { run: at.run, candidate: r.id[r.parent[at.at]] });
    parent.append("Varied from ", link);
  }
  const command = element("p", "", "answers");
  command.append("Draw it: ", element("code", `rosearch show ${r.name}:${r.id[at.at]}`));
  panel.replaceChildren(...facts(at.run, at.at), more, parent, canvas, command);
  panel.dataset.candidate = r.id[at.at];
}

function select(run, id) {
  chosen = { run: Number(run), id };
  drawPareto();
  showSelected();
}

function showHover({ points: [point], event }) {
  if (!point.customdata || touch) return;
  const [run, at] = point.customdata, card = byId("hover"), stage = byId("stage");
  card.replaceChildren(...facts(run, at), drawDag(decode(data, data.runs[run].genotype[at])));
  card.dataset.candidate = data.runs[run].id[at];
  card.hidden = false;
  const frame = stage.getBoundingClientRect();
  const x = event.clientX - frame.left, y = event.clientY - frame.top;
  const left = x > frame.width / 2 ? x - card.offsetWidth - 20 : x + 20;
  card.style.left = `${Math.max(0, left)}px`;
  card.style.top = `${Math.min(Math.max(0, y - 60), Math.max(0, frame.height - card.offsetHeight))}px`;
}

// The front from left to right, for the arrow keys.
function neighbour(step) {
  const x = byId("axis-x").value, now = selection();
  const order = data.runs.flatMap((run, r) => run.front.map((at) => ({ run: r, at })))
    .sort((a, b) => data.runs[a.run][x][a.at] - data.runs[b.run][x][b.at] || a.at - b.at);
  const here = order.findIndex((p) => now && p.run === now.run && p.at === now.at);
  return order[Math.min(Math.max(here + step, 0), order.length - 1)];
}

let printing = false;

function setUpPlots() {
  drawAll();
  const stage = byId("stage");
  for (const id of ["axis-x", "axis-y"]) byId(id).addEventListener("change", drawPareto);
  byId("axis-time").addEventListener("change", drawCourse);
  stage.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !data.runs.some((run) => run.front.length)) return;
    event.preventDefault();
    const next = neighbour(step);
    select(next.run, data.runs[next.run].id[next.at]);
  });
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("button[data-candidate]");
    if (!button) return;
    select(button.dataset.run, button.dataset.candidate);
    byId("stage").scrollIntoView({ block: "nearest" });
  });
  night.addEventListener("change", drawAll);
  window.addEventListener("beforeprint", () => {
    printing = true;
    for (const closed of document.querySelectorAll("details")) closed.open = true;
    drawAll();
  });
  window.addEventListener("afterprint", () => { printing = false; drawAll(); });
}
