// Estimates with their intervals, one per table cell; those that share an axis can be compared by eye.
// Places are in percent of the cell, so that the picture follows the cell on any screen and on paper.

const ROOM = [4, 96];
const APART = 15;

/** The scale of all `marks` of one axis: rates from 0 to 1, changes symmetric about "no change". Wider intervals get an arrow. */
const sharedScale = (marks) => {
  const [{ form }] = marks;
  if (form === "rate") return d3.scaleLinear([0, 1], ROOM);
  const far = (fold) => Math.max(...marks.flatMap(({ value, lower, upper, edge }) => [value, lower, upper, edge].filter((at) => at !== null).map(fold)), 0) * 1.1;
  if (form === "ratio") {
    const reach = Math.exp(within(far((at) => Math.abs(Math.log(Math.max(at, 1e-9)))), Math.log(1.1), Math.log(10)));
    return d3.scaleLog([1 / reach, reach], ROOM).clamp(true);
  }
  const reach = within(far(Math.abs), 0.02, 1);
  return d3.scaleLinear([-reach, reach], ROOM).clamp(true);
};

const within = (value, least, most) => Math.min(Math.max(value, least), most);

const unchanged = { difference: 0, ratio: 1, rate: null };

/** The labelled places of an axis, "no change" first among those that would touch. */
const ticksOf = (scale, form) => {
  const all = scale.ticks(form === "rate" ? 4 : 5).sort((a, b) => Math.abs(scale(a) - 50) - Math.abs(scale(b) - 50));
  return all.reduce((kept, tick) => (kept.every((other) => Math.abs(scale(other) - scale(tick)) >= APART) ? [...kept, tick] : kept), []);
};

const tickText = { difference: (tick) => signed(100 * tick), ratio: (tick) => `×${DIGITS.format(tick)}`, rate: percent };

const drawAxis = (node, scale, form) => {
  d3.select(node).append("svg").attr("class", "axis").attr("aria-hidden", "true").selectAll("text").data(ticksOf(scale, form)).join("text")
    .attr("x", (tick) => `${scale(tick)}%`).attr("y", 15).attr("text-anchor", "middle")
    .classed("zero", (tick) => tick === unchanged[form]).text(tickText[form]);
};

const drawInterval = (node, mark, scale) => {
  const svg = d3.select(node).append("svg").attr("aria-hidden", "true");
  const upright = (name, at, [from, to] = [0, 100]) => svg.append("line").attr("class", name).attr("x1", `${at}%`).attr("x2", `${at}%`).attr("y1", `${from}%`).attr("y2", `${to}%`);
  for (const tick of ticksOf(scale, mark.form)) upright("grid", scale(tick));
  if (mark.edge !== null) drawMargin(svg, upright, scale(mark.edge), mark.form);
  if (unchanged[mark.form] !== null) upright("zero", scale(unchanged[mark.form]));
  if (mark.lower !== null && mark.upper !== null) drawRange(svg, upright, mark, scale);
  if (mark.value !== null && inside(scale, mark.value)) svg.append("circle").attr("class", "point").attr("cx", `${scale(mark.value)}%`).attr("cy", "50%").attr("r", 5);
};

const inside = (scale, value) => value >= scale.domain()[0] && value <= scale.domain()[1];

/** What lies beyond the margin is shaded: on the left for a rate that may fall, on the right for a cost that may rise. */
const drawMargin = (svg, upright, at, form) => {
  const [from, to] = form === "ratio" ? [at, 100] : [0, at];
  svg.append("rect").attr("class", "beyond").attr("x", `${from}%`).attr("width", `${to - from}%`).attr("height", "100%");
  upright("margin", at);
};

const drawRange = (svg, upright, { lower, upper }, scale) => {
  const [low, high] = scale.domain();
  svg.append("line").attr("class", "range").attr("x1", `${scale(lower)}%`).attr("x2", `${scale(upper)}%`).attr("y1", "50%").attr("y2", "50%");
  for (const [value, outside, sign, anchor] of [[lower, lower < low, "◂", "end"], [upper, upper > high, "▸", "start"]]) {
    if (outside) svg.append("text").attr("class", "cut").attr("x", `${scale(value)}%`).attr("y", "50%").attr("dy", "0.35em").attr("text-anchor", anchor).text(sign);
    else upright("range", scale(value), [34, 66]);
  }
};

/** Draw every mark of the page, axis by axis. */
const drawIntervals = () => {
  const axes = new Map();
  for (const node of document.querySelectorAll("[data-chart='interval']")) {
    const mark = dataOf(node);
    if (!axes.has(mark.axis)) axes.set(mark.axis, []);
    axes.get(mark.axis).push({ node, mark });
  }
  for (const [axis, found] of axes) {
    const scale = sharedScale(found.map(({ mark }) => mark));
    for (const { node, mark } of found) drawInterval(node, mark, scale);
    for (const node of document.querySelectorAll(`[data-chart="axis"][data-axis="${CSS.escape(axis)}"]`)) drawAxis(node, scale, found[0].mark.form);
  }
};
