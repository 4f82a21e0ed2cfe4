// The answers of a student and its teacher while a text is typed, and which words carry them.
"use strict";

const MOST_LABELS = 5; // bars of an answer
const STRONGEST = 5; // words that are listed
const PAUSE = 200; // milliseconds without a key after which words are weighed

const byId = (id) => document.getElementById(id);
const percent = (share) => (100 * share).toFixed(1) + "\u00a0%";
const best = (said) => said.indexOf(Math.max(...said));

let about = null; // what the server said of itself

// An element; its text never becomes markup.
function made(tag, text = "", kind = "") {
  const found = document.createElement(tag);
  found.textContent = text;
  if (kind) found.className = kind;
  return found;
}

function trouble(line) {
  byId("trouble").textContent = line;
  byId("trouble").hidden = !line;
}

async function answerOf(path, body) {
  const sent = body && { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, sent || {});
  } catch {
    throw new Error("The server does not answer; was rosearch try ended?");
  }
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

// What is asked about the text: one question of a kind at a time, and of those that come meanwhile
// only the last.
function asker(path, show) {
  let busy = false, next = null;
  async function go() {
    if (busy || !next) return;
    const asked = next;
    [busy, next] = [true, null];
    try {
      const found = await answerOf(path, asked);
      if (current()) show(found, asked);
    } catch (error) {
      trouble(error.message);
    }
    busy = false;
    go();
  }
  return (asked) => { next = asked; go(); };
}

const texts = () => (about.pairs ? [byId("first").value, byId("text").value] : [byId("text").value]);
const longest = () => Math.max(...texts().map((text) => [...text].length)); // characters

