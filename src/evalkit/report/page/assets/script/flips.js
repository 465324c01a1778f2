// The flips listed on the page get their answers when they are opened.

const wireFlips = (run, open) => {
  const items = [...document.querySelectorAll("details[data-flip]")];
  for (const item of items) {
    item.addEventListener("toggle", () => fillFlip(run, item, open));
    if (item.open) fillFlip(run, item, open);
  }
  for (const item of items.slice(0, 1)) item.open = true;
};

const fillFlip = (run, item, open) => {
  const body = item.querySelector(".flip-body");
  if (!item.open || body.hasChildNodes()) return;
  const comparison = run.comparisons[Number(item.dataset.comparison)];
  const [id] = comparison.flips[Number(item.dataset.flip)];
  const known = run.byCase.get(caseKey(comparison.suite, id));
  const tests = [comparison.a, comparison.b].filter((side) => !side.run_id).map((side) => known?.get(side.label)).filter(Boolean);
  if (tests.length < 2) body.append(el("p", { class: "muted" }, "The answers of one side belong to another run and are not in this file."));
  if (!tests.length) return;
  body.append(sidesView(run, tests), el("button", { type: "button", onclick: () => open(tests.at(-1)) }, "Open the case"));
};
