/* The dialog of one picture: its layers, its boxes with their marks, the way to the next picture. */
"use strict";

const MOST_ROWS = 1000;
const viewer = { entry: null, details: null, marks: null, adding: false };

/** Opens the picture of an entry. */
viewer.open = async (entry) => {
  const dialog = byId("viewer");
  viewer.entry = entry;
  byId("viewer-name").textContent = entry.name;
  if (!dialog.open) dialog.showModal();
  if (document.activeElement === byId("stage")) dialog.focus(); // no ring before a key is pressed
  const details = await locpipe.details(entry).catch((error) => ({ problem: error.message }));
  if (viewer.entry !== entry) return; // another was opened meanwhile
  Object.assign(viewer, { details, marks: marks.of(entry.name), adding: false });
  tellOf(entry, details);
  sheet.show(entry, details, viewer.marks.missed);
  showLayers();
  showRows();
};

viewer.close = () => byId("viewer").open && byId("viewer").close();

const tellOf = (entry, { original, problem }) => {
  const facts = [];
  if (entry.size) facts.push(`${number(entry.size[0])} × ${number(entry.size[1])} pixels`);
  const at = list.shown.indexOf(entry);
  if (at >= 0) facts.push(`${number(at + 1)} of ${number(list.shown.length)}`);
  const link = original ? make("a", { href: original, target: "_blank", rel: "noopener" }, "Open the file") : null;
  byId("viewer-facts").replaceChildren(facts.join(" · "), ...(link ? [facts.length ? " · " : "", link] : []));
  byId("viewer-problem").textContent = entry.failure ? `${entry.failure}: ${problem}` : problem ?? "";
  byId("viewer-problem").hidden = !problem;
  byId("previous").disabled = at <= 0;
  byId("next").disabled = at < 0 || at + 1 >= list.shown.length;
};

sheet.missing = () => {
  byId("viewer-problem").textContent = "The picture is not where it was when this report was made. This is its thumbnail.";
  byId("viewer-problem").hidden = false;
};

/** Switches for the layers that this picture has. */
const showLayers = () => {
  const switches = Object.entries(LAYERS)
    .filter(([, [, , , needed]]) => viewer.details[needed])
    .map(([name, [label, key]]) => {
      const box = make("input", { type: "checkbox", id: `show-${name}`, checked: isOn[name], change: () => viewer.toggle(name) });
      return make("label", { class: "chip", title: `${label} (${key.toUpperCase()})` }, box, label);
    });
  byId("layers").replaceChildren(...switches);
};

viewer.toggle = (name) => {
  isOn[name] = !isOn[name];
  const box = byId(`show-${name}`);
  if (box) box.checked = isOn[name];
  sheet.refresh();
};

/** A row per box: number, score, text or label, marks. */
const showRows = () => {
  const { scores = [] } = viewer.details;
  const rows = scores.slice(0, MOST_ROWS).map((_, i) => rowOf(i));
  if (scores.length > MOST_ROWS) rows.push(make("li", { class: "soft" }, `and ${counted(scores.length - MOST_ROWS, "more box", "more boxes")}`));
  rows.push(...viewer.marks.missed.map(missedRow));
  byId("boxes").replaceChildren(...rows);
  viewer.refresh();
};

const rowOf = (i) => {
  const { scores, texts = [], labels = [], classes = [] } = viewer.details;
  const said = [texts[i], labels[i], classes[i]].filter(Boolean).join(" · ");
  const swatch = make("span", { class: "swatch" });
  swatch.style.background = scoreColour(scores[i]);
  const what = make(
    "button",
    { type: "button", class: "what", click: () => sheet.choose(i) },
    swatch,
    make("span", { class: "score" }, scores[i].toFixed(2)),
    make("span", { class: "said" }, said || `box ${i + 1}`),
  );
  const mark = (kind, sign) =>
    make("button", { type: "button", class: `tick ${kind}`, "data-mark": kind, "aria-label": `Box ${i + 1} is ${kind}`, "aria-pressed": "false", click: () => viewer.mark(i, kind) }, sign);
  return make("li", { "data-index": i }, what, mark("right", "✓"), mark("wrong", "✗"));
};