// The text as it stands; null if there is none, or one that is too long to be asked about.
function current() {
  const [text, other] = texts();
  if (!texts().every((one) => one.trim()) || longest() > about.limit) return null;
  return about.pairs ? { text, text_pair: other } : { text };
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function bars(place, said) {
  const order = said.map((_, i) => i).sort((a, b) => said[b] - said[a]);
  place.replaceChildren(made("p", about.labels[order[0]], "said"));
  const shown = order.slice(0, MOST_LABELS);
  if (order.length <= MOST_LABELS) shown.sort((a, b) => a - b);
  for (const i of shown) {
    const row = made("div", "", "bar"), bar = made("progress");
    bar.value = said[i];
    bar.setAttribute("aria-label", about.labels[i]);
    row.append(made("span", about.labels[i]), bar, made("span", percent(said[i])));
    place.append(row);
  }
}

function showStudent({ probabilities, read_as }) {
  trouble("");
  bars(byId("student"), probabilities);
  const line = byId("read-as");
  line.hidden = read_as === null;
  line.textContent = read_as === null ? ""
    : read_as.length ? "Read as: " + read_as.map(([a, b]) => `${a} \u2192 ${b}`).join(", ")
    : "Read as it is written.";
}

function showTeacher({ probabilities }) {
  bars(byId("teacher"), probabilities);
}

function weightOf(weight, exact) {
  const sign = weight < 0 ? "\u2212" : "+";
  return sign + (exact ? Math.abs(weight).toFixed(2) : percent(Math.abs(weight)));
}

function howWords({ label, other, exact, bias }) {
  const [own, next] = [about.labels[label], about.labels[other]];
  if (!exact) {
    return `What \u201c${own}\u201d loses in probability when a word is left out; of a text with many words, only the first ones are tried.`;
  }
  return `Votes of the words, in logits, for \u201c${own}\u201d rather than \u201c${next}\u201d, as the student reads the text. They are exact: with ${weightOf(bias, true)} to start from, their sum is the margin of the answer.`;
}

function showWords(found, asked) {
  if (!same(asked, current())) return;
  byId("carried").hidden = false;
  byId("how").textContent = howWords(found);
  const weights = found.texts.flat().filter(([, weight]) => weight !== null);
  const most = Math.max(1e-9, ...weights.map(([, weight]) => Math.abs(weight)));
  byId("weighed").replaceChildren();
  for (const [number, text] of found.texts.entries()) {
    if (number) byId("weighed").append(made("br"));
    for (const [piece, weight] of text) byId("weighed").append(weighed(piece, weight, most, found.exact));
  }
  weights.sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  byId("strongest").replaceChildren(...weights.slice(0, STRONGEST).filter(([, weight]) => weight)
    .map(([piece, weight]) => made("li", `${piece} ${weightOf(weight, found.exact)}`)));
}

function weighed(piece, weight, most, exact) {
  const strength = weight === null ? 0 : Math.abs(weight) / most;
  if (strength < 0.1) return document.createTextNode(piece);
  const word = made("span", piece, weight > 0 ? "for" : "against");
  word.style.setProperty("--weight", strength.toFixed(2));
  word.title = weightOf(weight, exact);
  return word;
}

function showCertain({ certain }, asked) {
  if (!same(asked, current())) return;
  const lines = certain === null
    ? ["This student allows no certificate: what it says of a text is not the sum of what it says of the words."]
    : certain.length ? certain : ["Nothing: a single word, chosen well, might flip this answer."];
  byId("certain").replaceChildren(...lines.map((line) => made("li", line)));
}

const askStudent = asker("student", showStudent);
const askTeacher = asker("teacher", showTeacher);
const askWords = asker("words", showWords);
const askCertain = asker("certain", showCertain);
let pause = 0;

function changed() {
  clearTimeout(pause);
  const asked = current(), count = longest();
  const many = (number) => number.toLocaleString("en");
  byId("attacking").hidden = !asked || !about.attacks.length;
  byId("outcome").hidden = true;
  if (!asked) {
    trouble(count <= about.limit ? ""
      : `The text has ${many(count)} characters; at most ${many(about.limit)} can be tried.`);
    byId("student").replaceChildren(made("p", "No text yet.", "soft"));
    byId("teacher").replaceChildren();
    byId("read-as").hidden = byId("carried").hidden = true;
    return;
  }
  askStudent(asked);
  if (about.teacher !== null) askTeacher(asked);
  byId("certain").replaceChildren(made("li", "Working it out; the first time takes some seconds."));
  pause = setTimeout(() => { askWords(asked); askCertain(asked); }, PAUSE);
}

function put(first, text) {
  byId("first").value = first ?? "";
  byId("text").value = text;
  changed();
}

// Options of a choice: [value, words].
function options(select, choices) {
  select.replaceChildren(...choices.map(([value, words]) => {
    const option = made("option", words);
    option.value = value;
    return option;
  }));
}

function setUpExamples() {
  const attacks = [...new Set(about.examples.flatMap(({ fell, stood }) => [...fell, ...stood]))];
  options(byId("example-label"), [["", "any label"], ...about.labels.map((name) => [name, name])]);
  options(byId("example-kind"), [["", "may be anything"], ["stood", "stood all attacks"],
    ["fell", "fell to an attack"], ...attacks.map((name) => ["fell:" + name, "fell to " + name])]);
  byId("examples").hidden = !about.examples.length;
  let place = -1;
  byId("example").addEventListener("click", () => {
    const label = byId("example-label").value, kind = byId("example-kind").value;
    const fits = (one) => (!label || one.label === label) && fitsKind(one, kind);
    const order = about.examples.map((_, i) => (place + 1 + i) % about.examples.length);
    const found = order.find((i) => fits(about.examples[i]));
    byId("example-told").textContent = "There is none.";
    if (found === undefined) return;
    place = found;
    const one = about.examples[place];
    const fell = one.fell.length ? "; in the run it fell to " + one.fell.join(", ") : "";
    byId("example-told").textContent = `True label: ${one.label}${fell}.`;
    put(one.first, one.text);
  });
}

function fitsKind({ fell, stood }, kind) {
  if (kind === "stood") return !fell.length && stood.length > 0;
  if (kind === "fell") return fell.length > 0;
  return !kind || fell.includes(kind.slice("fell:".length));
}

async function begin() {
  try {
    about = await answerOf("model");
  } catch (error) {
    trouble(error.message);
    return;
  }
  const size = (count) => count ? `, ${count.toLocaleString("en")} parameters` : "";
  const task = about.task ? ` for ${about.task}` : "";
  const beside = about.teacher === null ? "" : `; teacher${size(about.teacher)}`;
  byId("who").textContent = `Student ${about.name}${task}${size(about.params)}${beside}`;
  document.title = `RoSearch: try ${about.name}`;
  byId("notes").textContent = about.notes.join("\n");
  byId("notes").hidden = !about.notes.length;
  byId("first-part").hidden = !about.pairs;
  if (about.pairs) byId("text-label").textContent = "Second text";
  byId("teacher-side").hidden = about.teacher === null;
  setUpExamples();
  setUpAttacks();
  byId("first").addEventListener("input", changed);
  byId("text").addEventListener("input", changed);
  changed(); // a browser keeps what was typed before the page was loaded again
}

document.addEventListener("DOMContentLoaded", begin);
