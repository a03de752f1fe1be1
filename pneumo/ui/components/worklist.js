const lists = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!parentElement.querySelector(".list")) {
    const list = document.createElement("div");
    list.className = "list";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Worklist of radiographs with their probability and verdict");
    const counts = document.createElement("div");
    counts.className = "counts";
    counts.setAttribute("role", "group");
    counts.setAttribute("aria-label", "Show only");
    for (const name of data.filters) {
      const chip = counts.appendChild(document.createElement("button"));
      chip.dataset.filter = name;
      chip.append(`${labelOf(name)} `, document.createElement("b"));
    }
    parentElement.append(counts, list);
  }
  const list = parentElement.querySelector(".list");
  const state = lists.get(list) ?? {};
  lists.set(list, state);
  state.threshold = data.threshold;
  list.hidden = !data.shown.length;  // a list box must hold something

  const byKey = new Map(data.rows.map((row) => [row.key, row]));
  const shown = data.shown.map((key) => byKey.get(key));
  while (list.children.length > shown.length) list.lastChild.remove();
  shown.forEach((row, place) => fill(list.children[place] ?? list.appendChild(make()), row));
  draw(state.threshold);
  const moved = new ResizeObserver(fit);
  const column = list.getRootNode().host?.closest("[data-testid=stColumn]");
  for (const element of [parentElement.querySelector(".counts"), ...(column?.querySelectorAll(
    ".st-key-intake, .st-key-steps-bar, .st-key-worklist-controls") ?? [])]) moved.observe(element);
  window.addEventListener("resize", fit);
  fit();
  if (state.here !== data.here) {
    state.here = data.here;
    reveal(list.querySelector("[aria-selected=true]"));
  }

  for (const chip of parentElement.querySelectorAll(".counts button")) {
    chip.setAttribute("aria-pressed", chip.dataset.filter === data.filter);
    chip.onclick = () => say("filter", chip.dataset.filter);
  }
  list.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const to = data.shown.indexOf(data.here) + step;
    if (data.shown[to]) open(data.shown[to]);
  };
  const follow = (event) => draw(event.detail);
  window.addEventListener(THRESHOLD_MOVED, follow);
  return () => {
    moved.disconnect();
    window.removeEventListener("resize", fit);
    window.removeEventListener(THRESHOLD_MOVED, follow);
  };

  // As high as the window leaves it above the pinned bar; in one column style.css decides. Where
  // pictures follow it is two rows and a half.
  function fit() {
    list.style.maxHeight = data.pictures ? "160px" : "";
    if (data.pictures || window.innerWidth <= 1100 || window.innerHeight <= 560) return;
    const scrolled = document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0;
    const bar = document.querySelector("[data-testid=stBottom]")?.offsetHeight ?? 0;
    const room = window.innerHeight - list.getBoundingClientRect().top - scrolled - bar - 8;
    const height = `${Math.max(160, Math.round(room))}px`;
    list.style.maxHeight = height;
    if (state.height !== height) reveal(list.querySelector("[aria-selected=true]"));
    state.height = height;
  }

  function fill(button, row) {
    const image = button.querySelector("img");
    image.style.visibility = row.thumbnail ? "visible" : "hidden";
    if (row.thumbnail && image.getAttribute("src") !== row.thumbnail) image.src = row.thumbnail;
    button.querySelector(".p").textContent = row.p === null ? "" : `P ${row.p.toFixed(3)}`;
    button.querySelector(".marks").textContent = row.marks;
    button.querySelector(".name bdi").textContent = row.name;
    button.querySelector(".reason").textContent = row.reason;
    button.title = row.reason ? `${row.name}: ${row.reason}`
      : `${row.name}. Stability: ${row.stability}. ${row.remarks}`;
    button.setAttribute("aria-selected", row.key === data.here);
    button.tabIndex = row.key === data.here ? 0 : -1;
    button.onclick = () => open(row.key);
  }

  function reveal(row) {  // by the list's own scroll: the page stays where it is
    if (!row) return;
    const top = row.offsetTop - list.offsetTop, bottom = top + row.offsetHeight;
    if (top < list.scrollTop) list.scrollTop = top;
    if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
  }

  function open(key) {
    if (key !== data.here) say("open", key);
  }

  // As a state, which every later message repeats: a trigger is lost, once in a dozen times, when
  // another press follows before Python has answered. The time makes each one new.
  function say(name, value) {
    setStateValue(name, { value, at: Date.now() });
  }

  function draw(threshold) {  // the answers alone: all that a move of the threshold changes
    count(threshold);
    shown.forEach((row, place) => {
      const answer = answerOf(row, threshold);
      const button = list.children[place];
      const chip = button.querySelector(".chip");
      const text = `${SHAPES[answer] ?? "■"} ${labelOf(answer)}`;
      if (chip.textContent !== text) chip.textContent = text;
      button.dataset.tone = toneOf(answer);
    });
  }

  function count(threshold) {
    const counts = { All: data.rows.length };
    const add = (name) => { counts[name] = (counts[name] ?? 0) + 1; };
    for (const row of data.rows) {
      add(answerOf(row, threshold));
      if (row.warned) add("With warnings");
      if (row.p !== null && Math.abs(row.p - threshold) < data.close) add("Close calls");
    }
    for (const chip of parentElement.querySelectorAll(".counts button")) {
      const name = chip.dataset.filter, text = String(counts[name] ?? 0);
      const digits = chip.lastElementChild;
      if (digits.textContent !== text) digits.textContent = text;
      chip.hidden = text === "0" && ![data.filter, "PNEUMONIA", "NORMAL"].includes(name);
    }
  }
}

function labelOf(name) {
  return name === "ERROR" ? "Unreadable" : name;
}

function make() {
  const button = document.createElement("button");
  button.setAttribute("role", "option");
  const image = document.createElement("img");
  image.alt = "";
  const words = document.createElement("span");
  words.className = "words";
  for (const name of ["chip", "p", "marks", "name", "reason"]) {
    const part = document.createElement("span");
    part.className = name;
    // Cut at its beginning, which many have in common, and read from the left all the same.
    if (name === "name") part.append(document.createElement("bdi"));
    words.append(part);
  }
  button.append(image, words);
  return button;
}
