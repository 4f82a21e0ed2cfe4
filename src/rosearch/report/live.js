// Follows a run: asks the page's own server for news and puts in what changed.

// Milliseconds between two questions: as long as an answer takes, within these limits.
const PAUSE = 2000, LONGEST_PAUSE = 15000;

const written = new Map(); // part -> its HTML as the server wrote it, before scripts touched it

function remember(page) {
  for (const part of page.querySelectorAll("[data-live]")) {
    written.set(part.dataset.live, part.innerHTML);
  }
}

// Replaces a part; what the reader opened, chose and focused in it stays so.
function replacePart(part, html) {
  const opened = new Map([...part.querySelectorAll("details")].map((d) => [d.dataset.key, d.open]));
  const values = [...part.querySelectorAll("select")].map(({ id, value }) => [id, value]);
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  part.innerHTML = html;
  for (const details of part.querySelectorAll("details")) {
    details.open = opened.get(details.dataset.key) ?? details.open;
  }
  for (const [id, value] of values) {
    const select = byId(id);
    if (select && [...select.options].some((o) => o.value === value)) select.value = value;
  }
  if (focused) byId(focused)?.focus();
}

function takeIn(page) {
  for (const part of page.querySelectorAll("[data-live]")) {
    const name = part.dataset.live;
    if (written.get(name) === part.innerHTML) continue;
    replacePart(document.querySelector(`[data-live="${name}"]`), part.innerHTML);
  }
  remember(page);
  data = JSON.parse(page.getElementById("data").textContent);
  document.body.dataset.version = page.body.dataset.version;
  drawAll();
  filterGallery();
}

async function follow() {
  const start = performance.now();
  const line = byId("connection");
  try {
    const answer = await fetch("now?seen=" + encodeURIComponent(document.body.dataset.version));
    if (answer.status === 200) {
      takeIn(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } else if (answer.status !== 204) {
      throw new Error(await answer.text());
    }
    const finished = data.runs[0].finished;
    line.textContent = finished ? "The run is finished." : "Live: this page follows the run.";
    line.classList.remove("lost");
  } catch (error) {
    line.textContent = `No news from the server (${error.message}); this is the last known state.`;
    line.classList.add("lost");
  }
  const took = performance.now() - start;
  setTimeout(follow, Math.min(Math.max(PAUSE, took), LONGEST_PAUSE));
}

remember(document);
setTimeout(follow, PAUSE);
