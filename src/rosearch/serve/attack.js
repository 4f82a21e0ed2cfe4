// An attack on the text: what came of it, and each of its steps.
"use strict";

function setUpAttacks() {
  options(byId("attack"), about.attacks.map(([name]) => [name, name]));
  const tell = () => {
    const chosen = about.attacks.find(([name]) => name === byId("attack").value);
    byId("attack-told").textContent = chosen ? chosen[1] : "";
  };
  byId("attack").addEventListener("change", tell);
  tell();
  byId("go").addEventListener("click", attack);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !byId("attacking").hidden) {
      event.preventDefault();
      attack();
    }
  });
}

async function attack() {
  const asked = current(), go = byId("go");
  if (go.disabled) return;
  go.disabled = true;
  go.textContent = "Attacking \u2026";
  try {
    const found = await answerOf("attack", { ...asked, attack: byId("attack").value });
    trouble("");
    if (same(asked, current())) showOutcome(found);
  } catch (error) {
    trouble(error.message);
  }
  go.disabled = false;
  go.textContent = "Attack this text";
}

function showOutcome(found) {
  byId("outcome").hidden = false;
  byId("verdict").textContent = verdictOf(found);
  const buttons = found.steps.map((step, number) => {
    const word = number ? `${step.gone} \u2192 ${step.new}` : "as it was";
    const button = made("button", `${word}: ${said(step.student)}`);
    button.type = "button";
    button.addEventListener("click", () => showStep(found.steps, number, buttons));
    return button;
  });
  byId("steps").replaceChildren(...buttons.map((button) => {
    const line = made("li");
    line.append(button);
    return line;
  }));
  showStep(found.steps, found.steps.length - 1, buttons);
}

function verdictOf({ status, label, queries, exhausted, unchangeable, steps }) {
  const words = steps.length - 1, asked = `${queries.toLocaleString("en")} questions to the student`;
  const many = `${words} ${words === 1 ? "word" : "words"}`;
  if (unchangeable) return "Nothing to attack: no word of this text has a substitution.";
  if (status === "flipped") {
    const now = about.labels[best(steps[words].student)];
    return `Fooled: ${about.labels[label]} became ${now} with ${many} changed (${asked}).`;
  }
  const why = exhausted ? "its questions were used up" : "it found no way";
  const most = words ? ` Shown is its best try, ${many} changed.` : "";
  return `Held: the answer is still ${about.labels[label]}; ${why} (${asked}).${most}`;
}

function said(probabilities) {
  const label = best(probabilities);
  return `${about.labels[label]} ${percent(probabilities[label])}`;
}

function showStep(steps, number, buttons) {
  buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === number)));
  const { pieces, student, teacher, text } = steps[number];
  const tags = { same: "span", gone: "del", new: "ins" };
  byId("changed").replaceChildren(...pieces.map(([kind, piece]) => made(tags[kind], piece)));
  byId("then").textContent = `Student: ${said(student)}.`
    + (teacher ? ` Teacher, on the same text: ${said(teacher)}.` : "");
  byId("take").onclick = () => {
    put(byId("first").value, text);
    byId("text").focus();
  };
}
