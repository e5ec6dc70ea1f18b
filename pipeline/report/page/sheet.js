/* One picture with what was found on it: layers over each other, and how large they are drawn. */
"use strict";

const sheet = { entry: null, details: null, scale: 1, fits: true, selected: -1, missing: () => {}, choose: () => {} };

/** Layer by name: its label, its key, whether it is on at first, and what the details need for it. */
const LAYERS = {
  boxes: ["Boxes", "b", true, "polygons"],
  texts: ["Text", "t", true, "texts"],
  scores: ["Scores", "s", false, "scores"],
  lines: ["Lines", "l", false, "lines"],
  blocks: ["Blocks", "g", false, "blocks"],
  mask: ["Mask", "k", false, "mask"],
  heatmap: ["Heatmap", "h", false, "heatmap"],
};
const isOn = Object.fromEntries(Object.entries(LAYERS).map(([name, [, , on]]) => [name, on]));

/** Shows an entry; `missed` are the points where something was missed. */
sheet.show = (entry, details, missed) => {
  Object.assign(sheet, { entry, details, selected: -1 });
  const [width, height] = entry.size ?? [800, 600];
  const drawn = details.polygons
    ? [blockLayer(details), lineLayer(details), boxLayer(details), labelLayer(details)]
    : [];
  const view = draw("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, ...drawn, draw("g", { id: "missed" }));
  byId("sheet").replaceChildren(...images(entry, details), view);
  sheet.showMissed(missed);
  sheet.fit();
  sheet.refresh();
};

/** The thumbnail below, then the picture, then mask and heatmap as they are asked for. */
const images = (entry, { full, problem }) => {
  const stack = [];
  if (entry.thumb) stack.push(make("img", { src: locpipe.thumb(entry), alt: "" }));
  else stack.push(make("p", { class: "nothing" }, entry.failure ? "No result" : "The picture is missing"));
  if (full && !problem) {
    const image = make("img", { src: full, alt: "", decoding: "async" });
    image.addEventListener("error", () => {
      image.remove();
      sheet.missing();
    });
    stack.push(image);
  }
  return stack;
};

const boxLayer = ({ polygons, scores }) => {
  const group = draw("g", { id: "layer-boxes" });
  polygons.forEach((points, i) => {
    const halo = draw("polygon", { points: points.join(" "), class: "halo" });
    const box = draw("polygon", { points: points.join(" "), class: "box", click: () => sheet.choose(i) });
    box.style.stroke = scoreColour(scores[i]);
    group.append(draw("g", { "data-index": i }, halo, box));
  });
  return group;
};

/** Each line of text as a path through the middles of its boxes, in reading order. */
const lineLayer = ({ polygons, lines }) => {
  const paths = new Map();
  polygons.forEach((points, i) => {
    const path = paths.get(lines[i]) ?? [];
    path.push(ends(points));
    paths.set(lines[i], path);
  });
  const drawn = [...paths.values()].map((path) => draw("polyline", { points: path.flat().join(" "), class: "reading" }));
  return draw("g", { id: "layer-lines" }, ...drawn);
};

/** The middles of the first and the last side of a box: corners 0 and 3, and 1 and 2, of four. */
const ends = (points) => {
  const corners = points.length / 2;
  const middle = (i, j) => [(points[2 * i] + points[2 * j]) / 2, (points[2 * i + 1] + points[2 * j + 1]) / 2];
  return [...middle(0, corners - 1), ...middle(corners / 2 - 1, Math.min(corners - 1, corners / 2))];
};

/** Each block of text as the rectangle around its boxes. */
const blockLayer = ({ rects, blocks = [] }) => {
  const around = new Map();
  blocks.forEach((block, i) => {
    const [left, top, right, bottom] = rects[i];
    const known = around.get(block) ?? [left, top, right, bottom];
    around.set(block, [Math.min(known[0], left), Math.min(known[1], top), Math.max(known[2], right), Math.max(known[3], bottom)]);
  });
  const drawn = [...around.values()].map(([left, top, right, bottom]) =>
    draw("rect", { x: left, y: top, width: right - left, height: bottom - top, class: "block" }),
  );
  return draw("g", { id: "layer-blocks" }, ...drawn);
};

/** What was read, or the score, above each box. */
const labelLayer = ({ polygons, scores, texts = [] }) => {
  const group = draw("g", { id: "layer-labels" });
  polygons.forEach((points, i) => {
    const read = texts[i] ?? "";
    const place = { x: points[0], y: points[1], dy: "-0.3em", "data-index": i };
    const score = draw("tspan", { class: "score", dx: read ? "0.4em" : "0" }, scores[i].toFixed(2));
    const label = draw("text", place, draw("tspan", { class: "text" }, read), score);
    // Not wider than the box, or the words of small print lie over each other: zooming in shows them.
    const width = Math.hypot(points[2] - points[0], points[3] - points[1]);
    label.style.fontSize = `min(calc(var(--pixel) * 14), ${(1.7 * width) / Math.max(3, read.length)}px)`;
    group.append(label);
  });
  return group;
};

/** Follows the threshold, the layers and the selection. */
sheet.refresh = () => {
  const { details } = sheet;
  if (!details) return;
  const view = byId("sheet");
  for (const name of Object.keys(LAYERS)) view.classList.toggle(`no-${name}`, !isOn[name]);
  view.querySelectorAll("#layer-boxes > g, #layer-labels > text").forEach((each) => {
    const i = Number(each.dataset.index);
    each.classList.toggle("left-out", !isKept(details.scores[i]));
    each.classList.toggle("selected", i === sheet.selected);
  });
  for (const name of ["mask", "heatmap"]) {
    const there = view.querySelector(`img.${name}`);
    if (isOn[name] && details[name] && !there) {
      const image = make("img", { src: details[name], class: name, alt: "" });
      image.addEventListener("error", () => image.remove());
      view.querySelector("svg").before(image);
    } else if (!isOn[name]) there?.remove();
  }
};

/** Draws the points where something was missed. */
sheet.showMissed = (points) => {
  const crosses = points.map(([x, y]) =>
    draw("g", { transform: `translate(${x} ${y})` }, draw("circle", { class: "halo" }), draw("circle", { class: "miss" })),
  );
  byId("missed")?.replaceChildren(...crosses);
};

/** Draws the picture as large as the stage, a small one not larger than four times. */
sheet.fit = () => {
  const stage = byId("stage");
  const [width, height] = sheet.entry.size ?? [800, 600];
  sheet.fits = true;
  zoomTo(Math.min((stage.clientWidth - 24) / width, (stage.clientHeight - 24) / height, 4));
};

/** Zooms by a factor; the middle of the view stays. */
sheet.zoom = (factor) => {
  const stage = byId("stage");
  const x = (stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth;
  const y = (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight;
  sheet.fits = false;
  zoomTo(Math.max(0.01, Math.min(8, sheet.scale * factor)));
  stage.scrollTo(x * stage.scrollWidth - stage.clientWidth / 2, y * stage.scrollHeight - stage.clientHeight / 2);
};

const zoomTo = (scale) => {
  const [width, height] = sheet.entry.size ?? [800, 600];
  sheet.scale = scale;
  const { style } = byId("sheet");
  style.width = `${Math.max(1, width * scale)}px`;
  style.height = `${Math.max(1, height * scale)}px`;
  style.setProperty("--pixel", `${1 / scale}px`); // of the screen, in those of the picture
};

/** Brings a box into view, without moving the page. */
sheet.reveal = (i) => {
  const stage = byId("stage");
  const [left, top, right, bottom] = sheet.details.rects[i].map((side) => side * sheet.scale);
  const at = byId("sheet");
  if (sheet.fits) return;
  stage.scrollTo({
    left: at.offsetLeft + (left + right) / 2 - stage.clientWidth / 2,
    top: at.offsetTop + (top + bottom) / 2 - stage.clientHeight / 2,
  });
};

/** The point of the picture at a point of the screen; null outside of it. */
sheet.pointAt = (x, y) => {
  const { left, top, width, height } = byId("sheet").getBoundingClientRect();
  if (x < left || y < top || x > left + width || y > top + height) return null;
  return [x - left, y - top].map((side) => Math.round(side / sheet.scale));
};
