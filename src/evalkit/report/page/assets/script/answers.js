// Answers beside each other: the words that differ, the evidence of each check, verdicts, attempts and numbers.

/** A view of `tests` (one, or two beside each other); `repeats` says which repeat of each, and may be changed with its buttons. */
const sidesView = (run, tests, { full = false, repeats = tests.map((test) => worstRepeat(run, test)) } = {}) => {
  const view = { run, tests, full, repeats: [...repeats], look: "pretty", box: el("div", {}) };
  drawSides(view);
  return view.box;
};

/** The repeat to show first: one without an answer, else one that failed, else the first. */
const worstRepeat = (run, test) => {
  const statuses = test.trials.map((trial) => run.trials.status[trial]);
  return Math.max(0, statuses.includes("error") ? statuses.indexOf("error") : statuses.indexOf("fail"));
};

const drawSides = (view) => {
  const texts = view.tests.map((test, side) => answerText(view, test.trials[view.repeats[side]]));
  const differ = texts.length === 2 && texts[0] !== texts[1];
  const changes = differ && view.look !== "preview" ? diffWords(...texts) : null;
  const columns = view.tests.map((test, side) => {
    const ranges = changes ? (side === 0 ? asRanges(changes.removed, "del") : asRanges(changes.added, "ins")) : [];
    return sideColumn(view, side, texts[side], ranges);
  });
  view.box.replaceChildren(diffNote(texts, changes, view.look), el("div", { class: "sides" }, columns));
};

const diffNote = (texts, changes, look) => {
  if (texts.length < 2 || look === "preview") return "";
  if (texts[0] === texts[1]) return el("p", { class: "diff-note" }, "= The two answers are the same, letter by letter.");
  if (!changes) return el("p", { class: "diff-note" }, "The answers are too long and too different to mark the words that differ.");
  return el("p", { class: "diff-note" }, el("del", {}, "only left"), " ", el("ins", {}, "only right"), " ", el("mark", {}, "evidence of a check"));
};

const asRanges = (pairs, tag) => pairs.map(([start, end]) => ({ start, end, tag, kind: "word" }));

const received = (run, trial) => run.text(run.trials.answer[trial]);

const answerText = (view, trial) => {
  const text = received(view.run, trial);
  return (view.look === "pretty" ? indented(text) : null) ?? text;
};

const sideColumn = (view, side, text, changes) => {
  const test = view.tests[side];
  const trial = test.trials[view.repeats[side]];
  const column = el("article", { class: "side-column", "aria-label": test.variant.name });
  column.append(
    el("header", {}, el("strong", {}, test.variant.name), badge(test.outcome, `${test.passed}/${test.trials.length}`),
      el("span", { class: "muted small" }, `${test.variant.prompt} · ${test.variant.model}`)),
    answerTools(view, side),
    ...[answerBox(view, trial, text, changes), view.full ? triedBefore(view.run, trial) : null,
      verdictList(view.run, trial, { foldPassed: !view.full, box: () => column }),
      view.full ? [judgeCalls(view.run, trial), numbers(view.run, trial), attempts(view.run, trial)] : null].flat(Infinity).filter(Boolean));
  return column;
};

/** Buttons for the repeats, for how the answer looks, and to copy it. */
const answerTools = (view, side) => {
  const test = view.tests[side];
  const trial = test.trials[view.repeats[side]];
  const text = received(view.run, trial);
  const repeats = test.trials.length < 2 ? [] : test.trials.map((other, index) => {
    const status = view.run.trials.status[other];
    return pressed(index === view.repeats[side], () => { view.repeats[side] = index; drawSides(view); }, { title: WORDS[status] }, sign(status), `repeat ${view.run.trials.repeat[other] + 1}`);
  });
  const look = (name, label) => pressed(view.look === name, () => { view.look = view.look === name ? "pretty" : name; drawSides(view); }, { class: name }, label);
  const failed = view.run.trials.failure[trial];
  return el("div", { class: "repeats", role: "group", "aria-label": `Answer of ${test.variant.name}` }, repeats, el("span", { class: "looks" },
    failed || indented(text) === null ? null : look("raw", "as received"),
    failed || !isMarkdown(text) ? null : look("preview", "preview"),
    copyButton("Copy", () => text)));
};

const pressed = (on, onclick, props, ...label) => el("button", { type: "button", "aria-pressed": String(on), onclick, ...props }, label);

const answerBox = (view, trial, text, changes) => {
  const { run } = view;
  const calls = (run.trials.tools[trial] ?? []).map(toolCall);
  if (run.trials.failure[trial]) {
    const hint = run.trials.hint[trial];
    return el("div", { class: "answer failure" }, el("p", {}, sign("error"), `no answer: ${run.trials.failure[trial]}`),
      textBox(text), hint === null ? null : el("p", { class: "muted" }, run.text(hint)));
  }
  if (view.look === "preview" && isMarkdown(text)) return [preview(text), calls];
  const original = received(run, trial);
  const evidence = movedRanges(evidenceRanges(run, trial, original), original, text);
  return [textBox(text, { ranges: [...changes, ...evidence], kind: text !== original || indented(text) ? "code" : "", empty: "(empty answer)" }), calls];
};
