"use strict";
// Draws one article: its text with marks, lines between related mentions, events and relations beside it.
// Texts are arrays of code points, because offsets count code points and JavaScript counts UTF-16 units.
const KIND = { correct: 0, boundary: 1, label: 2, missed: 3, spurious: 4 };
const SIGNS = ["✓", "≠", "→", "−", "+"];
const readers = {
  data: null,
  named(name, otherwise = name) { const pair = this.data.names[name]; return pair ? page.say(pair) : otherwise; },
  letter(label) { return this.data.letters[this.data.labels[label]]; },
  points(article) { return article.points ??= Array.from(article.t ?? ""); },
  slice(article, start, end) { return this.points(article).slice(start, end).join(""); },
  // What a mark says on it and in its title.
  tag(article, mark) {
    if (mark.length === 4 && typeof mark[0] === "number") return this.letter(mark[2]);
    const wrong = mark[2].map(i => article.j[i]), worst = Math.max(...wrong.map(j => j[0]));
    const left = [...new Set(wrong.filter(j => j[1] >= 0).map(j => this.letter(j[1])))].join("·");
    const right = [...new Set(wrong.filter(j => j[4] >= 0).map(j => this.letter(j[4])))].join("·");
    return ["", `≠${left}`, `${left}→${right}`, `−${left}`, `+${right}`][worst];
  },
  said(article, j) {
    const side = (word, label, start, end) => label < 0 ? "" : `${page.say(this.data.words[word])}: ${this.data.labels[label]} ${this.slice(article, start, end)}`;
    return [side("gold", j[1], j[2], j[3]), side("predicted", j[4], j[5], j[6])].filter(Boolean).join("; ");
  },
  mark(article, m) {
    if (typeof m[0] === "number") {
      const [start, end, label, events] = m;
      return page.make("mark", { className: "correct", title: this.data.labels[label], "data-tag": this.tag(article, m), "data-start": start, "data-end": end, "data-labels": label, "data-events": ` ${events.join(" ")} ` },
        page.make("i", { className: "gp" }, this.slice(article, start, end)));
    }
    const [cuts, sides, errors, events] = m, wrong = errors.map(i => article.j[i]);
    const kind = this.data.kinds[Math.max(...wrong.map(j => j[0]))];
    return page.make("mark", { className: kind, title: `${this.named(kind)}: ${wrong.map(j => this.said(article, j)).join(" | ")}`, tabIndex: 0, "data-tag": this.tag(article, m), "data-start": cuts[0], "data-end": cuts.at(-1),
      "data-labels": [...new Set(wrong.flatMap(j => [j[1], j[4]]).filter(l => l >= 0))].join(" "), "data-events": ` ${events.join(" ")} ` },
      ...sides.map((side, i) => page.make("i", { className: side }, this.slice(article, cuts[i], cuts[i + 1]))));
  },
  text(article) {
    const box = page.make("div", { className: "text", lang: "zh" });
    let reached = 0;
    for (const m of article.m ?? []) {
      const [start, end] = typeof m[0] === "number" ? m : [m[0][0], m[0].at(-1)];
      if (start > reached) box.append(this.slice(article, reached, start));
      box.append(this.mark(article, m));
      reached = end;
    }
    box.append(this.slice(article, reached));
    return box;
  },
  event(article, event, number) {
    const say = (key, ...values) => page.say(this.data.words[key], ...values), sign = { right: "✓", differs: "≠", missed: "−", spurious: "+" }[event.state];
    const value = (field, text) => field === "status" ? this.named(`status_${text}`, text) : text;
    const rows = event.rows.map(([field, gold, found, differs]) => page.make("tr", {}, page.make("th", { scope: "row" }, this.named(field)),
      page.make("td", { lang: "zh", className: differs ? "differs" : "" }, value(field, gold)), page.make("td", { lang: "zh", className: differs ? "differs" : "" }, value(field, found))));
    const head = page.make("tr", {}, page.make("td"), page.make("th", { scope: "col" }, say("gold")), page.make("th", { scope: "col" }, say("predicted")));
    return page.make("div", { className: "wide event", tabIndex: 0, role: "group", "aria-label": say("event", number + 1), "data-event": number },
      page.make("table", { className: "events" }, page.make("caption", {}, `${say("event", number + 1)}: ${sign} ${this.named(event.state)}`),
        page.make("thead", {}, head), page.make("tbody", {}, ...rows)));
  },
  relation(article, r, number) {
    const kind = this.data.kinds[r[0]];
    return page.make("li", {}, page.make("button", { type: "button", className: kind, "data-relation": number },
      `${SIGNS[r[0]]} ${this.named(kind)} · `, page.make("span", { lang: "zh" }, this.slice(article, r[2], r[3])), " ", page.make("b", {}, this.data.types[r[1] - this.data.labels.length]), " ",
      page.make("span", { lang: "zh" }, this.slice(article, r[4], r[5]))));
  },
  // The opened article: everything below its headline.
  body(article) {
    const say = (key, ...values) => page.say(this.data.words[key], ...values), text = this.text(article), events = article.v ?? [], relations = article.r ?? [];
    const facts = [article.published && say("published", article.published), article.publisher, say("spans", this.data.kinds.map((k, i) => `${article.n[i]} ${this.named(k)}`).join(page.zh ? "，" : ", "))].filter(Boolean).join(" · ");
    const wrong = relations.map((r, i) => [r, i]).filter(([r]) => r[0] !== KIND.correct), right = relations.map((r, i) => [r, i]).filter(([r]) => r[0] === KIND.correct);
    const list = rows => page.make("ul", { className: "relations" }, ...rows.map(([r, i]) => this.relation(article, r, i)));
    const beside = events.length ? page.make("div", { className: "beside" }, ...events.map((e, i) => this.event(article, e, i))) : null;
    return page.make("div", { className: "body" }, page.make("p", { className: "quiet small" }, facts, article.task ? " · " : "", article.task ? page.make("a", { href: article.task }, say("task")) : null),
      events.length || relations.length ? page.make("p", { className: "quiet small no-print" }, say("point")) : null,
      page.make("div", { className: events.length ? "with-events" : "" }, text, beside),
      relations.length ? page.make("h4", {}, say("relations")) : null, wrong.length ? list(wrong) : null,
      right.length ? page.make("details", {}, page.make("summary", {}, say("correct_relations", right.length)), list(right)) : null);
  },
};

