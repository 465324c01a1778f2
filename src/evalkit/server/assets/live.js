"use strict";
// A run in progress: counts and finished trials as they are told. The browser reconnects by itself and says what it has seen.
(() => {
  const SHOWN = 10;
  const SIGNS = { pass: "✓", fail: "✗", error: "!" };
  const cell = (tag, ...parts) => {
    const made = document.createElement(tag);
    made.append(...parts);
    return made;
  };
  const row = (trial) => {
    const sign = cell("span", SIGNS[trial.status] ?? "");
    sign.className = `sign ${trial.status}`;
    sign.setAttribute("aria-hidden", "true");
    const name = cell("th", trial.case_id + (trial.repeat ? ` repeat ${trial.repeat + 1}` : ""));
    name.scope = "row";
    return cell("tr", cell("td", sign, trial.status), name, cell("td", trial.label), cell("td", trial.failed_checks.join(", ")));
  };
  const stateOf = (run) => (run.ended ? "ended, being read" : run.quiet ? "silent: it waits" : "in progress");
  const show = (panel, run) => {
    for (const field of panel.querySelectorAll("[data-field]")) {
      const value = run[field.dataset.field];
      field.textContent = value === null ? "?" : field.dataset.field === "paid_usd" ? value.toFixed(4) : String(value);
    }
    const bar = panel.querySelector("progress");
    bar.max = run.planned || 1;
    bar.value = run.done + run.skipped;
    panel.querySelector("[data-state]").textContent = stateOf(run);
    const list = panel.querySelector("[data-trials]");
    if (!panel.dataset.told) list.replaceChildren();
    panel.dataset.told = "yes";
    list.prepend(...run.trials.slice(-SHOWN).reverse().map(row));
    while (list.children.length > SHOWN) list.lastElementChild.remove();
  };
  for (const panel of document.querySelectorAll("[data-live]")) {
    const events = new EventSource(panel.dataset.live);
    const state = panel.querySelector("[data-state]");
    events.addEventListener("progress", (event) => show(panel, JSON.parse(event.data)));
    events.addEventListener("stored", () => {
      events.close();
      state.textContent = "ended";
      location.reload();
    });
    events.addEventListener("error", () => {
      state.textContent = "connection lost, trying again";
    });
    addEventListener("pagehide", () => events.close());
  }
})();
