"use strict";
// The table of anomalies: filter, sort, open. Text enters the page as text, never as HTML.
(() => {
  const by = (id) => document.getElementById(id);
  const table = by("groups");
  if (!table) return;
  const { groups, texts, keys, first, last, threshold, tau, most } = JSON.parse(by("data").textContent);
  const body = table.tBodies[0], mould = body.rows[0].cloneNode(true); // there is one: nothing flagged, no table
  const FIRST = 25, STEP = 100; // rows that are shown, and what is added at a time
  const number = (n) => n.toLocaleString("en");
  const lines = (i) => (first[i] === last[i] ? number(first[i]) : `${number(first[i])}–${number(last[i])}`);
  const state = { words: [], route: "", least: 0, sort: "score", up: false, shown: FIRST };
  let found = [];

  function el(name, css, ...inside) {
    const node = document.createElement(name);
    if (css) node.className = css;
    node.append(...inside); // strings become text
    return node;
  }

  // What is searched of a group: made when first needed.
  function hay(group) {
    if (group.hay === undefined) {
      const ids = new Set([group.text, ...group.events, ...group.top.map((t) => t[3])]);
      const own = keys ? keys.slice(group.at, group.at + group.kept) : [];
      group.hay = [...Array.from(ids, (id) => texts[id]), ...own, group.reason || ""].join("\n").toLowerCase();
    }
    return group.hay;
  }

  const place = (i, word) =>
    keys ? keys[i].toLowerCase().includes(word) : /^\d+$/.test(word) && first[i] <= +word && +word <= last[i];

  function matches(group, word) {
    if (hay(group).includes(word)) return true;
    if (keys || !/^\d+$/.test(word)) return false;
    for (let i = group.at; i < group.at + group.kept; i++) if (place(i, word)) return true;
    return false;
  }

  const value = {
    score: (k) => k.score,
    count: (k) => k.count,
    route: (k) => k.route || "",
    text: (k) => texts[k.text].toLowerCase(),
    first: (k) => (k.kept ? first[k.at] : Infinity),
  };

  function search() {
    const of = value[state.sort], way = state.up ? 1 : -1;
    found = groups
      .filter((k) => (!state.route || k.route === state.route) && k.score >= state.least)
      .filter((k) => state.words.every((word) => matches(k, word)))
      .map((k) => [of(k), k])
      .sort(([a], [b]) => (a < b ? -way : a > b ? way : 0))
      .map(([, k]) => k);
    state.shown = FIRST;
    draw();
  }

  function draw() {
    body.replaceChildren(...found.slice(0, state.shown).map(row));
    const sequences = found.reduce((sum, k) => sum + k.count, 0);
    by("status").textContent =
      `${number(found.length)} of ${number(groups.length)} kinds, ${number(sequences)} sequence${sequences === 1 ? "" : "s"}`;
    rest();
    for (const button of table.tHead.querySelectorAll("button")) {
      const own = button.dataset.sort === state.sort;
      button.closest("th").setAttribute("aria-sort", own ? (state.up ? "ascending" : "descending") : "none");
    }
  }

  function rest() {
    const left = found.length - state.shown, more = by("more");
    more.hidden = left <= 0;
    more.textContent = `Show ${number(Math.min(STEP, left))} more (${number(left)} left)`;
  }

  function row(group) {
    const tr = mould.cloneNode(true);
    const set = (css, text) => { const node = tr.querySelector(css); if (node) node.textContent = text; };
    set(".score", group.score.toFixed(3));
    tr.querySelector(".score").style.setProperty("--share", `${100 * group.score}%`);
    set(".times", number(group.count));
    set(".route", group.route || "");
    set(".text", texts[group.text]);
    set(".key-of", keys && group.kept ? keys[group.at] : "");
    set(".lines", group.kept ? `lines ${lines(group.at)}` : "");
    tr.querySelector(".open").addEventListener("click", (event) => toggle(group, tr, event.currentTarget));
    return tr;
  }

  function toggle(group, tr, button) {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) { tr.nextElementSibling.remove(); return; }
    const cell = el("td", "", el("div", "inside", sequence(group), why(group)));
    cell.colSpan = tr.cells.length;
    tr.after(el("tr", "detail", cell));
    const list = cell.querySelector(".events"), heavy = list.querySelector(".by");
    if (heavy) list.scrollTop = heavy.parentNode.offsetTop - list.clientHeight / 2;
  }

  // Its lines; runs of one event are one row, the weight of each is the length of its bar.
  function sequence(group) {
    const weight = new Map(group.top.map(([at, w]) => [at, w]));
    const runs = [];
    group.events.forEach((id, at) => {
      const before = runs.at(-1);
      if (before && before.id === id) { before.n++; before.w += weight.get(at) || 0; }
      else runs.push({ id, at, n: 1, w: weight.get(at) || 0 });
    });
    for (const [at, w, , id] of group.top) if (at >= group.events.length) runs.push({ id, at, n: 1, w });
    const list = el("ol", "events", ...runs.map(({ id, at, n, w }) => {
      const side = el("span", w ? "by" : "again", [n > 1 ? `×${number(n)}` : "", w ? percent(w) : ""].filter(Boolean).join(" · "));
      const item = el("li", "", el("span", "at", String(at + 1)), el("span", "text", texts[id]), side);
      item.style.setProperty("--share", `${Math.min(100 * w, 100)}%`);
      return item;
    }));
    list.tabIndex = 0; // scrolled by keyboard
    list.setAttribute("aria-label", group.top.length ? "Its lines, with the share of the weight" : "Its lines");
    const cut = group.events.length >= most;
    return el("div", "", el("h3", "", cut ? `Its first ${group.events.length} lines` : "Its lines"), list);
  }

  const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

  function why(group) {
    const out = el("div", "");
    out.append(el("h3", "", "Why"));
    out.append(el("p", "", `Score ${group.score.toFixed(3)}, flagged from ${threshold.toFixed(3)} up.`));
    const at = [...new Set(group.top.map((t) => t[2]))].map(number);
    if (at.length) out.append(el("p", "", `What weighed most is at line ${at.join(", ")}${group.count > 1 ? ", where it first occurs" : ""}.`));
    else out.append(el("p", "", "It was judged as a whole: no single line is known to have weighed most."));
    if (group.reason) out.append(el("h3", "", "The expert’s reason"), el("p", "quote text", group.reason));
    if (group.near) {
      const { event, nearest, cosine, source, place: at } = group.near;
      const side = tau === null ? "" : group.route === "general" ? `, at or above tau ${tau.toFixed(3)}` : `, below tau ${tau.toFixed(3)}`;
      out.append(
        el("h3", "", group.route ? `Why ${group.route}` : "Nearest known event"),
        el("p", "", `Its least familiar event (${number(at + 1)}):`),
        el("p", "quote text", texts[event]),
        el("p", "", `Nearest known event, in ${source} (cosine ${cosine.toFixed(3)}${side}):`),
        el("p", "quote text", texts[nearest]),
      );
    }
    out.append(places(group));
    return out;
  }

  // Where it occurs; those that the search names come first.
  function places(group) {
    let all = Array.from({ length: group.kept }, (_, k) => group.at + k);
    const hits = state.words.length ? all.filter((i) => state.words.some((word) => place(i, word))) : [];
    all = Array.from(new Set([...hits, ...all]));
    const list = el("ol", "places"), more = el("button", "");
    list.tabIndex = 0;
    let shown = 0;
    function add(n) {
      for (const i of all.slice(shown, shown + n)) {
        list.append(el("li", "", el("span", "key-of", keys ? keys[i] : ""), el("span", "lines", `lines ${lines(i)}`)));
      }
      shown += n;
      more.hidden = shown >= all.length;
      more.textContent = `${number(all.length - shown)} more`;
    }
    more.type = "button";
    more.addEventListener("click", () => add(10 * STEP));
    add(10);
    const missing = group.count - group.kept;
    const note = missing ? el("p", "", `${number(missing)} more are in verdicts.parquet.`) : "";
    return el("div", "", el("h3", "", `Where (${number(group.count)})`), list, more, note);
  }

  by("more").addEventListener("click", () => {
    body.append(...found.slice(state.shown, state.shown + STEP).map(row));
    state.shown += STEP;
    rest();
  });
  for (const button of table.tHead.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      const { sort } = button.dataset;
      state.up = sort === state.sort ? !state.up : ["text", "route", "first"].includes(sort);
      state.sort = sort;
      search();
    });
  }
  let soon;
  by("query").addEventListener("input", (event) => {
    state.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    clearTimeout(soon);
    soon = setTimeout(search, 120);
  });
  by("least").addEventListener("input", (event) => { state.least = +event.target.value || 0; search(); });
  by("route")?.addEventListener("change", (event) => { state.route = event.target.value; search(); });
  search();
  table.dataset.ready = "";
})();
