"use strict";
// Language, theme and sortable tables of every page. Other scripts listen to "languagechange" on document.
const page = {
  get zh() { return document.documentElement.lang !== "en"; },
  // A pair of texts in the language that shows; {0}, {1} are filled in.
  say(pair, ...values) { return pair[this.zh ? 1 : 0].replace(/\{(\d)\}/g, (_, i) => values[i]); },
  data(id) { return JSON.parse(document.getElementById(id).textContent); },
  // An element with properties and children; strings become text, never markup.
  make(tag, properties = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (value === undefined || value === null || value === false) continue;
      if (name in node && name !== "list") node[name] = value; else node.setAttribute(name, value);
    }
    node.append(...children.filter(c => c !== null && c !== undefined));
    return node;
  },
  // Storage is forbidden to files in some browsers; the page then forgets the choice and works all the same.
  remember(key, value) { try { localStorage.setItem(`qianyue-${key}`, value); } catch (fault) { if (!(fault instanceof DOMException)) throw fault; } },
  recall(key) { try { return localStorage.getItem(`qianyue-${key}`); } catch (fault) { if (!(fault instanceof DOMException)) throw fault; return null; } },
};
(() => {
  const root = document.documentElement, lang = document.getElementById("lang"), theme = document.getElementById("theme");
  const NAMES = ["aria-label", "placeholder", "label", "title"];
  function speak(to) {
    root.lang = to; lang.value = to;
    const side = page.zh ? "zh" : "en";
    for (const name of NAMES) for (const node of document.querySelectorAll(`[data-${name}-${side}]`)) node.setAttribute(name, node.getAttribute(`data-${name}-${side}`));
    document.dispatchEvent(new Event("languagechange"));
  }
  function paint(to) { theme.value = to; if (to === "auto") delete root.dataset.theme; else root.dataset.theme = to; }
  lang.addEventListener("change", () => { speak(lang.value); page.remember("lang", lang.value); });
  theme.addEventListener("change", () => { paint(theme.value); page.remember("theme", theme.value); });
  for (const table of document.querySelectorAll("table.sortable")) sortable(table);
  document.getElementById("switches").hidden = false;
  paint(["light", "dark"].find(t => t === page.recall("theme")) || "auto");
  const known = [...lang.options].map(o => o.value);
  document.addEventListener("DOMContentLoaded", () => speak(known.find(l => l === page.recall("lang")) || root.lang));

  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (!head.textContent.trim()) return;
      const button = page.make("button", { type: "button", className: "sort" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.ariaSort !== "descending", body = table.tBodies[0];
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = row => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
        const rows = [...body.rows].map(row => [key(row), row]), numbers = rows.every(([k]) => k === "" || !Number.isNaN(Number(k)));
        const order = ([a], [b]) => a === "" || b === "" ? (a === "") - (b === "") : (numbers ? a - b : a.localeCompare(b, "zh-CN")) * (down ? -1 : 1);
        body.append(...rows.sort(order).map(([, row]) => row));
      });
    });
  }
})();
