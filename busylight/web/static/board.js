// The wall board: everybody, of whom only those are drawn who can be seen.
"use strict";

window.board = (() => {
  const ROW = 48; // px, as in page.css
  const WIDE = 340; // px that one person needs at least
  const SPARE = 6; // rows drawn above and below what is seen
  const view = document.getElementById("board-view");
  const list = document.getElementById("board-list");
  const search = document.getElementById("q");
  const people = new Map();
  let version = 0;
  let loading = false;
  let kept = [];
  let shown = [];
  let columns = 1;
  let dirty = false;

  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  function put([id, name, words, color, level, effect, since]) {
    people.set(id, { id, name, words, color, level, effect, since, text: plain(`${name} ${words}`) });
  }

  async function loadAll() {
    loading = true;
    kept = [];
    try {
      const answer = await fetch("/people", { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      const all = await answer.json();
      people.clear();
      all.people.forEach(put);
      version = all.version;
      loading = false;
      kept.forEach(take);
    } catch {
      setTimeout(loadAll, 3000);
      return;
    }
    filter();
  }

  function take(news) {
    if (loading) kept.push(news);
    else if (news.anew) {
      if (news.version > version || version === 0) loadAll();
    } else if (news.version > version) {
      const count = people.size;
      const before = news.people.map(([id]) => people.get(id)?.text);
      news.people.forEach(put);
      version = news.version;
      // Names seldom change, states do: only then is it worth looking through everybody.
      const moved = news.people.some(([id], i) => people.get(id).text !== before[i]);
      if (people.size !== count || (moved && search.value)) filter();
      else redraw();
    }
  }

  function filter() {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    shown = [...people.values()].filter((each) => words.every((word) => each.text.includes(word)));
    const collator = new Intl.Collator(undefined, { numeric: true });
    shown.sort((a, b) => collator.compare(a.name, b.name));
    document.getElementById("board").hidden = people.size === 0;
    document.body.classList.toggle("many", people.size > 0);
    const count = `${shown.length} ${shown.length === 1 ? "person" : "people"}`;
    document.getElementById("board-count").textContent =
      shown.length === people.size ? count : `${count} of ${people.size}`;
    layOut();
  }

  function layOut() {
    list.classList.add("drawn");
    columns = Math.max(1, Math.floor(view.clientWidth / WIDE));
    list.style.height = `${Math.ceil(shown.length / columns) * ROW}px`;
    redraw();
  }

  function redraw() {
    if (dirty) return;
    dirty = true;
    requestAnimationFrame(() => {
      dirty = false;
      const first = Math.max(0, Math.floor(view.scrollTop / ROW) - SPARE) * columns;
      const rows = Math.ceil(view.clientHeight / ROW) + 2 * SPARE;
      const seen = shown.slice(first, first + rows * columns);
      list.replaceChildren(...seen.map((each, i) => draw(people.get(each.id), first + i)));
    });
  }

  const svg = (name, values) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    return made;
  };

  function draw(person, index) {
    const item = document.createElement("li");
    item.setAttribute("aria-setsize", shown.length);
    item.setAttribute("aria-posinset", index + 1);
    item.style.width = `${100 / columns}%`;
    item.style.transform =
      `translate(${(index % columns) * 100}%, ${Math.floor(index / columns) * ROW}px)`;
    const dot = svg("svg", { class: "dot", viewBox: "0 0 16 16", "aria-hidden": "true" });
    dot.append(svg("circle", { cx: 8, cy: 8, r: 7, class: "hole" }));
    if (person.color) {
      dot.append(svg("circle", { cx: 8, cy: 8, r: 7, fill: person.color, "fill-opacity": person.level }));
    }
    const name = document.createElement("b");
    name.textContent = person.name;
    const words = document.createElement("span");
    words.textContent = person.words;
    item.title = `${person.name}: ${person.words}, since ${new Date(person.since * 1000).toLocaleString()}`;
    item.append(dot, name, " ", words);
    return item;
  }

  view.addEventListener("scroll", redraw, { passive: true });
  search.addEventListener("input", () => {
    view.scrollTop = 0;
    filter();
  });
  search.form.addEventListener("submit", (event) => event.preventDefault());
  new ResizeObserver(() => people.size && layOut()).observe(view);
  return { take };
})();
