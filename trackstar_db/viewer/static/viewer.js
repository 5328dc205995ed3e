// Comforts only: every page works without them.
"use strict";

// A button that copies the text of what it names.
for (const button of document.querySelectorAll("button[data-copies]")) button.hidden = false;
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  const label = button.dataset.label ??= button.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = "Selected: press Ctrl+C";
  }
  setTimeout(() => { button.textContent = label; }, 2000);
});

// A part of the prompt that is selected goes into the field of what to highlight.
const prompt = document.querySelector("[data-prompt]");
const field = document.getElementById("mark");
if (prompt && field) {
  document.addEventListener("selectionchange", () => {
    const selection = getSelection();
    const text = selection.toString().trim();
    if (text && prompt.contains(selection.anchorNode) && prompt.contains(selection.focusNode)) field.value = text;
  });
}

// The slider of the threshold: which proponents are correct by it, and what that makes of the metrics, at once.
const slider = document.getElementById("threshold");
if (slider) {
  const cards = [...document.querySelectorAll("#proponents [data-rank]")];
  const scores = (slider.dataset.scores || "").split(" ").filter(Boolean).map((pair) => pair.split(":").map(Number));
  const show = (name, value) => {
    const place = document.querySelector(`[data-live="${name}"]`);
    if (place) place.textContent = value;
  };
  slider.addEventListener("input", () => {
    const threshold = Number(slider.value);
    show("threshold", threshold.toFixed(2));
    for (const card of cards) {
      const isEntailed = card.dataset.ais !== "" && Number(card.dataset.ais) > threshold;
      const badge = card.querySelector("[data-entailed]");
      if (badge) badge.textContent = isEntailed ? "entailed" : "not entailed";
    }
    for (const chip of document.querySelectorAll("[data-chip-of]")) {
      const isCorrect = chip.dataset.annotated === "1" || Number(chip.dataset.ais || -1) > threshold;
      chip.classList.toggle("correct", isCorrect);
      chip.setAttribute("aria-label", chip.textContent + (isCorrect ? ", correct" : ""));
    }
    const ranks = scores.filter(([, score]) => score > threshold).map(([rank]) => rank);
    const top = ranks.filter((rank) => rank <= 10).length;
    show("recall", top ? "1.00" : "0.00");
    show("precision", (top / 10).toFixed(2));
    show("mrr", (ranks.length ? 1 / Math.min(...ranks) : 0).toFixed(2));
  });
}
