// The pane of one case.

/** Fill `dialog` with `test` and open it. `tools` are what the reader can do: step, flip, close, open; `position` is its place in the list. */
const showDetail = (run, dialog, test, { position, tools }) => {
  const focused = dialog.open ? document.activeElement?.dataset.tool : undefined;
  const choices = sideChoices(run, test);
  const body = el("div", { class: "detail-body" });
  const show = (choice) => body.replaceChildren(...caseBody(run, test, choice, choices, show));
  dialog.replaceChildren(detailHead(run, test, { position, tools }), body);
  show(choices[0]);
  dialog.scrollTop = 0;
  if (!dialog.open) dialog.showModal();
  (dialog.querySelector(`[data-tool="${focused}"]`) ?? dialog.querySelector("h2")).focus({ preventScroll: true });
};

const detailHead = (run, test, { position, tools }) =>
  el("header", { class: "detail-head" },
    el("div", { class: "detail-name" },
      el("h2", { id: "detail-title", tabindex: "-1" }, test.case.id, " ", badge(test.outcome, `${test.variant.name}: ${WORDS[test.outcome]}`)),
      el("p", { class: "muted small" }, `${test.case.suite} · ${test.case.where} `, [...test.flips].map((kind) => badge(kind, WORDS[kind] ?? kind)), test.case.tags.map((tag) => el("span", { class: "tag" }, tag))),
      variantLinks(run, test, tools)),
    el("div", { class: "detail-tools" }, el("span", { class: "muted small position" }, position),
      tool("previous-flip", "Previous flip (p)", "▲", () => tools.flip(-1)), tool("next-flip", "Next flip (n)", "▼", () => tools.flip(1)),
      tool("previous", "Previous case (k)", "↑", () => tools.step(-1)), tool("next", "Next case (j)", "↓", () => tools.step(1)),
      tool("close", "Close (Esc)", "✕", tools.close)));

const tool = (name, label, text, onclick) => el("button", { type: "button", "aria-label": label, title: label, "data-tool": name, onclick }, text);

/** How each variant did on this case, if there are more than the two that stand beside each other. */
const variantLinks = (run, test, tools) => {
  const all = [...siblingsOf(run, test).values()];
  if (all.length < 3) return null;
  return el("p", { class: "variants-line" }, all.map((other) =>
    pressed(other === test, () => tools.open(other), {}, sign(other.outcome), `${other.variant.name} ${other.passed}/${other.trials.length}`)));
};

/** What may stand beside each other: the comparison of this variant, its repeats, any other variant, itself alone. */
const sideChoices = (run, test) => {
  const others = [...siblingsOf(run, test).values()].filter((other) => other !== test);
  const comparisons = run.comparisons.filter((found) => found.suite === test.case.suite && [found.a.label, found.b.label].includes(test.variant.label));
  const sides = comparisons.map((found) => [found.a, found.b].map((side) => (side.run_id ? null : siblingsOf(run, test).get(side.label)))).filter((pair) => pair.every(Boolean));
  const compared = new Set(sides.flat());
  const pairs = [...sides, ...others.filter((other) => !compared.has(other)).map((other) => [other, test])];
  const found = pairs.map((tests) => ({ name: tests.map((one) => one.variant.name).join(" and "), tests }));
  if (test.trials.length > 1) found.push({ name: `repeats of ${test.variant.name}`, tests: [test, test], repeats: twoRepeats(run, test) });
  return found.length ? found : [{ name: test.variant.name, tests: [test] }];
};

/** Two repeats to compare: the first that passed and the first that did not, else the first two. */
const twoRepeats = (run, test) => {
  const passed = test.trials.map((trial) => run.trials.status[trial] === "pass");
  const pair = [passed.indexOf(true), passed.indexOf(false)];
  return pair.includes(-1) ? [0, 1] : pair;
};

const caseBody = (run, test, choice, choices, show) => {
  const trials = choice.tests.map((one, side) => one.trials[choice.repeats?.[side] ?? 0]);
  const names = choice.repeats ? [choice.tests[0].variant.name] : choice.tests.map((one) => one.variant.name);
  return [
    commandLine(test),
    el("details", { class: "plain" }, el("summary", {}, el("h3", {}, "Variables of the case")), textBox(run.text(test.case.given), { kind: "code" })),
    conversation(run, choice.repeats ? trials.slice(0, 1) : trials, names),
    el("div", { class: "answers-head" }, el("h3", {}, choice.tests.length > 1 ? "Answers beside each other" : "Answer"), choices.length > 1 ? sidesChoice(choice, choices, show) : null),
    sidesView(run, choice.tests, { full: true, repeats: choice.repeats }),
  ].filter(Boolean);
};

const sidesChoice = (choice, choices, show) => {
  const changed = (event) => { show(choices[Number(event.target.value)]); byId("detail-sides").focus(); };
  return el("label", { class: "sides-choice" }, el("span", { class: "hidden" }, "What stands beside each other"),
    el("select", { id: "detail-sides", onchange: changed }, choices.map((one, place) => el("option", { value: place, selected: one === choice }, one.name))));
};

/** The command that runs this case alone; none for a name that a shell or an eye would not take as it is. */
const commandLine = (test) => {
  const id = testId(test);
  if (visible(id) !== id || id.includes("\n")) return null;
  const command = `evalkit run '${id.replaceAll("'", "'\\''")}'`;
  return el("p", { class: "command" }, el("code", {}, command), copyButton("Copy", () => command));
};

const HELP = [
  ["/", "search"], ["j, k", "next, previous case"], ["n, p", "next, previous flip"], ["Enter", "open the case"],
  ["↓ ↑ Home End", "move in the list"], ["Esc", "close"], ["?", "this list"],
];

const showHelp = (dialog) => {
  dialog.replaceChildren(
    el("h2", { id: "help-title" }, "Keys"),
    el("dl", { class: "facts" }, HELP.map(([key, what]) => el("div", {}, el("dt", {}, key.split(/,? /).map((one) => [el("kbd", {}, one), " "])), el("dd", {}, what)))),
    el("p", { class: "muted small" }, "Filters, sort order and the open case are in the address: a link shows the same view."),
    el("button", { type: "button", onclick: () => dialog.close() }, "Close"));
  if (!dialog.open) dialog.showModal();
};
