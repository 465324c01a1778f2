// The packed run: unpacked once, then read as tests (a case × a variant with its repeats).

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";

const unpack = async (element) => {
  const stream = new Blob([fromBase85(element.textContent)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
};

/** Five characters hold four bytes; a last group of n characters holds n - 1. */
const fromBase85 = (text) => {
  const values = new Uint8Array(128);
  [...ALPHABET].forEach((character, value) => { values[character.charCodeAt(0)] = value; });
  const groups = Math.ceil(text.length / 5);
  const bytes = new DataView(new ArrayBuffer(groups * 4));
  for (let group = 0; group < groups; group += 1) {
    let word = 0;
    for (let at = group * 5; at < group * 5 + 5; at += 1) word = word * 85 + (at < text.length ? values[text.charCodeAt(at)] : 84);
    bytes.setUint32(group * 4, word);
  }
  return new Uint8Array(bytes.buffer, 0, groups * 4 - (groups * 5 - text.length));
};

/** The text behind an index, written out from its shorthand when first asked for. */
const longhand = ({ strings, words, codes }) => {
  const table = new Array(0x10000);
  words.forEach((word, place) => { table[codes.charCodeAt(place)] = word; });
  const written = new Array(strings.length);
  return (index) => (written[index] ??= strings[index].replace(/[\u0080-\uffff]/g, (code) => table[code.charCodeAt(0)] ?? code));
};

/** The run with its tests, in the order of the cases; `tests[i].place` is i, `text(i)` the i-th string. */
const readRun = (data) => {
  const run = { ...data, text: longhand(data), tests: [], byCase: new Map(), suites: [...new Set(data.variants.map((variant) => variant.suite))] };
  const index = new Map();
  data.trials.case.forEach((caseIndex, trial) => {
    const key = caseIndex * data.variants.length + data.trials.variant[trial];
    if (!index.has(key)) index.set(key, newTest(run, caseIndex, data.trials.variant[trial]));
    index.get(key).trials.push(trial);
  });
  run.tests.forEach((test) => summarise(run, test));
  markFlips(run);
  return run;
};

const newTest = (run, caseIndex, variantIndex) => {
  const test = { case: run.cases[caseIndex], variant: run.variants[variantIndex], trials: [], flips: new Set() };
  const key = caseKey(test.case.suite, test.case.id);
  if (!run.byCase.has(key)) run.byCase.set(key, new Map());
  run.byCase.get(key).set(test.variant.label, test);
  test.place = run.tests.push(test) - 1;
  return test;
};

const caseKey = (suite, id) => `${suite}\n${id}`;
const siblingsOf = (run, test) => run.byCase.get(caseKey(test.case.suite, test.case.id));

/** The id of the pytest item behind a test. */
const testId = (test) => `${test.case.path}::${test.case.id}[${test.variant.label}]`;

/** Count passes, name the outcome, collect the checks that did not pass. */
const summarise = (run, test) => {
  const statuses = test.trials.map((trial) => run.trials.status[trial]);
  test.passed = statuses.filter((status) => status === "pass").length;
  test.outcome = statuses.includes("error") ? "error" : test.passed === statuses.length ? "pass" : test.passed ? "mixed" : "fail";
  const bad = new Set();
  for (const trial of test.trials) {
    for (const verdict of run.trials.verdicts[trial]) {
      const status = run.verdicts.status[verdict];
      if (status === "fail" || status === "error") bad.add(verdict);
    }
  }
  test.bad = [...bad];
  test.badChecks = new Set(test.bad.map((verdict) => run.verdicts.check[verdict]));
  test.latency = median(test.trials.map((trial) => run.trials.latency[trial]));
  test.cost = total(test.trials.map((trial) => run.trials.cost[trial]));
};

const markFlips = (run) => {
  for (const comparison of run.comparisons) {
    for (const [id, kind] of comparison.flips) {
      const tests = run.byCase.get(caseKey(comparison.suite, id));
      for (const side of [comparison.a, comparison.b]) tests?.get(side.label)?.flips.add(kind);
    }
  }
};

const median = (values) => {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  return known.length ? known[Math.floor(known.length / 2)] : null;
};

const total = (values) => (values.includes(null) ? null : values.reduce((sum, value) => sum + value, 0));
