// Which tests to show, and in which order.

/** The texts of a test that the search looks at, as indices: variables, answers, reasons of what did not pass. */
const searched = (run, test) => [
  test.case.given,
  ...test.trials.map((trial) => run.trials.answer[trial]),
  ...test.bad.map((verdict) => run.verdicts.reason[verdict]),
];

/** `finds(test, query)`, with texts in lower case that are kept, and `prepare(test)` to make them ahead of the first key. */
const searcher = (run) => {
  const lower = new Array(run.strings.length);
  const text = (index) => (lower[index] ??= run.text(index).toLowerCase());
  const names = new Array(run.tests.length);
  const name = (test) => (names[test.place] ??= `${test.case.id}\n${test.case.tags.join("\n")}`.toLowerCase());
  const indices = new Array(run.tests.length);
  const of = (test) => (indices[test.place] ??= searched(run, test));
  return {
    prepare: (test) => { name(test); of(test).forEach(text); },
    finds: (test, query) => name(test).includes(query) || of(test).some((index) => text(index).includes(query)),
  };
};

/** Prepare all tests while the browser has nothing else to do. */
const prepareSearch = (run, search) => {
  const later = globalThis.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 8 })));
  let next = 0;
  const some = (deadline) => {
    const until = performance.now() + Math.min(12, deadline.timeRemaining());
    while (next < run.tests.length && performance.now() < until) search.prepare(run.tests[next++]);
    if (next < run.tests.length) later(some);
  };
  later(some);
};

/** The tests that `state` asks for, sorted as it says. */
const selectTests = (run, search, state) => {
  const query = state.q.trim().toLowerCase();
  const wants = [
    state.suite && ((test) => test.case.suite.toWellFormed() === state.suite),
    state.variant && ((test) => variantKey(test.variant) === state.variant),
    state.outcome && ((test) => test.outcome === state.outcome || (state.outcome === "not-pass" && test.outcome !== "pass")),
    state.flip && ((test) => test.flips.has(state.flip)),
    state.check && ((test) => hasCheck(test, state.check)),
    state.tag && ((test) => test.case.tags.some((tag) => tag.toWellFormed() === state.tag)),
    query && ((test) => search.finds(test, query)),
  ].filter(Boolean);
  return sorted(run.tests.filter((test) => wants.every((want) => want(test))), state.sort);
};

const hasCheck = (test, check) => [...test.badChecks].some((name) => name.toWellFormed() === check);

/** How to sort, [value in the address, words, what is compared]; a value that is not known comes last in either direction. */
const SORTS = [
  ["", "order of the suite", null],
  ["-outcome", "worst first", (test) => ({ error: 3, fail: 2, mixed: 1, pass: 0 })[test.outcome] + 1 - test.passed / test.trials.length],
  ["outcome", "best first", (test) => ({ error: 3, fail: 2, mixed: 1, pass: 0 })[test.outcome] + 1 - test.passed / test.trials.length],
  ["case", "case, A to Z", (test) => test.case.id],
  ["-case", "case, Z to A", (test) => test.case.id],
  ["-latency", "slowest first", (test) => test.latency],
  ["latency", "fastest first", (test) => test.latency],
  ["-cost", "dearest first", (test) => test.cost],
  ["cost", "cheapest first", (test) => test.cost],
];

const sorted = (tests, sort) => {
  const value = SORTS.find(([name]) => name === sort)?.[2];
  if (!value) return tests;
  const way = sort.startsWith("-") ? -1 : 1;
  const keys = tests.map((test) => ({ test, key: value(test) }));
  keys.sort((a, b) => (a.key === null) - (b.key === null) || way * ((a.key > b.key) - (a.key < b.key)) || a.test.place - b.test.place);
  return keys.map(({ test }) => test);
};
