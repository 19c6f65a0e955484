// What a visitor found is kept in the browser, as "level:bug" words; another bug starts at the top of the page.
const KEY = "bug-zoo", WORD = /^[123]:\d{1,2}$/, seen = new WeakMap();

function kept() {
  try { return localStorage.getItem(KEY) || ""; } catch { return ""; }  // a browser may forbid it
}

export default function ({ parentElement, data, setStateValue }) {
  const all = [...new Set(`${data.found} ${kept()}`.split(" ").filter((word) => WORD.test(word)))].sort().join(" ");
  try { localStorage.setItem(KEY, all); } catch { /* then they are kept for the visit */ }
  if (!seen.has(parentElement) && all !== data.found) setStateValue("found", all);  // once: the server keeps them from then on
  const before = seen.get(parentElement) ?? data.first;  // this code may load after another bug was drawn
  if (before !== data.bug) document.querySelector("[data-testid='stMain']")?.scrollTo(0, 0);
  seen.set(parentElement, data.bug);
}
