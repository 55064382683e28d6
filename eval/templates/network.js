"use strict";
// The network page: institutions and bars are buttons that narrow the list of signings.
(() => {
  const data = page.data("page-data"), by = id => document.getElementById(id), STEP = 100, fold = s => s.normalize("NFKC").toLowerCase();
  const fields = { q: by("q"), kind: by("kind"), status: by("status") }, say = (key, ...values) => page.say(data.words[key], ...values);
  const nodes = [...document.querySelectorAll(".network .node")], edges = [...document.querySelectorAll(".edge")], bins = [...document.querySelectorAll(".bin")];
  let node = null, bin = null, shown = STEP;
  const searched = s => s.folded ??= fold(JSON.stringify([s.parties, s.agreement, s.people, s.sources, s.date, s.evidence]));
  const people = s => (s.people ?? []).map(p => `${p.person}${p.roles.length ? `(${p.roles.join("、")})` : ""}${p.hospital ? ` @ ${p.hospital}` : ""}`).join(";");

  function kept() {
    const words = fold(fields.q.value.trim()), inBin = bin === null ? null : new Set(data.bins[bin]);
    return data.signings.filter((s, i) => (!words || searched(s).includes(words)) && (!fields.kind.value || s.kind === fields.kind.value) && (!fields.status.value || s.status === fields.status.value)
      && (node === null || (s.nodes ?? []).includes(node)) && (!inBin || inBin.has(i)));
  }
  function row(s) {
    const zh = { lang: "zh" }, kind = s.kind ? page.make("span", { className: "quiet" }, `${s.agreement ? " · " : ""}${s.kind}`) : null;
    const said = s.evidence ? page.make("details", { className: "quiet small" }, page.make("summary", {}, say("evidence")), s.evidence) : null;
    return page.make("tr", {}, page.make("td", {}, s.date ?? "–"), page.make("td", zh, s.parties.join("、"), said), page.make("td", zh, s.agreement ?? "", kind, s.agreement || kind ? null : "–"), page.make("td", zh, people(s) || "–"),
      page.make("td", {}, s.status ? page.say(data.statuses[s.status]) : "–"), page.make("td", zh, ...s.sources.map(([article, publisher, published]) => page.make("div", {}, [publisher, published, article].filter(Boolean).join(" · ")))));
  }
  function apply() {
    const list = kept();
    by("signings").tBodies[0].replaceChildren(...list.slice(0, shown).map(row));
    by("more").hidden = list.length <= shown;
    by("more").textContent = say("more", Math.min(STEP, list.length - shown));
    by("shown").textContent = [say("shown", list.length, data.signings.length), node === null ? "" : data.names[node]].filter(Boolean).join(" · ");
    const near = new Set(node === null ? [] : [node]);
    for (const e of edges) { const touches = node !== null && [e.dataset.a, e.dataset.b].includes(String(node)); e.classList.toggle("on", touches); e.classList.toggle("off", node !== null && !touches); if (touches) { near.add(+e.dataset.a); near.add(+e.dataset.b); } }
    nodes.forEach((n, i) => { n.setAttribute("aria-pressed", i === node); n.classList.toggle("off", node !== null && !near.has(i)); });
    for (const b of bins) b.setAttribute("aria-pressed", +b.dataset.bin === bin);
  }
  function press(target, choose) {
    const act = () => { shown = STEP; choose(); apply(); };
    target.addEventListener("click", act);
    target.addEventListener("keydown", e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); act(); } });
  }
  nodes.forEach((n, i) => press(n, () => { node = node === i ? null : i; }));
  for (const b of bins) press(b, () => { bin = bin === +b.dataset.bin ? null : +b.dataset.bin; });
  for (const field of Object.values(fields)) field.addEventListener("input", () => { shown = STEP; apply(); });
  by("filters").addEventListener("submit", e => e.preventDefault());
  by("filters").addEventListener("reset", () => setTimeout(() => { node = bin = null; shown = STEP; apply(); }));
  by("more").addEventListener("click", () => { shown += STEP; apply(); });
  document.addEventListener("languagechange", apply);
  by("filters").hidden = false;
})();
