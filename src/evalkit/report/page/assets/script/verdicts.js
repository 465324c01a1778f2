// What the checks said of an answer, and where in it they look.

/** What each check points at; a check that passed on the whole answer points at nothing. */
const evidenceRanges = (run, trial, text) =>
  run.trials.verdicts[trial].flatMap((verdict, place) => {
    const status = run.verdicts.status[verdict];
    const spans = toUnits(text, run.verdicts.spans[verdict]).filter(([start, end]) => status !== "pass" || text.slice(start, end).trim() !== text.trim());
    return spans.map(([start, end]) => ({
      start, end, tag: "mark", kind: `evidence ${status} of-${place}`, label: `${SIGNS[status]} ${run.verdicts.check[verdict]}`,
    }));
  });

const ORDER = { error: 0, fail: 1, skip: 2, pass: 3 };

const MANY_PASSED = 12;

/** The verdicts, what did not pass first; `foldPassed` puts the passed ones behind a line, and so do many of them. `box()` is where the answer stands. */
const verdictList = (run, trial, { foldPassed, box }) => {
  const found = run.trials.verdicts[trial]
    .map((verdict, place) => ({ verdict, place, status: run.verdicts.status[verdict] }))
    .sort((a, b) => ORDER[a.status] - ORDER[b.status]);
  const list = (items) => (items.length ? el("ul", { class: "verdicts" }, items.map((item) => verdictItem(run, item, box))) : null);
  const passed = found.filter(({ status }) => status === "pass");
  if (!passed.length || (!foldPassed && passed.length <= MANY_PASSED)) return list(found);
  return [list(found.slice(0, found.length - passed.length)),
    el("details", { class: "plain" }, el("summary", {}, sign("pass"), `${plural(passed.length, "check")} passed`), list(passed))];
};

const verdictItem = (run, { verdict, place, status }, box) => {
  const { check, score, severity, line, reason, family, detail, spans } = run.verdicts;
  const about = [family[verdict], severity[verdict] === "warn" && "warns only", score[verdict] !== null && `score ${score[verdict]}`, line[verdict] !== null && `line ${line[verdict]}`];
  return el("li", { class: status },
    sign(status), el("div", {},
      el("p", { class: "check" }, el("strong", {}, check[verdict]), el("span", { class: "hidden" }, ` ${WORDS[status]}`), el("span", { class: "muted small" }, about.filter(Boolean).join(", ")),
        box && spans[verdict].length ? el("button", { type: "button", class: "show-evidence", onclick: () => showEvidence(box(), place) }, "show") : null),
      el("p", { class: "reason" }, run.text(reason[verdict]).slice(0, 4000)),
      detail[verdict] === null ? null : el("details", { class: "plain" }, el("summary", {}, "Details"), textBox(run.text(detail[verdict]), { kind: "code" }))));
};

/** Bring the first place that a verdict points at into sight and make it stand out; it may be in the part that is not shown yet. */
const showEvidence = (box, place) => {
  if (!box.querySelector(`mark.of-${place}`)) box.querySelector(".more-note button")?.click();
  for (const mark of box.querySelectorAll("mark.shown")) mark.classList.remove("shown");
  const marks = box.querySelectorAll(`mark.of-${place}`);
  for (const mark of marks) mark.classList.add("shown");
  marks[0]?.scrollIntoView({ block: "nearest" });
};
