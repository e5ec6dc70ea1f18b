/* Which pictures there are, which of them are shown, and in which order. No elements here. */
"use strict";

const list = { entries: [], texts: null, shown: [], complete: false };

/** What is chosen. `percent` is the threshold of scores, in whole percent. */
const choice = { words: "", folder: "", show: "all", sort: "name", atLeast: 0, percent: 0, page: 0 };

const SHOWS = {
  all: ["All pictures", () => true],
  boxes: ["With boxes", (entry) => kept(entry) > 0],
  empty: ["Without boxes", (entry) => !entry.failure && kept(entry) === 0],
  failed: ["Failed", (entry) => Boolean(entry.failure)],
  missing: ["Pictures missing", (entry) => Boolean(entry.missing)],
  marked: ["With marks", (entry) => marks.has(entry.name)],
  unmarked: ["Without marks", (entry) => !entry.failure && !marks.has(entry.name)],
};

const SORTS = {
  name: ["Name", null],
  most: ["Most boxes", (entry) => -kept(entry)],
  fewest: ["Fewest boxes", (entry) => kept(entry)],
  best: ["Highest score", (entry) => -(entry.scores.at(-1) ?? -1)],
  worst: ["Lowest score", (entry) => worst(entry)],
  largest: ["Largest picture", (entry) => -(entry.size ? entry.size[0] * entry.size[1] : 0)],
};

/** How many boxes of an entry the threshold leaves; its scores are sorted. */
const kept = (entry) => {
  const { scores } = entry;
  let low = 0;
  let high = scores.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scores[middle] < choice.percent) low = middle + 1;
    else high = middle;
  }
  return scores.length - low;
};

/** The lowest score that the threshold leaves; pictures without come last. */
const worst = (entry) => entry.scores[entry.scores.length - kept(entry)] ?? 101;

const folderOf = (name) => {
  const end = name.lastIndexOf("/");
  return end < 0 ? "." : name.slice(0, end);
};

/** Takes in a part of the list, and says whether there are more. */
list.take = (part) => {
  for (const entry of part) {
    entry.index = list.entries.length;
    list.entries.push(entry);
  }
};

/** Chooses and sorts anew. */
list.update = () => {
  const words = choice.words.toLowerCase().split(/\s+/).filter(Boolean);
  const [, fits] = SHOWS[choice.show] ?? ["", (entry) => entry.failure === choice.show];
  const found = (entry, word) =>
    entry.name.toLowerCase().includes(word) || Boolean(list.texts?.[entry.index]?.includes(word));
  list.shown = list.entries.filter(
    (entry) =>
      fits(entry) &&
      (choice.atLeast === 0 || kept(entry) >= choice.atLeast) &&
      (choice.folder === "" || folderOf(entry.name) === choice.folder) &&
      words.every((word) => found(entry, word)),
  );
  const key = SORTS[choice.sort][1];
  if (key) {
    const keys = new Map(list.shown.map((entry) => [entry, key(entry)]));
    list.shown.sort((one, other) => keys.get(one) - keys.get(other) || one.index - other.index);
  }
};
