// The numbers of one trial: where it came from, how long it took, what it cost, and every attempt.

const SOURCES = { live: "live call", cache: "from cache", replay: "replayed from a recording", scripted: "scripted", shared: "shared with an identical request" };

const tokensOf = (all, part, name) => (part ? `${count(all)} (${count(part)} ${name})` : count(all));

const numbers = (run, trial) => {
  const t = run.trials;
  const served = t.served[trial];
  const rows = [
    ["Source", SOURCES[t.source[trial]] ?? t.source[trial]], ["Latency", seconds(t.latency[trial])],
    ["First token", t.first_token[trial] === null ? "not streamed" : seconds(t.first_token[trial])], ["Cost", money(t.cost[trial])],
    ["Judge cost", t.followups[trial].length ? money(t.judge_cost[trial]) : "no judge"],
    ["Tokens in", tokensOf(t.input[trial], t.cached[trial], "cached")], ["Tokens out", tokensOf(t.output[trial], t.reasoning[trial], "reasoning")],
    ["Finish", t.finish[trial] ?? "none"], ["Served by", served === null ? "unknown" : run.text(served)],
  ];
  return el("dl", { class: "facts" }, rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
};

const attempts = (run, trial) => {
  const rows = run.trials.attempts[trial];
  if (!rows.length) return null;
  const spent = rows.reduce((sum, [latency, wait]) => sum + (latency ?? 0) + (wait ?? 0), 0);
  return el("details", { class: "plain", open: rows.length > 1 }, el("summary", {}, `${plural(rows.length, "attempt")}, ${seconds(spent)} with waits`),
    el("table", { class: "attempts" },
      el("thead", {}, el("tr", {}, ["#", "Waited", "Took", "Status", "Failure"].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows.map(([latency, wait, status, failure, message], index) =>
        el("tr", {}, [index + 1, seconds(wait), seconds(latency), status ?? "none", failure ? `${failure}${message === null ? "" : `: ${run.text(message)}`}` : ""].map((cell) => el("td", {}, cell)))))));
};

/** The models that were asked before the one that served, and why they did not. */
const triedBefore = (run, trial) =>
  run.trials.tried[trial].map(([model, failure, message, tries]) =>
    el("p", { class: "tried small" }, sign("error"), `${run.text(model)} was asked too: ${failure} after ${plural(tries, "attempt")}. ${run.text(message).slice(0, 500)}`));
