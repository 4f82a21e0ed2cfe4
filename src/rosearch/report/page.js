"use strict";
// Draws the plots and keeps their text in the colours of the page, on paper always light.
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const touch = window.matchMedia("(pointer: coarse)").matches;
  const config = { responsive: true, displaylogo: false, displayModeBar: "hover" };
  const colours = (night) => night
    ? { ink: "#e8eaec", grid: "#30373d", paper: "#242a2f" }
    : { ink: "#1d2327", grid: "#e3e6e4", paper: "#ffffff" };

  function draw(night) {
    const { ink, grid, paper } = colours(night);
    const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid, automargin: true };
    for (const [name, figure] of Object.entries(figures)) {
      const layout = {
        ...figure.layout,
        font: { family: "system-ui, sans-serif", size: 13, color: ink },
        hoverlabel: { bgcolor: paper, bordercolor: grid, font: { color: ink }, align: "left" },
        xaxis: { ...figure.layout.xaxis, ...axis },
        yaxis: { ...figure.layout.yaxis, ...axis },
        dragmode: touch ? false : "zoom", // a finger scrolls the page
      };
      Plotly.react(document.getElementById("plot-" + name), figure.data, layout, config);
    }
  }

  draw(dark.matches);
  dark.addEventListener("change", () => draw(dark.matches));
  window.addEventListener("beforeprint", () => draw(false));
  window.addEventListener("afterprint", () => draw(dark.matches));
})();
