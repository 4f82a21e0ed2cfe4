// Filters of the attacked texts; those beyond the first few come on demand.

const SHOWN_AT_ONCE = 8;
let shown = SHOWN_AT_ONCE;

function filterGallery() {
  const filters = byId("filters");
  if (!filters) return;
  const wanted = Object.fromEntries(["role", "attack", "kind", "label"].map((key) =>
    [key, byId("filter-" + key).value]));
  let matching = 0;
  for (const shot of document.querySelectorAll(".shot")) {
    const fits = Object.entries(wanted).every(([key, value]) => !value || shot.dataset[key] === value);
    if (fits) matching += 1;
    shot.hidden = !fits || matching > shown;
  }
  byId("count").textContent = `${Math.min(shown, matching)} of ${matching} texts`;
  byId("more").hidden = matching <= shown;
}

function setUpGallery() {
  document.addEventListener("change", ({ target }) => {
    if (!target.id.startsWith("filter-")) return;
    shown = SHOWN_AT_ONCE;
    filterGallery();
  });
  document.addEventListener("click", ({ target }) => {
    if (target.id !== "more") return;
    shown += 2 * SHOWN_AT_ONCE;
    filterGallery();
  });
  filterGallery();
}
