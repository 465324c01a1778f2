// The pane of one case.

/** Fill `dialog` with `test` and open it. `step(by)` moves to a neighbour, `close()` leaves. */
const showDetail = (run, dialog, test, { position, step, close }) => {
  const sides = sidesOf(run, test);
  const others = [...run.byCase.get(caseKey(test.case.suite, test.case.id)).values()].filter((other) => !sides.includes(other));
  dialog.replaceChildren(
    el("header", { class: "detail-head" },
      el("div", {}, el("h2", { id: "detail-title" }, test.case.id),
        el("p", { class: "muted small" }, `${test.case.suite} · ${test.case.where} `, test.case.tags.map((tag) => el("span", { class: "tag" }, tag)),
          [...test.flips].map((kind) => badge(kind, kind)))),
      el("div", { class: "detail-tools" }, el("span", { class: "muted small" }, position),
        el("button", { type: "button", "aria-label": "Previous case", title: "k", onclick: () => step(-1) }, "↑"),
        el("button", { type: "button", "aria-label": "Next case", title: "j", onclick: () => step(1) }, "↓"),
        el("button", { type: "button", "aria-label": "Close", title: "Esc", onclick: close }, "✕"))),
    el("div", { class: "detail-body" },
      el("details", { class: "plain" }, el("summary", {}, "Variables of the case"), el("pre", { class: "answer" }, run.strings[test.case.given].slice(0, ANSWER_SHOWN))),
      conversation(run, sides.map((side) => side.trials[0])),
      sidesView(run, sides, { full: true }),
      others.length ? el("details", { class: "plain" }, el("summary", {}, plural(others.length, "other variant")), others.map((other) => [conversation(run, [other.trials[0]]), sidesView(run, [other], { full: true })])) : null));
  dialog.scrollTop = 0;
  if (!dialog.open) dialog.showModal();
};

const showHelp = (dialog) => {
  const keys = [["/", "search"], ["j, k", "next, previous case"], ["Enter", "open the case"], ["Esc", "close"], ["?", "this list"]];
  dialog.replaceChildren(
    el("h2", { id: "help-title" }, "Keys"),
    el("dl", { class: "facts" }, keys.map(([key, what]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)))),
    el("button", { type: "button", onclick: () => dialog.close() }, "Close"));
  if (!dialog.open) dialog.showModal();
};
