// How a metric is spread: for every value, the share of answers that took at most that much.

const SKEWED = 20;

/** Up to the 99% quantile of the widest curve: one slow answer must not squeeze the others together. Skewed values get a log scale. */
const spreadScale = (curves, range) => {
  const low = Math.min(...curves.map(({ values }) => values[0]));
  const high = Math.max(...curves.map(({ values }) => values[99]));
  const skewed = low > 0 && high / low > SKEWED;
  const scale = skewed ? d3.scaleLog([low, high], range) : d3.scaleLinear([low, high === low ? low + 1 : high], range).nice();
  return scale.clamp(true);
};

const drawSpread = (node) => {
  const { metric, curves } = dataOf(node);
  const frame = framed(node, { height: 210 });
  const x = spreadScale(curves, frame.x);
  const y = d3.scaleLinear([0, 1], frame.y);
  const count = Math.max(2, Math.floor(frame.width / 110));
  withAxes(frame, d3.axisBottom(x).ticks(count).tickFormat((value) => withUnit(metric, value)), d3.axisLeft(y).tickValues([0, 0.25, 0.5, 0.75, 0.95]).tickFormat(percent));
  thinned(frame.svg.select(".axis"), 74);
  curves.forEach(({ values }, place) => {
    const group = frame.svg.append("g").attr("class", `series s${place % 12}`);
    const shown = values.map((value, share) => [value, share / 100]).filter(([value], share) => share <= 99 || value <= x.domain()[1]);
    group.append("path").attr("d", d3.line(([value]) => x(value), ([, share]) => y(share))(shown));
    for (const share of [50, 95]) group.append("circle").attr("cx", x(values[share])).attr("cy", y(share / 100)).attr("r", 4.5);
  });
};

/** Take away the labels of `axis` that would touch the one before. */
const thinned = (axis, room) => {
  let last = -Infinity;
  axis.selectAll(".tick").each(function each() {
    const at = this.transform.baseVal.consolidate()?.matrix.e ?? 0;
    if (at - last < room) d3.select(this).select("text").remove();
    else last = at;
  });
};