// Lines between mentions, laid over the text. `chosen` are the relations to draw.
function drawLines(box, article, chosen) {
  box.querySelector("svg.arcs")?.remove();
  if (!chosen.length) return;
  const SVG = "http://www.w3.org/2000/svg", node = (tag, attributes) => { const n = document.createElementNS(SVG, tag); for (const [k, v] of Object.entries(attributes)) n.setAttribute(k, v); return n; };
  const layer = node("svg", { class: "arcs", "aria-hidden": "true" }), frame = box.getBoundingClientRect(), marks = [...box.querySelectorAll("mark")];
  const place = start => {
    const mark = marks.find(m => +m.dataset.start <= start && start < +m.dataset.end);
    if (!mark) return null;
    const r = mark.getClientRects()[0];
    return { x: r.left - frame.left + r.width / 2, y: r.top - frame.top };
  };
  for (const r of chosen) {
    const a = place(r[2]), b = place(r[4]);
    if (!a || !b) continue;
    const lift = Math.min(a.y, b.y) - Math.min(34, 12 + Math.abs(a.x - b.x) / 12), kind = readers.data.kinds[r[0]];
    layer.append(node("path", { class: kind, d: `M${a.x},${a.y} C${a.x},${lift} ${b.x},${lift} ${b.x},${b.y}` }));
    layer.append(node("path", { class: kind, d: `M${b.x - 4},${b.y - 6} L${b.x},${b.y} L${b.x + 4},${b.y - 6}`, style: "stroke-dasharray:none" }));
    if (chosen.length <= 8) { const label = node("text", { x: Math.max(40, Math.min(frame.width - 40, (a.x + b.x) / 2)), y: Math.max(10, (Math.min(a.y, b.y) + 3 * lift) / 4), "text-anchor": "middle" }); label.textContent = readers.data.types[r[1] - readers.data.labels.length]; layer.append(label); }
  }
  box.append(layer);
}
