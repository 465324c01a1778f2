// What the reader looks for, kept in the address so that a link shares the view.

const FIELDS = ["suite", "variant", "outcome", "flip", "check", "tag", "q", "sort"];
const emptyState = () => Object.fromEntries([...FIELDS, "case", "of"].map((name) => [name, ""]));

/** The state in the address after `#`; null if the address names a section instead. */
const readHash = () => {
  const hash = location.hash.slice(1);
  if (hash && !hash.includes("=")) return null;
  const params = new URLSearchParams(hash);
  return Object.fromEntries([...FIELDS, "case", "of"].map((name) => [name, params.get(name) ?? ""]));
};

const address = (state) => `#${new URLSearchParams(Object.entries(state).filter(([, value]) => value !== ""))}`;

const writeHash = (state, { push = false } = {}) => {
  if (address(state) !== (location.hash || "#")) history[push ? "pushState" : "replaceState"](null, "", address(state));
};

/** The name of a variant in the address: unique over suites. */
const variantKey = (variant) => `${variant.suite}/${variant.label}`.toWellFormed();

/** The values each filter offers, [value, label]; the numbers are tests. */
const choices = (run) => {
  const suites = run.suites.length > 1 ? run.suites : [];
  const outcomes = tally(run.tests, (test) => [test.outcome]);
  const bad = run.tests.length - (outcomes.get("pass") ?? 0);
  const flips = tally(run.tests, (test) => test.flips);
  const named = (found) => [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, number]) => [name.toWellFormed(), `${name} (${count(number)})`]);
  return {
    suite: suites.map((name) => [name.toWellFormed(), name]),
    variant: run.variants.map((variant) => [variantKey(variant), suites.length ? `${variant.suite}: ${variant.label}` : variant.label]),
    outcome: [
      ["not-pass", `anything but passed (${count(bad)})`],
      ...["pass", "mixed", "fail", "error"].filter((name) => outcomes.has(name)).map((name) => [name, `${SIGNS[name]} ${WORDS[name]} (${count(outcomes.get(name))})`]),
    ],
    flip: ["broken", "fixed", "shaky", "unmeasured"].filter((kind) => flips.has(kind)).map((kind) => [kind, `${SIGNS[kind]} ${WORDS[kind] ?? kind} (${count(flips.get(kind))})`]),
    check: named(tally(run.tests, (test) => test.badChecks)),
    tag: named(tally(run.tests, (test) => test.case.tags)),
  };
};

/** How many of `tests` have each of the values that `of` gives. */
const tally = (tests, of) => {
  const found = new Map();
  for (const test of tests) for (const value of of(test)) found.set(value, (found.get(value) ?? 0) + 1);
  return found;
};

const LABELS = { suite: "Suite", variant: "Variant", outcome: "Outcome", flip: "Flip", check: "Check not passed", tag: "Tag" };

/** The row of filters. `changed(name, value)` is called on every change; the name is null to clear all. */
const filterBar = (run, changed) => {
  const offered = choices(run);
  const selects = Object.entries(LABELS)
    .filter(([name]) => offered[name].length > 0)
    .map(([name, label]) => choiceField(name, label, [["", "all"], ...offered[name]], changed));
  const search = el("input", {
    type: "search", id: "filter-q", placeholder: "Search ids, answers, reasons", autocomplete: "off", spellcheck: "false",
    oninput: (event) => changed("q", event.target.value),
  });
  const clear = el("button", { type: "button", id: "filter-clear", onclick: () => changed(null) }, "Clear");
  return [
    el("div", { class: "tools-line" }, el("label", { class: "field search" }, el("span", {}, "Search"), search), choiceField("sort", "Sort", SORTS, changed), clear),
    el("div", { class: "tools-line" }, selects),
  ];
};

const choiceField = (name, label, options, changed) =>
  el("label", { class: "field" }, el("span", {}, label),
    el("select", { id: `filter-${name}`, onchange: (event) => changed(name, event.target.value) },
      options.map(([value, text]) => el("option", { value }, text))));

/** `state` with one field changed; a variant of another suite is let go. */
const withField = (state, name, value) => {
  const next = { ...state, [name]: value };
  if (name === "suite" && value && !next.variant.startsWith(`${value}/`)) next.variant = "";
  return next;
};

const showFilters = (state) => {
  for (const option of byId("filter-variant")?.options ?? []) {
    option.hidden = option.disabled = Boolean(state.suite && option.value && !option.value.startsWith(`${state.suite}/`));
  }
  for (const name of FIELDS) {
    const input = byId(`filter-${name}`);
    if (!input) continue;
    if (input.value !== state[name]) input.value = state[name];
    input.classList.toggle("chosen", state[name] !== "");
  }
};
