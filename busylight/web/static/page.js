// Keeps the page as new as the light. Everything on it works without this, by loading it again.
"use strict";

const SILENCE = 45000; // ms without a word (there is one every 20 s) until the page says so

const here = (id) => document.getElementById(id);

// Times stand in the viewer's own zone.
function showTimes(root) {
  const today = new Date().toDateString();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    const clock = { hour: "2-digit", minute: "2-digit" };
    if (time.dataset.show === "seconds") clock.second = "2-digit";
    if (date.toDateString() !== today) clock.weekday = "short";
    time.textContent = date.toLocaleTimeString([], clock);
    time.title = date.toLocaleString();
  }
}

function showAges() {
  for (const age of document.querySelectorAll("[data-since]")) {
    const minutes = Math.floor((Date.now() - new Date(age.dataset.since)) / 60000);
    const hours = Math.floor(minutes / 60);
    if (minutes < 1) age.textContent = "";
    else if (hours < 1) age.textContent = `(${minutes} min)`;
    else age.textContent = `(${hours} h ${minutes % 60} min)`;
  }
}

function setPeriod() {
  const lamp = document.querySelector(".lamp");
  if (lamp && lamp.dataset.period) lamp.style.setProperty("--period", `${lamp.dataset.period}s`);
}

function show(sections) {
  for (const [name, html] of Object.entries(sections)) {
    const part = here(`part-${name}`);
    if (!part) continue;
    const focused = part.contains(document.activeElement);
    const open = part.querySelector("details")?.open;
    part.innerHTML = html; // our own server's, where all that others wrote is escaped
    if (open) part.querySelector("details").open = true;
    if (focused) (part.querySelector("summary, a") || part).focus();
    showTimes(part);
  }
  if (sections.light) {
    setPeriod();
    const [title, lead] = [document.querySelector(".stage h1"), document.querySelector(".lead")];
    document.title = `${title.textContent} · ${document.querySelector(".brand").textContent}`;
    const heard = `${title.textContent}. ${lead.textContent}`.replace(/\s+/g, " ").trim();
    if (here("heard").textContent !== heard) here("heard").textContent = heard;
  }
  showAges();
}

let lastWord = Date.now();
let isFirst = true;

function connect() {
  const source = new EventSource("/live");
  const word = () => {
    lastWord = Date.now();
    here("lost").hidden = true;
  };
  source.onopen = word;
  source.addEventListener("sections", (event) => {
    word();
    const sections = JSON.parse(event.data);
    if (isFirst) {
      // What is there already need not be said again to a screen reader.
      for (const name of Object.keys(sections)) {
        if (here(`part-${name}`)?.innerHTML.trim() === sections[name].trim()) delete sections[name];
      }
      isFirst = false;
    }
    show(sections);
  });
  source.addEventListener("people", (event) => {
    word();
    window.board?.take(JSON.parse(event.data));
  });
  source.addEventListener("alive", word);
  source.onerror = () => {
    here("lost").hidden = false;
    if (source.readyState === EventSource.CLOSED) {
      source.close();
      setTimeout(again, 3000);
    }
  };
  return source;
}

// An answer that is no stream: perhaps the session has ended.
async function again() {
  try {
    const answer = await fetch("/", { redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") {
      location.assign("/login");
      return;
    }
  } catch {
    // not there yet
  }
  live = connect();
}

async function send(event) {
  const form = event.target;
  if (form.method !== "post" || form.getAttribute("action") === "/logout") return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form));
  if (event.submitter?.name) fields.set(event.submitter.name, event.submitter.value);
  let said;
  try {
    const answer = await fetch(form.getAttribute("action"), {
      method: "POST",
      body: fields,
      headers: { Accept: "application/json" },
    });
    said = (await answer.json()).said;
    if (answer.ok && form.elements.other) form.elements.other.value = "";
  } catch {
    said = "The light cannot be reached; nothing was changed.";
  }
  here("said").textContent = "";
  requestAnimationFrame(() => {
    here("said").textContent = said;
  });
}

// WCAG 2.2.2: whatever moves can be made to hold still.
function holdStill() {
  const button = here("still");
  const set = (still) => {
    document.documentElement.classList.toggle("still", still);
    button.setAttribute("aria-pressed", String(still));
    try {
      localStorage.setItem("still", still ? "1" : "");
    } catch {
      // a browser that keeps nothing
    }
  };
  let kept = "";
  try {
    kept = localStorage.getItem("still");
  } catch {
    // the same
  }
  set(Boolean(kept));
  button.hidden = matchMedia("(prefers-reduced-motion: reduce)").matches;
  button.addEventListener("click", () => set(button.getAttribute("aria-pressed") !== "true"));
}

showTimes(document);
showAges();
setPeriod();
holdStill();
document.addEventListener("submit", send);
if (location.search.includes("done=")) history.replaceState(null, "", "/");
let live = connect();
setInterval(() => {
  showAges();
  if (Date.now() - lastWord > SILENCE) {
    here("lost").hidden = false;
    live.close();
    lastWord = Date.now();
    live = connect();
  }
}, 10000);
