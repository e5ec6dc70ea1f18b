/* The cards of a page, 200 at most, and the pager. */
"use strict";

const PAGE = 200;
const grid = { cards: new Map(), focus: null };

/** Boxes are drawn on cards that are in view, as their details come. */
const watcher = new IntersectionObserver(
  (seen) => seen.forEach(({ isIntersecting, target }) => isIntersecting && drawBoxes(target)),
  { rootMargin: "300px" },
);

const drawBoxes = async (card) => {
  watcher.unobserve(card);
  const entry = list.entries[Number(card.dataset.index)];
  if (!entry.scores.length) return;
  card.details = await locpipe.details(entry).catch(() => null);
  if (card.details) outline(card);
};

/** Draws the boxes that the threshold leaves, as one path. */
const outline = (card) => {
  const { polygons, scores } = card.details;
  const pieces = polygons
    .filter((_, i) => isKept(scores[i]))
    .map((points) => `M${points.join(" ")}Z`);
  card.querySelectorAll("path").forEach((path) => path.setAttribute("d", pieces.join("")));
};

/** Scores have four digits after the point; a percent may not be what 100 times one gives. */
const isKept = (score) => Math.round(score * 10000) >= choice.percent * 100;

const cardOf = (entry) => {
  const [width, height] = entry.size ?? [4, 3];
  const frame = make("span", { class: "frame" });
  if (entry.thumb) {
    const image = make("img", { src: locpipe.thumb(entry), alt: "", loading: "lazy", decoding: "async" });
    image.addEventListener("error", () => image.replaceWith(make("span", { class: "nothing" }, "thumbnail missing")));
    frame.append(image);
  } else {
    frame.append(make("span", { class: "nothing" }, entry.failure ? "failed" : "picture missing"));
  }
  if (entry.size) {
    const lines = [draw("path", { class: "halo" }), draw("path", { class: "box" })];
    frame.append(draw("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, ...lines));
  }
  const name = entry.name.slice(entry.name.lastIndexOf("/") + 1);
  const note = make("span", { class: "note" });
  const card = make(
    "a",
    { class: entry.failure ? "card failed" : "card", href: `#picture-${entry.index}`, title: entry.name, "data-index": entry.index },
    frame,
    make("span", { class: "name" }, name),
    note,
  );
  return card;
};

/** Says on a card how many boxes there are now, and which marks. */
const noteOn = (card) => {
  const entry = list.entries[Number(card.dataset.index)];
  const note = card.querySelector(".note");
  const count = kept(entry);
  const of = count === entry.scores.length ? "" : ` of ${number(entry.scores.length)}`;
  const best = entry.scores.length ? `, best ${(entry.scores.at(-1) / 100).toFixed(2)}` : "";
  const told = entry.failure ?? `${number(count)}${of} ${count === 1 && !of ? "box" : "boxes"}${best}`;
  note.replaceChildren(told, marks.has(entry.name) ? make("span", { class: "badge" }, "marked") : "");
};

/** Shows the page that is chosen. */
grid.show = () => {
  const pages = Math.max(1, Math.ceil(list.shown.length / PAGE));
  choice.page = Math.max(0, Math.min(choice.page, pages - 1));
  const entries = list.shown.slice(choice.page * PAGE, (choice.page + 1) * PAGE);
  showPager(pages);
  const there = [...grid.cards.keys()];
  if (entries.length === there.length && entries.every((entry, i) => entry.index === there[i])) {
    grid.refresh();
    return;
  }
  watcher.disconnect();
  grid.cards.clear();
  const items = entries.map((entry) => {
    const card = cardOf(entry);
    grid.cards.set(entry.index, card);
    noteOn(card);
    return make("li", {}, card);
  });
  byId("grid").replaceChildren(...items);
  grid.cards.forEach((card) => watcher.observe(card));
};

/** Follows the threshold and the marks, with the cards that are there. */
grid.refresh = () => {
  grid.cards.forEach((card) => {
    noteOn(card);
    if (card.details) outline(card);
  });
};

const showPager = (pages) => {
  const go = (page) => () => {
    choice.page = page;
    grid.show();
    byId("tools").scrollIntoView();
    byId("grid").querySelector("a")?.focus({ preventScroll: true });
  };
  const button = (text, page, label) =>
    make("button", { type: "button", "aria-label": label, disabled: page < 0 || page >= pages, click: go(page) }, text);
  const options = Array.from({ length: Math.min(pages, 2000) }, (_, i) => {
    const page = pages <= 2000 ? i : Math.floor((i * pages) / 2000);
    return make("option", { value: page, selected: page === choice.page }, `Page ${number(page + 1)} of ${number(pages)}`);
  });
  const choose = make("select", { "aria-label": "Page", change: (event) => go(Number(event.target.value))() }, ...options);
  byId("pager").hidden = pages === 1;
  byId("pager").replaceChildren(
    button("← Previous", choice.page - 1, "Previous page"),
    choose,
    button("Next →", choice.page + 1, "Next page"),
  );
};

/** Moves the focus among the cards, as arrows do. */
grid.move = (key) => {
  const cards = [...grid.cards.values()];
  const at = cards.indexOf(document.activeElement);
  if (at < 0) return false;
  const top = cards[0].getBoundingClientRect().top;
  const columns = Math.max(1, cards.filter((card) => Math.abs(card.getBoundingClientRect().top - top) < 2).length);
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  const next = step && cards[at + step];
  if (!next) return false;
  next.focus();
  return true;
};
