/* Two histograms: scores, with the threshold, and sizes. */
"use strict";

const WIDTH = 300;
const HEIGHT = 96;

/** Draws bars. `bars` are {label, count, dim}, `ticks` the labels that are written, by index. */
const histogram = (bars, ticks, told) => {
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  const step = WIDTH / bars.length;
  const drawn = bars.map((bar, i) => {
    const height = bar.count && Math.max(2, (bar.count / most) * HEIGHT);
    const title = draw("title", {}, `${bar.label}: ${counted(bar.count, "box", "boxes")}`);
    const place = { x: i * step + step * 0.06, y: HEIGHT - height, width: step * 0.88, height };
    return draw("rect", { ...place, rx: Math.min(2, step / 4), class: bar.dim ? "dim" : null }, title);
  });
  const written = ticks.map(([i, label], at) =>
    draw("text", { x: i * step, y: HEIGHT + 14, "text-anchor": at === 0 ? "start" : at === ticks.length - 1 ? "end" : "middle" }, label),
  );
  const view = { viewBox: `0 0 ${WIDTH} ${HEIGHT + 18}`, role: "img", "aria-label": told, class: "chart" };
  const base = draw("line", { x1: 0, x2: WIDTH, y1: HEIGHT + 0.5, y2: HEIGHT + 0.5 });
  return draw("svg", view, base, ...drawn, ...written);
};

/** The scores in bars of 2 percent; those below the threshold are dim. */
const scoreChart = (scores) => {
  const bars = [];
  for (let low = 0; low < 100; low += 2) {
    const count = scores[low] + scores[low + 1] + (low === 98 ? scores[100] : 0);
    const label = `${(low / 100).toFixed(2)} to ${((low + 2) / 100).toFixed(2)}`;
    bars.push({ label, count, dim: low < choice.percent });
  }
  const all = scores.reduce((sum, count) => sum + count, 0);
  const left = scores.slice(choice.percent).reduce((sum, count) => sum + count, 0);
  const told = `${number(left)} of ${counted(all, "box", "boxes")} have a score of ${(choice.percent / 100).toFixed(2)} or more`;
  const ticks = [[0, "0"], [12.5, "0.25"], [25, "0.5"], [37.5, "0.75"], [50, "1"]];
  return histogram(bars, ticks, told);
};

/** The sizes in bars that double: 1, 2 to 3, 4 to 7, .... */
const sideChart = (sides) => {
  const first = Math.max(0, sides.findIndex((count) => count > 0));
  const bars = sides.slice(first).map((count, i) => {
    const low = 2 ** (i + first);
    return { label: low === 1 ? "0 to 1 pixels" : `${low} to ${2 * low - 1} pixels`, count };
  });
  const few = bars.length ? bars : [{ label: "none", count: 0 }];
  const every = Math.ceil(few.length / 6);
  const ticks = few.map((_, i) => [i + 0.5, String(2 ** (i + first))]).filter((_, i) => i % every === 0);
  const peak = few.reduce((best, bar) => (bar.count > best.count ? bar : best));
  return histogram(few, ticks, `Most boxes have a shorter side of ${peak.label}`);
};
