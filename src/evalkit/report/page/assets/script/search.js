// Which tests to show, and in which order.

/** The texts of a test that the search looks at, as indices: variables, answers, reasons of what did not pass. */
const searched = (run, test) => [
  test.case.given,
  ...test.trials.map((trial) => run.trials.answer[trial]),
  ...test.bad.map((verdict) => run.verdicts.reason[verdict]),
];

/** `finds(test, query)`: texts in lower case are made once, by `prepare()` while the browser has nothing else to do; `ready` says when. */
const searcher = (run) => {
  const lower = new Array(run.strings.length);
  const text = (index) => (lower[index] ??= run.text(index).toLowerCase());
  const tests = run.tests.map(() => null);
  const of = (test) => (tests[test.place] ??= { name: `${test.case.id}\n${test.case.tags.join("\n")}`.toLowerCase(), texts: searched(run, test) });
  const finds = (test, query) => of(test).name.includes(query) || of(test).texts.some((index) => text(index).includes(query));
  return { finds, ...preparation(run.tests.length, (place) => of(run.tests[place]).texts.forEach(text)) };
};

/** Do `work(place)` for every place in slices of time; `hurry()` no longer waits for idle time, but still lets the page answer. */
const preparation = (places, work) => {
  const state = { done: places === 0, hurried: false };
  const { promise: ready, resolve } = withResolvers();
  const idle = globalThis.requestIdleCallback ?? ((slice) => setTimeout(slice, 4));
  let next = 0;
  const later = () => (state.hurried ? setTimeout(slice) : idle(slice));
  const slice = () => {
    const until = performance.now() + (state.hurried ? 40 : 12);
    while (next < places && performance.now() < until) work(next++);
    state.done = next >= places;
    if (state.done) resolve();
    else later();
  };
  return { state, ready, prepare: later, hurry: () => { state.hurried = true; setTimeout(slice); } };
};

const withResolvers = () => {
  const made = {};
  made.promise = new Promise((resolve) => { made.resolve = resolve; });
  return made;
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
