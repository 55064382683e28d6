"use strict";
// Filters, the list of errors, the list of articles. Articles are drawn when they are opened.
(() => {
  const data = readers.data = page.data("page-data"), by = id => document.getElementById(id);
  const fields = Object.fromEntries(["q", "kind", "name", "cause", "slice", "article", "lines"].map(id => [id, by(id)]));
  const say = (key, ...values) => page.say(data.words[key], ...values), fold = s => s.normalize("NFKC").toLowerCase();
  const names = [...data.labels, ...data.types], STEP = 40, cards = new Map();
  let shownErrors = STEP;

  // Every error of every article: kind, name, cause, where it stands, what it says.
  const errors = data.articles.flatMap(a => [
    ...(a.j ?? []).map(j => ({ a, part: "span", kind: j[0], names: [...new Set([j[1], j[4]].filter(n => n >= 0))], cause: j[7], start: j[1] >= 0 ? j[2] : j[5], end: j[1] >= 0 ? j[3] : j[6], j })),
    ...(a.r ?? []).filter(r => r[0]).map(r => ({ a, part: "relation", kind: r[0], names: [r[1]], cause: r[6], start: r[2], end: r[3], r })),
    ...(a.v ?? []).map((event, number) => ({ a, part: "event", event, number, names: [], cause: event.cause, start: 0, end: 0 })).filter(e => e.event.state !== "right"),
  ]);
  for (const a of data.articles) a.errors = errors.filter(e => e.a === a);
  const searched = a => a.folded ??= fold([a.id, a.title ?? "", a.publisher ?? "", a.t ?? ""].join("\n"));

  function option(select, value, text) { select.append(page.make("option", { value, textContent: text })); }
  function options() {
    for (const id of ["name", "cause", "slice", "article"]) { const kept = fields[id].value; fields[id].replaceChildren(fields[id].options[0]); fill(id); fields[id].value = kept; }
    by("cause-field").hidden = !data.causes.length; by("slice-field").hidden = !data.slices.length;
  }
  function fill(id) {
    if (id === "name") names.forEach((n, i) => option(fields.name, i, n));
    if (id === "cause") data.causes.forEach((c, i) => option(fields.cause, i, page.say(c)));
    if (id === "slice") data.slices.forEach(([d, v], i) => option(fields.slice, i, `${page.say(d)}: ${page.say(v)}`));
    if (id === "article") data.articles.forEach((a, i) => option(fields.article, i, `${a.title || a.id}`));
  }

  const fitsKind = (e, k) => !k || k === "*" || (k === "event" ? e.part === "event" : e.part !== "event" && data.kinds[e.kind] === k);
  const inArticle = a => (!fields.article.value || data.articles[+fields.article.value] === a) && (!fields.slice.value || (a.slices ?? []).includes(+fields.slice.value)) && (!fields.q.value.trim() || searched(a).includes(fold(fields.q.value.trim())));
  const fitsError = e => fitsKind(e, fields.kind.value) && (!fields.name.value || e.names.includes(+fields.name.value)) && (!fields.cause.value || e.cause === +fields.cause.value);
  const narrowed = () => fields.kind.value || fields.cause.value;

  function apply() {
    const articles = data.articles.filter(inArticle), kept = articles.flatMap(a => a.errors.filter(fitsError));
    const holding = new Set(kept.map(e => e.a));
    let shown = 0;
    for (const a of data.articles) {
      const hasName = !fields.name.value || (a.m ?? []).some(m => m[2] === +fields.name.value) || (a.r ?? []).some(r => r[1] === +fields.name.value) || holding.has(a);
      const visible = articles.includes(a) && (narrowed() ? holding.has(a) : hasName);
      cards.get(a).hidden = !visible; shown += visible;
      dim(a);
    }
    list(kept);
    by("shown").textContent = say("shown", shown, data.articles.length, kept.length);
  }
  function dim(a) {
    const k = fields.kind.value, n = fields.name.value, isLabel = n && +n < data.labels.length;
    for (const m of cards.get(a).querySelectorAll("mark")) m.classList.toggle("off", Boolean((k && k !== "event" && (k === "*" ? m.classList.contains("correct") : !m.classList.contains(k))) || (isLabel && !m.dataset.labels.split(" ").includes(n))));
  }

  // The list of errors, each in its context.
  function list(kept) {
    by("errors").replaceChildren(...kept.slice(0, shownErrors).map(row));
    by("more").hidden = kept.length <= shownErrors;
    by("more").textContent = say("more", Math.min(STEP, kept.length - shownErrors));
    if (!kept.length) by("errors").append(page.make("li", { className: "quiet" }, say("nothing")));
  }
  function row(e) {
    const kind = e.part === "event" ? e.event.state : data.kinds[e.kind], sign = e.part === "event" ? { differs: "≠", missed: "−", spurious: "+" }[kind] : SIGNS[e.kind];
    const badge = page.make("span", {}, page.make("span", { className: `badge ${kind}` }, `${sign} ${readers.named(kind)}`), " ", page.make("span", { className: "small" }, e.part === "event" ? say("event", e.number + 1) : e.names.map(n => names[n]).join(" / ")));
    const open = page.make("a", { href: `#a-${encodeURIComponent(e.a.id)}~${e.part === "event" ? `e${e.number}` : e.start}` }, say("in_text"));
    const task = e.a.task ? page.make("a", { href: e.a.task }, say("task")) : null;
    return page.make("li", {}, badge, page.make("span", { className: "context" }, ...context(e), e.cause >= 0 ? page.make("span", { className: "quiet small why" }, ` ${say("cause", page.say(data.causes[e.cause]))}`) : null),
      page.make("span", { className: "small" }, page.make("span", { className: "quiet", lang: "zh" }, `${e.a.title || e.a.id} `), open, task ? " · " : null, task));
  }
  function context(e) {
    const around = 18, text = (s, t) => readers.slice(e.a, Math.max(0, s), t).replace(/\s+/g, " ");
    if (e.part === "event") return [page.make("span", { lang: "zh" }, e.event.rows.filter(r => r[3]).map(([f, g, p]) => `${readers.named(f)}: ${g} → ${p}`).join("; "))];
    if (e.part === "relation") {
      // In one sentence where the ends stand near each other, else end by end.
      const [, , hs, he, ts, te] = e.r, name = page.make("b", { className: "small" }, names[e.r[1]]), [[as, ae], [bs, be]] = hs < ts ? [[hs, he], [ts, te]] : [[ts, te], [hs, he]];
      const end = (s, t) => page.make("u", {}, text(s, t)), zh = (...parts) => page.make("span", { lang: "zh" }, ...parts);
      if (be - as > 70 || bs < ae) return [zh(`…${text(hs - 8, hs)}`, end(hs, he), `${text(he, he + 8)}…`), " ", name, " ", zh(`…${text(ts - 8, ts)}`, end(ts, te), `${text(te, te + 8)}…`)];
      return [zh(`…${text(as - 10, as)}`, end(as, ae), text(ae, bs), end(bs, be), `${text(be, be + 10)}…`)];
    }
    const mark = e.a.m.find(m => typeof m[0] !== "number" && m[2].includes(e.a.j.indexOf(e.j))), [start, end] = [mark[0][0], mark[0].at(-1)], drawn = readers.mark(e.a, mark);
    drawn.removeAttribute("tabindex");
    return [page.make("span", { lang: "zh" }, `…${text(start - around, start)}`, drawn, `${text(end, end + around)}…`)];
  }

  // The list of articles.
  function card(a) {
    const count = a.errors.length, node = page.make("details", { className: "article", id: `a-${a.id}` });
    node.append(page.make("summary", {}, page.make("span", { className: "summary-title", lang: "zh" }, a.title || say("empty")),
      page.make("span", { className: "quiet small" }, [a.id, a.seen && say("seen"), count ? say("errors", count) : say("no_errors")].filter(Boolean).join(" · "))));
    node.addEventListener("toggle", () => { if (node.open) draw(a); openAll(); });
    return node;
  }
  function draw(a) {
    const node = cards.get(a);
    if (node.querySelector(".body")) { lines(a); return; }
    node.append(readers.body(a));
    const box = node.querySelector(".text");
    const wire = (target, on) => { for (const [name, show] of [["mouseenter", true], ["focus", true], ["mouseleave", false], ["blur", false], ["click", true]]) target.addEventListener(name, () => on(show)); };
    for (const event of node.querySelectorAll(".event")) wire(event, show => { for (const m of box.querySelectorAll("mark")) m.classList.toggle("evidence", show && m.dataset.events.includes(` ${event.dataset.event} `)); });
    for (const button of node.querySelectorAll("button[data-relation]")) wire(button, show => { const r = a.r[+button.dataset.relation]; lines(a, show ? [r] : null); for (const m of box.querySelectorAll("mark")) m.classList.toggle("evidence", show && [r[2], r[4]].some(s => +m.dataset.start <= s && s < +m.dataset.end)); });
    for (const m of box.querySelectorAll("mark")) wire(m, show => lines(a, show ? (a.r ?? []).filter(r => [r[2], r[4]].some(s => +m.dataset.start <= s && s < +m.dataset.end)) : null));
    lines(a); dim(a);
  }
  // The relations of what is pointed at, or those that the control asks for.
  function lines(a, pointed = null) {
    const box = cards.get(a).querySelector(".text"), mode = fields.lines.value;
    if (box) drawLines(box, a, pointed ?? (a.r ?? []).filter(r => mode === "all" || (mode === "wrong" && r[0])));
  }
  const opened = () => data.articles.filter(a => cards.get(a).open && !cards.get(a).hidden);
  const closed = () => [...cards.values()].some(c => !c.hidden && !c.open);
  function openAll() { by("all").textContent = say(closed() ? "open_all" : "close_all"); }
  function goTo() {
    if (!location.hash.startsWith("#a-")) return;
    const [id, place] = location.hash.slice(3).split("~"), a = data.articles.find(x => x.id === decodeURIComponent(id));
    if (!a) return;
    const node = cards.get(a);
    node.hidden = false; node.open = true; draw(a);
    const target = !place ? node : place.startsWith("e") ? node.querySelector(`.event[data-event="${place.slice(1)}"]`) : [...node.querySelectorAll("mark")].find(m => +m.dataset.start <= +place && +place < +m.dataset.end);
    (target ?? node).scrollIntoView({ block: target && place ? "center" : "start" });
    (place ? target : node.querySelector("summary"))?.focus({ preventScroll: true });
  }
  function build() {
    const open = new Set(opened());
    for (const a of data.articles) { cards.set(a, card(a)); }
    by("cards").replaceChildren(...cards.values());
    for (const a of open) { cards.get(a).open = true; draw(a); }
    options(); apply(); openAll();
  }

  for (const a of data.articles) cards.set(a, card(a));
  document.addEventListener("languagechange", build);
  for (const [id, field] of Object.entries(fields)) field.addEventListener("input", () => { shownErrors = STEP; if (id === "lines") for (const a of opened()) lines(a); else apply(); openAll(); });
  by("filters").addEventListener("submit", e => e.preventDefault());
  by("filters").addEventListener("reset", () => setTimeout(() => { shownErrors = STEP; apply(); for (const a of opened()) lines(a); }));
  by("more").addEventListener("click", () => { shownErrors += STEP; apply(); });
  by("all").addEventListener("click", () => { const open = closed(); for (const c of cards.values()) if (!c.hidden) c.open = open; });
  for (const link of document.querySelectorAll("a[data-slice]")) link.addEventListener("click", () => { fields.slice.value = link.dataset.slice; apply(); });
  addEventListener("hashchange", goTo);
  addEventListener("resize", () => { for (const a of opened()) lines(a); });
  by("filters").hidden = false; by("all").hidden = false;
  document.addEventListener("DOMContentLoaded", goTo);
})();
