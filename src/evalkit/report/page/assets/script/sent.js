// What was sent: the conversation of a case, and what its checks asked a judge.

/** The messages that `trials` (one per side) answer: equal ones once, different ones beside each other with the changed words. */
const conversation = (run, trials, names) => {
  const sent = trials.map((trial) => run.messages[run.trials.messages[trial]]);
  const length = Math.max(...sent.map((messages) => messages.length));
  const rows = Array.from({ length }, (_, place) => sentRow(run, sent.map((messages) => messages[place]), names));
  return el("details", { class: "plain conversation", open: true },
    el("summary", {}, el("h3", {}, "Prompt as sent")),
    el("p", { class: "copies" }, sent.map((messages, side) => copyButton(names.length > 1 ? `Copy ${names[side]}` : "Copy", () => asText(run, messages)))),
    rows);
};

const asText = (run, messages) => messages.map(([role, text]) => `[${role}]\n${run.text(text)}`).join("\n\n");

const sentRow = (run, messages, names) => {
  const [first] = messages;
  if (messages.every((message) => message && JSON.stringify(message) === JSON.stringify(first))) {
    return el("div", { class: "message" }, roleLine(first[0], messages.length > 1 ? "the same for both" : ""), messageBox(run, first));
  }
  const texts = messages.map((message) => (message ? run.text(message[1]) : ""));
  const { removed, added } = (texts.length === 2 && diffWords(...texts)) || { removed: [], added: [] };
  const ranges = [asRanges(removed, "del"), asRanges(added, "ins")];
  return el("div", { class: "sides" }, messages.map((message, side) =>
    el("div", { class: "message" }, message ? [roleLine(message[0], names[side] ?? ""), messageBox(run, message, ranges[side])] : roleLine("no message", names[side] ?? ""))));
};

const roleLine = (role, note) => el("p", { class: `role ${role}` }, role, note && el("span", { class: "note" }, ` ${note}`));

const messageBox = (run, [, text, calls], ranges = []) =>
  [textBox(run.text(text), { ranges, kind: "sent" }), calls ? calls.map(toolCall) : null];

const toolCall = ([name, args]) => el("pre", { class: "answer tool" }, `tool call ${name}\n${indented(args) ?? args}`);

/** The follow-up calls of a trial's checks: question, reply, what they cost. */
const judgeCalls = (run, trial) => {
  const calls = run.trials.followups[trial];
  if (!calls.length) return null;
  return el("details", { class: "plain judge", open: true }, el("summary", {}, plural(calls.length, "judge call")), calls.map((call) => judgeCall(run, call)));
};

const judgeCall = (run, [model, kind, asked, answer, failure, source, cost, latency, input, output]) => {
  const messages = run.messages[asked];
  const reply = run.text(answer);
  const about = [run.text(model), kind === "chat" ? "" : kind, SOURCES[source] ?? source, money(cost), seconds(latency), `${count(input)} / ${count(output)} tokens`];
  return el("div", { class: "asked" },
    el("p", { class: "muted small" }, about.filter(Boolean).join(" · ")),
    failure ? el("p", {}, sign("error"), `no answer: ${failure}`) : null,
    el("p", { class: "role" }, "reply"), textBox(indented(reply) ?? reply, { kind: "sent" }),
    messages.slice(-1).map((message) => [el("p", { class: "role" }, "question"), messageBox(run, message)]),
    messages.length < 2 ? null : el("details", { class: "plain" }, el("summary", {}, `${plural(messages.length - 1, "message")} before the question`),
      messages.slice(0, -1).map((message) => [roleLine(message[0], ""), messageBox(run, message)])));
};
