/* Elements, made without HTML: what a name or a label says is text, never markup. */
"use strict";

const byId = (id) => document.getElementById(id);

/** Makes an element. Functions become listeners, false and null leave an attribute out. */
const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

/** Makes an element of SVG. */
const draw = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const fill = (element, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
};

const number = (value) => value.toLocaleString("en");
const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** Calls a function once the calls of it have stopped for a moment. */
const calmly = (action, milliseconds = 120) => {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
};

/** The colour of a score: from blue (0.5 or less) to green (1), in steps that look equal. */
const scoreColour = (score) => {
  const share = Math.max(0, Math.min(1, (score - 0.5) * 2));
  return `color-mix(in oklab, #00ff66 ${Math.round(share * 100)}%, #2f7bff)`;
};

/** Storage that a browser may deny to pages from file://; then nothing outlives the page. */
const storage = (() => {
  try {
    localStorage.setItem("locpipe:try", "1");
    localStorage.removeItem("locpipe:try");
    return localStorage;
  } catch {
    const kept = new Map();
    return {
      denied: true,
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
      key: (index) => [...kept.keys()][index],
      get length() {
        return kept.size;
      },
    };
  }
})();
