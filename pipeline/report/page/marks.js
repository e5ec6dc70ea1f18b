/* Marks of a person: boxes that are right or wrong, places where something was missed. They are kept
   in the browser, a record per picture, and saved as marks.json, which `locpipe evaluate` counts. */
"use strict";

const marks = { prefix: "", names: new Set(), changed: () => {} };

/** Finds what was marked before in this report. */
marks.open = (id) => {
  marks.prefix = `locpipe:${id}:`;
  for (let i = 0; i < storage.length; i += 1) {
    const key = storage.key(i);
    if (key.startsWith(marks.prefix)) marks.names.add(key.slice(marks.prefix.length));
  }
};

marks.has = (name) => marks.names.has(name);

/** The marks of a picture: `boxes` has "right" or "wrong" by the rect of a box, `missed` has points. */
marks.of = (name) => {
  try {
    const { boxes, missed } = JSON.parse(storage.getItem(marks.prefix + name));
    return { boxes: { ...boxes }, missed: [...missed] };
  } catch {
    return { boxes: {}, missed: [] };
  }
};

/** Keeps the marks of a picture; `picture` says which one it is: path, page, sha256. */
marks.keep = (name, picture, { boxes, missed }) => {
  const key = marks.prefix + name;
  if (Object.keys(boxes).length + missed.length === 0) {
    storage.removeItem(key);
    marks.names.delete(name);
  } else {
    try {
      storage.setItem(key, JSON.stringify({ picture, boxes, missed }));
      marks.names.add(name);
    } catch {
      marks.full = true;
    }
  }
  marks.changed();
};

/** All marks as the document that `locpipe evaluate --marks` reads. */
marks.document = () => {
  const pictures = [];
  for (const name of [...marks.names].sort()) {
    const { picture, boxes, missed } = JSON.parse(storage.getItem(marks.prefix + name));
    const marked = Object.entries(boxes).map(([rect, mark]) => ({ rect: rect.split(",").map(Number), mark }));
    pictures.push({ ...picture, boxes: marked, missed });
  }
  return { schema: "locpipe/marks/1", pictures };
};

/** Takes in a document of marks; a picture that it has loses the marks it had. Returns how many. */
marks.take = (document) => {
  if (document?.schema !== "locpipe/marks/1") throw new Error("these are no marks of locpipe");
  for (const { path, page, sha256, boxes, missed } of document.pictures) {
    const marked = Object.fromEntries(boxes.map(({ rect, mark }) => [rect.join(","), mark]));
    const name = page === 1 ? path : `${path}.page-${page}`;
    marks.keep(name, { path, page, sha256 }, { boxes: marked, missed });
  }
  return document.pictures.length;
};
