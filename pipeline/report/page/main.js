/* Brings the page to life: the summary, the tools, the keys. */
"use strict";

const summary = locpipe.parts.get("summary");

const showSummary = () => {
  const { counts, failures, left_out: leftOut, facts, state, made, version, stages } = summary;
  const tiles = [
    ["Pictures", counts.entries ?? 0],
    ["Boxes", counts.boxes ?? 0],
    ["Without boxes", counts.empty ?? 0, "empty"],
    ["Failed", counts.failed ?? 0, "failed"],
    ...facts.filter(([name]) => name === "Time"),
  ];
  byId("numbers").replaceChildren(
    ...tiles.map(([label, count, show]) => {
      if (typeof count === "string") return make("div", {}, make("dt", {}, label), make("dd", {}, count));
      const value = show && count ? make("button", { type: "button", class: "plain link", click: () => showOnly(show) }, number(count)) : number(count);
      return make("div", { class: label === "Failed" && count ? "bad" : null }, make("dt", {}, label), make("dd", {}, value));
    }),
  );
  const ended = state === "finished" ? "" : ` · this run is unfinished (${state})`;
  byId("state").textContent = `Made ${made.replace("T", " ").slice(0, 16)} UTC by locpipe ${version}${ended}`;
  byId("sides").replaceChildren(sideChart(summary.sides));
  if (failures.length) {
    const rows = failures.map(([cause, count]) =>
      make("li", {}, make("button", { type: "button", class: "plain link", click: () => showOnly(cause) }, cause), ` ${number(count)}`),
    );
    byId("failures").replaceChildren(make("h2", {}, "Failures by cause"), make("ul", {}, ...rows));
  }
  if (leftOut.length) {
    byId("left-out").replaceChildren(make("h2", {}, "Left out"), make("ul", {}, ...leftOut.map((text) => make("li", {}, text))));
  }
  const slow = Object.entries(stages).map(([stage, seconds]) => `${stage} ${seconds < 0.0995 ? `${(seconds * 1000).toPrecision(2)} ms` : `${seconds.toPrecision(2)} s`}`);
  const told = slow.length ? [...facts, ["Median per picture", slow.join(", ")]] : facts;
  byId("facts").replaceChildren(...told.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
};

/** Shows pictures of one kind, or one cause of failure. */
const showOnly = (kind) => {
  choice.show = kind;
  byId("show").value = kind;
  choose();
  byId("tools").scrollIntoView();
};

const fillTools = () => {
  const option = ([value, label]) => make("option", { value }, label);
  const kinds = Object.entries(SHOWS).map(([value, [label]]) => [value, label]);
  const causes = summary.failures.map(([cause, count]) => [cause, `Failed: ${cause} (${number(count)})`]);
  byId("show").replaceChildren(...[...kinds, ...causes].map(option));
  byId("sort").replaceChildren(...Object.entries(SORTS).map(([value, [label]]) => option([value, label])));
  const folders = summary.folders.map(([folder, count]) => [folder, `${folder === "." ? "(top)" : folder} (${number(count)})`]);
  byId("folder").replaceChildren(...[["", "All folders"], ...folders].map(option));
  if (summary.has.includes("texts")) byId("search").placeholder = "name or text";
};

/** Applies what is chosen, from the first page on. */
const choose = () => {
  choice.page = 0;
  list.update();
  grid.show();
  tellFound();
};

const tellFound = () => {
  const { entries = 0 } = summary.counts;
  const loading = list.complete ? "" : ` · loading ${number(list.entries.length)} of ${number(entries)}`;
  const all = summary.scores.reduce((sum, count) => sum + count, 0);
  const left = summary.scores.slice(choice.percent).reduce((sum, count) => sum + count, 0);
  const boxes = choice.percent ? ` · the score leaves ${number(left)} of ${counted(all, "box", "boxes")}` : "";
  const of = list.shown.length === list.entries.length ? "" : ` of ${number(list.entries.length)}`;
  const none = list.shown.length || !list.complete ? "" : entries ? ". Nothing fits: change the filters." : ". This run has no pictures.";
  byId("found").textContent = `${number(list.shown.length)}${of} pictures${none}${boxes}${loading}`;
};

/** The threshold, from either slider. */
const setThreshold = (percent) => {
  choice.percent = Math.max(0, Math.min(100, percent));
  for (const id of ["threshold", "viewer-threshold"]) {
    byId(id).value = choice.percent;
    byId(`${id}-value`).textContent = (choice.percent / 100).toFixed(2);
  }
  byId("scores").replaceChildren(scoreChart(summary.scores));
  grid.refresh();
  viewer.refresh();
  tellFound();
  chooseCalmly();
};

const chooseCalmly = calmly(() => {
  const depends = choice.atLeast || !["all", "failed", "missing"].includes(choice.show) || choice.sort !== "name";
  if (depends) choose();
});

const readTexts = async () => {
  if (list.texts || !summary.has.includes("texts")) return;
  list.texts = [];
  for (let part = 0; part * summary.listed < summary.counts.entries; part += 1) {
    const texts = await locpipe.load(`text-${part}`);
    locpipe.parts.delete(`text-${part}`);
    for (const text of texts) list.texts.push(text.toLowerCase());
  }
  if (choice.words) choose();
};

const loadList = async () => {
  const { entries = 0 } = summary.counts;
  for (let part = 0; part * summary.listed < entries; part += 1) {
    list.take(await locpipe.load(`list-${part}`));
    locpipe.parts.delete(`list-${part}`);
    if (part === 0) choose();
    else tellFound();
  }
  list.complete = true;
  if (entries > summary.listed) {
    list.update();
    grid.show();
  }
  if (entries === 0) choose();
  tellFound();
};

const notice = (text) => {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
};

const saveMarks = () => {
  const blob = new Blob([`${JSON.stringify(marks.document(), null, 1)}\n`], { type: "application/json" });
  const link = make("a", { href: URL.createObjectURL(blob), download: "marks.json" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

const openMarks = async (event) => {
  const [file] = event.target.files;
  try {
    if (file) notice(`Took in the marks of ${counted(marks.take(JSON.parse(await file.text())), "picture")}.`);
  } catch (error) {
    notice(`${file.name}: ${error.message}`);
  }
  event.target.value = "";
};

marks.changed = () => {
  const count = marks.names.size;
  byId("save-marks").textContent = count ? `Save marks (${number(count)})` : "Save marks";
  byId("save-marks").disabled = !count;
  if (marks.full) notice("This browser keeps no more marks. Save them now.");
  else if (storage.denied && count) notice("This browser keeps no marks of this page. Save them before you close it.");
  grid.refresh();
};

const THEMES = ["auto", "light", "dark"];
const setTheme = (theme) => {
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
  storage.setItem("locpipe:theme", theme);
};

const follow = () => {
  const found = location.hash.match(/^#picture-(\d+)$/);
  const entry = found && list.entries[Number(found[1])];
  if (entry) viewer.open(entry);
  else viewer.close();
};

const KEYS = [
  ["/", "search"],
  ["arrows", "move among the pictures"],
  ["[ ]", "previous and next page, or picture"],
  ["Enter", "open a picture"],
  ["← →", "previous and next picture"],
  ["↑ ↓", "previous and next box"],
  ["R W U", "the box is right, wrong, unmarked"],
  ["A", "all boxes without a mark are right"],
  ["M", "add a missed place: click, or Enter for the middle of the view"],
  ...Object.values(LAYERS).map(([label, key]) => [key.toUpperCase(), `show or hide: ${label.toLowerCase()}`]),
  ["+ − 0", "zoom in, zoom out, fit"],
  ["Esc", "close"],
];

/** What keys do while a picture is open. */
const viewerKeys = {
  ArrowLeft: () => viewer.go(-1),
  ArrowRight: () => viewer.go(1),
  "[": () => viewer.go(-1),
  "]": () => viewer.go(1),
  ArrowUp: () => viewer.step(-1),
  ArrowDown: () => viewer.step(1),
  r: () => viewer.markAndGo("right"),
  w: () => viewer.markAndGo("wrong"),
  u: () => viewer.markAndGo(""),
  a: () => viewer.allRight(),
  m: () => viewer.startAdding(!viewer.adding),
  "+": () => sheet.zoom(1.5),
  "=": () => sheet.zoom(1.5),
  "-": () => sheet.zoom(1 / 1.5),
  0: () => sheet.fit(),
  ...Object.fromEntries(Object.entries(LAYERS).map(([name, [, key]]) => [key, () => viewer.details?.[LAYERS[name][3]] && viewer.toggle(name)])),
};

const onKey = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
  const typing = event.target.matches("input:not([type=checkbox]):not([type=range]), select, textarea");
  const sliding = event.target.matches("input[type=range]") && event.key.startsWith("Arrow");
  if (typing || sliding) return;
  const action = byId("viewer").open ? viewerKeys[event.key] ?? viewerKeys[event.key.toLowerCase()] : pageKeys[event.key];
  if (event.key === "?") byId("keys").showModal();
  else if (action?.() === false || !action) return;
  event.preventDefault();
};

const pageKeys = {
  "/": () => byId("search").focus(),
  "[": () => byId("pager").querySelector("button:first-child:enabled")?.click(),
  "]": () => byId("pager").querySelector("button:last-child:enabled")?.click(),
  ...Object.fromEntries(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].map((key) => [key, () => grid.move(key)])),
};

const connectTools = () => {
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  const searched = calmly(choose);
  byId("search").addEventListener("input", (event) => {
    choice.words = event.target.value;
    readTexts();
    searched();
  });
  for (const [id, key] of [["folder", "folder"], ["show", "show"], ["sort", "sort"]]) {
    byId(id).addEventListener("change", (event) => {
      choice[key] = event.target.value;
      choose();
    });
  }
  byId("at-least").addEventListener("input", (event) => {
    choice.atLeast = Math.max(0, Math.floor(Number(event.target.value)) || 0);
    searched();
  });
  for (const id of ["threshold", "viewer-threshold"]) {
    byId(id).addEventListener("input", (event) => setThreshold(Number(event.target.value)));
  }
  byId("save-marks").addEventListener("click", saveMarks);
  byId("open-marks").addEventListener("change", openMarks);
  byId("show-keys").addEventListener("click", () => byId("keys").showModal());
  byId("theme").addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % 3]));
  byId("key-list").replaceChildren(...KEYS.map(([key, does]) => make("div", {}, make("dt", {}, make("kbd", {}, key)), make("dd", {}, does))));
};