const missedRow = (point, i) => {
  const remove = () => {
    viewer.marks.missed.splice(i, 1);
    keepMarks();
    showRows();
  };
  return make(
    "li",
    { class: "missed" },
    make("span", { class: "what" }, `missed at ${point.join(", ")}`),
    make("button", { type: "button", class: "tick", "aria-label": `Remove the missed place ${i + 1}`, click: remove }, "✕"),
  );
};

const rectOf = (i) => viewer.details.rects[i].join(",");

/** Marks a box, or takes the same mark back. */
viewer.mark = (i, kind) => {
  const { boxes } = viewer.marks;
  if (boxes[rectOf(i)] === kind || !kind) delete boxes[rectOf(i)];
  else boxes[rectOf(i)] = kind;
  keepMarks();
  viewer.refresh();
};

/** All boxes that the threshold leaves and that have no mark are right. */
viewer.allRight = () => {
  viewer.details.scores?.forEach((score, i) => {
    if (isKept(score)) viewer.marks.boxes[rectOf(i)] ??= "right";
  });
  keepMarks();
  viewer.refresh();
};

viewer.addMissed = (point) => {
  if (!point || !viewer.entry.size) return;
  viewer.marks.missed.push(point);
  keepMarks();
  showRows();
};

viewer.startAdding = (adding) => {
  viewer.adding = adding && Boolean(viewer.entry.size);
  byId("add-missed").setAttribute("aria-pressed", viewer.adding);
  byId("stage").classList.toggle("adding", viewer.adding);
  if (viewer.adding) byId("stage").focus();
};

const keepMarks = () => {
  const { path, page, sha256 } = viewer.details;
  marks.keep(viewer.entry.name, { path, page, sha256 }, viewer.marks);
  sheet.showMissed(viewer.marks.missed);
};

/** Chooses a box, on the picture and in the list. */
sheet.choose = (i) => {
  sheet.selected = i;
  sheet.reveal(i);
  viewer.refresh();
  byId("boxes").querySelector(`[data-index="${i}"]`)?.scrollIntoView({ block: "nearest" });
};

/** Goes to the next box that is shown. */
viewer.step = (by) => {
  const { scores = [] } = viewer.details;
  let i = sheet.selected;
  do i += by;
  while (i >= 0 && i < scores.length && !isKept(scores[i]));
  if (i >= 0 && i < scores.length) sheet.choose(i);
};

/** Marks the chosen box and goes on to the next. */
viewer.markAndGo = (kind) => {
  if (sheet.selected < 0) return viewer.step(1);
  viewer.mark(sheet.selected, kind);
  if (kind) viewer.step(1);
};

/** Goes to the next picture of those that are shown. */
viewer.go = (by) => {
  const next = list.shown[list.shown.indexOf(viewer.entry) + by];
  if (next && viewer.entry) location.replace(`#picture-${next.index}`);
};

/** Follows threshold, selection and marks. */
viewer.refresh = () => {
  if (!viewer.details || !byId("viewer").open) return;
  sheet.refresh();
  const { scores = [] } = viewer.details;
  const tally = { right: 0, wrong: 0 };
  byId("boxes").querySelectorAll("li[data-index]").forEach((row) => {
    const i = Number(row.dataset.index);
    const mark = viewer.marks.boxes[rectOf(i)];
    if (mark) tally[mark] += 1;
    row.classList.toggle("left-out", !isKept(scores[i]));
    row.classList.toggle("selected", i === sheet.selected);
    row.querySelectorAll("[data-mark]").forEach((button) => button.setAttribute("aria-pressed", button.dataset.mark === mark));
  });
  byId("sheet").querySelectorAll("#layer-boxes > g").forEach((box) => {
    box.classList.toggle("wrong", viewer.marks.boxes[rectOf(Number(box.dataset.index))] === "wrong");
  });
  const missed = viewer.marks.missed.length;
  const told = tally.right + tally.wrong + missed ? `${tally.right} right, ${tally.wrong} wrong, ${missed} missed` : "no marks";
  byId("viewer-marks").textContent = told;
  const usable = Boolean(viewer.entry.size);
  byId("add-missed").disabled = !usable;
  byId("all-right").disabled = !scores.length;
};
