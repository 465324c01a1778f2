// What the reader looks for, kept in the address so that a link shares the view.

const FIELDS = ["suite", "variant", "outcome", "flip", "check", "tag", "q"];

/** The state in the address after `#`; null if the address names a section instead. */
const readHash = () => {
  const hash = location.hash.slice(1);
  if (hash && !hash.includes("=")) return null;
  const params = new URLSearchParams(hash);
  return Object.fromEntries([...FIELDS, "case", "of"].map((name) => [name, params.get(name) ?? ""]));
};

const writeHash = (state, { push = false } = {}) => {
  const params = new URLSearchParams(Object.entries(state).filter(([, value]) => value !== ""));
  const address = `#${params}`;
  if (address === (location.hash || "#")) return;
  history[push ? "pushState" : "replaceState"](null, "", address);
};

/** The name of a variant in the address: unique over suites. */
const variantKey = (variant) => `${variant.suite}/${variant.label}`.toWellFormed();

const selectTests = (run, state) => {
  const query = state.q.trim().toLowerCase();
  return run.tests.filter(
    (test) =>
      (!state.suite || test.case.suite.toWellFormed() === state.suite) &&
      (!state.variant || variantKey(test.variant) === state.variant) &&
      (!state.outcome || test.outcome === state.outcome || (state.outcome === "not-pass" && test.outcome !== "pass")) &&
      (!state.flip || test.flips.has(state.flip)) &&
      (!state.check || hasCheck(test, state.check)) &&
      (!state.tag || test.case.tags.some((tag) => tag.toWellFormed() === state.tag)) &&
      (!query || haystack(run, test).includes(query)),
  );
};

const hasCheck = (test, check) => [...test.badChecks].some((name) => name.toWellFormed() === check);

/** The values each filter offers, [value, label]. */
const choices = (run) => {
  const tags = new Set(run.cases.flatMap((item) => item.tags));
  const checks = new Set(run.tests.flatMap((test) => [...test.badChecks]));
  const flips = ["broken", "fixed", "shaky"].filter((kind) => run.tests.some((test) => test.flips.has(kind)));
  const suites = run.suites.length > 1 ? run.suites : [];
  return {
    suite: suites.map((name) => [name.toWellFormed(), name]),
    variant: run.variants.map((variant) => [variantKey(variant), suites.length ? `${variant.suite}: ${variant.label}` : variant.label]),
    outcome: [
      ["not-pass", "anything but passed"],
      ...["pass", "mixed", "fail", "error"].filter((name) => run.tests.some((test) => test.outcome === name)).map((name) => [name, `${SIGNS[name]} ${WORDS[name]}`]),
    ],
    flip: flips.map((kind) => [kind, `${SIGNS[kind]} ${kind}`]),
    check: [...checks].sort().map((name) => [name.toWellFormed(), name]),
    tag: [...tags].sort().map((name) => [name.toWellFormed(), name]),
  };
};

const LABELS = { suite: "Suite", variant: "Variant", outcome: "Outcome", flip: "Flip", check: "Check not passed", tag: "Tag" };

/** The row of filters. `changed(name, value)` is called on every change. */
const filterBar = (run, changed) => {
  const offered = choices(run);
  const selects = Object.entries(LABELS)
    .filter(([name]) => offered[name].length > 0)
    .map(([name, label]) => choiceField(name, label, offered[name], changed));
  const search = el("input", {
    type: "search", id: "filter-q", placeholder: "Search ids, answers, reasons", autocomplete: "off", spellcheck: "false",
    oninput: (event) => changed("q", event.target.value),
  });
  const clear = el("button", { type: "button", id: "filter-clear", onclick: () => changed(null) }, "Clear");
  return [el("label", { class: "field search" }, el("span", {}, "Search"), search), ...selects, clear];
};

const choiceField = (name, label, options, changed) =>
  el("label", { class: "field" }, el("span", {}, label),
    el("select", { id: `filter-${name}`, onchange: (event) => changed(name, event.target.value) },
      el("option", { value: "" }, "all"),
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
    if (input && input.value !== state[name]) input.value = state[name];
  }
};
