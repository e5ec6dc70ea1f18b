/* The data of the report. They lie in scripts, since a page from file:// may load nothing else; each
   script calls locpipe.add. */
"use strict";

const locpipe = { parts: new Map(), waiting: new Map() };

/** Takes in a part: "summary", "list-0", "text-0", "details-0", .... */
locpipe.add = (name, value) => {
  locpipe.parts.set(name, value);
};

/** Promises a part, and fetches it if it is not there. */
locpipe.load = (name) => {
  if (locpipe.parts.has(name)) return Promise.resolve(locpipe.parts.get(name));
  if (!locpipe.waiting.has(name)) {
    const loaded = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `data/${name}.js`;
      script.onload = () => {
        script.remove();
        locpipe.waiting.delete(name);
        resolve(locpipe.parts.get(name));
      };
      script.onerror = () => {
        script.remove();
        locpipe.waiting.delete(name);
        reject(new Error(`data/${name}.js is missing: make the report again`));
      };
      document.head.append(script);
    });
    locpipe.waiting.set(name, loaded);
  }
  return locpipe.waiting.get(name);
};

/** Promises the details of an entry; of the parts that were read, the last few dozen are kept. */
locpipe.details = async (entry) => {
  const { detailed } = locpipe.parts.get("summary");
  const name = `details-${Math.floor(entry.index / detailed)}`;
  const part = await locpipe.load(name);
  if (!locpipe.parts.has("thumbs")) {
    locpipe.parts.delete(name);
    locpipe.parts.set(name, part);
    const kept = [...locpipe.parts.keys()].filter((each) => each.startsWith("details-"));
    kept.slice(0, Math.max(0, kept.length - 60)).forEach((each) => locpipe.parts.delete(each));
  }
  return part[entry.index % detailed];
};

/** The URL of the thumbnail of an entry. */
locpipe.thumb = (entry) => {
  const embedded = locpipe.parts.get("thumbs");
  return embedded ? embedded[entry.thumb] : entry.thumb;
};