const connectViewer = () => {
  const dialog = byId("viewer");
  dialog.addEventListener("close", () => {
    const { entry } = viewer;
    Object.assign(viewer, { entry: null, details: null });
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
    grid.cards.get(entry?.index)?.focus();
  });
  byId("close").addEventListener("click", viewer.close);
  byId("previous").addEventListener("click", () => viewer.go(-1));
  byId("next").addEventListener("click", () => viewer.go(1));
  byId("smaller").addEventListener("click", () => sheet.zoom(1 / 1.5));
  byId("larger").addEventListener("click", () => sheet.zoom(1.5));
  byId("fit").addEventListener("click", () => sheet.fit());
  byId("all-right").addEventListener("click", viewer.allRight);
  byId("add-missed").addEventListener("click", () => viewer.startAdding(!viewer.adding));
  const stage = byId("stage");
  stage.addEventListener("click", (event) => viewer.adding && viewer.addMissed(sheet.pointAt(event.clientX, event.clientY)));
  stage.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !viewer.adding) return;
    const { left, top, width, height } = stage.getBoundingClientRect();
    viewer.addMissed(sheet.pointAt(left + width / 2, top + height / 2));
  });
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    sheet.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2);
  }, { passive: false });
  addEventListener("resize", calmly(() => viewer.details && sheet.fits && sheet.fit()));
  addEventListener("hashchange", follow);
};

setTheme(THEMES.includes(storage.getItem("locpipe:theme")) ? storage.getItem("locpipe:theme") : "auto");
marks.open(summary.id);
fillTools();
showSummary();
connectTools();
connectViewer();
addEventListener("keydown", onKey);
marks.changed();
setThreshold(0);
loadList().then(follow, (error) => notice(error.message));
