"use strict";
// Draws the plots and keeps their text in the colours of the page, on paper always light.
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const touch = window.matchMedia("(pointer: coarse)").matches;
  const narrow = window.matchMedia("(max-width: 40rem)").matches;
  const config = {
    displaylogo: false,
    displayModeBar: touch || narrow ? false : "hover",
    showSendToCloud: false, // on by default in newer plotly.js: one click would upload the plot
    plotlyServerURL: "",
  };
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
        modebar: { bgcolor: "rgba(0,0,0,0)", color: "#8b949e", activecolor: ink },
        hoverlabel: { bgcolor: paper, bordercolor: grid, font: { color: ink }, align: "left" },
        xaxis: { ...figure.layout.xaxis, ...axis },
        yaxis: { ...figure.layout.yaxis, ...axis },
        dragmode: touch ? false : "zoom", // a finger scrolls the page
      };
      Plotly.react(document.getElementById("plot-" + name), figure.data, layout, config);
    }
  }

  draw(dark.matches);
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) Plotly.Plots.resize(target);
  });
  for (const plot of document.querySelectorAll(".plot")) resized.observe(plot);
  dark.addEventListener("change", () => draw(dark.matches));
  window.addEventListener("beforeprint", () => {
    for (const closed of document.querySelectorAll("details")) closed.open = true;
    draw(false);
  });
  window.addEventListener("afterprint", () => draw(dark.matches));
})();
