// The pass rate of a suite over its runs, with the interval of every run as a band.

const drawTrend = (node) => {
  const { runs, lines } = dataOf(node);
  const frame = framed(node, { height: 230 });
  const x = d3.scalePoint(runs.keys(), frame.x).padding(0.3);
  const lowest = Math.min(...lines.flatMap(({ points }) => points.map(({ lower }) => lower)));
  const y = d3.scaleLinear([Math.max(0, Math.floor(lowest * 10 - 0.5) / 10), 1], frame.y);
  const step = Math.ceil((runs.length * 90) / frame.width);
  const labelled = [...runs.keys()].filter((run) => (runs.length - 1 - run) % step === 0);
  withAxes(frame, d3.axisBottom(x).tickValues(labelled).tickFormat((run) => runs[run].slice(5)), d3.axisLeft(y).ticks(5).tickFormat(percent));
  lines.forEach((line, place) => drawLine(frame.svg.append("g").attr("class", `series s${place % 12}`), line, x, y));
};

const drawLine = (group, { points }, x, y) => {
  group.append("path").attr("class", "band").attr("d", d3.area((at) => x(at.run), (at) => y(at.lower), (at) => y(at.upper))(points));
  group.append("path").attr("d", d3.line((at) => x(at.run), (at) => y(at.rate))(points));
  const dots = group.selectAll("circle").data(points).join("circle").attr("cx", (at) => x(at.run)).attr("cy", (at) => y(at.rate));
  dots.attr("r", (at) => (at.changed ? 6 : 4)).classed("changed", (at) => at.changed);
  dots.append("title").text((at) => `${percent(at.rate)}, ${at.text}`);
};
