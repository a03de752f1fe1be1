const HTML = `
<div class="grid"></div>
<div class="bar">
  <button data-step="1.5" aria-label="Zoom in">+</button>
  <button data-step="0.6667" aria-label="Zoom out">&minus;</button>
  <button data-step="0" aria-label="Whole picture">Fit</button>
  <button data-step="actual" aria-label="Actual size">1:1</button>
  <span>Wheel, double-click or pinch to zoom, drag to move.</span>
</div>
`;
const views = new WeakMap();

export default function ({ data, parentElement }) {
  // Streamlit may call this before or after it has put HTML there: so it is made here, once.
  if (!parentElement.querySelector(".grid")) parentElement.append(makeFrame());
  const grid = parentElement.querySelector(".grid");
  const view = views.get(grid) ?? { scale: 1, x: 0, y: 0 };  // x, y: shares of a frame
  views.set(grid, view);
  grid.style.setProperty("--columns", data.columns);
  grid.style.setProperty("--narrow", data.narrow);
  grid.style.setProperty("--wide", data.wide);
  while (grid.children.length > data.panes.length) grid.lastChild.remove();
  data.panes.forEach((pane, place) => {
    const figure = grid.children[place] ?? grid.appendChild(makeFigure());
    figure.classList.toggle("wide", pane.wide);
    figure.querySelector("figcaption").textContent = pane.title;
    const image = figure.querySelector("img");
    image.alt = pane.alt;
    if (image.getAttribute("src") !== pane.src) image.src = pane.src;
  });
  parentElement.querySelectorAll(".bar button").forEach((button) => {
    button.onclick = () => {
      if (button.dataset.step === "actual") return zoom(actual() / view.scale, 0.5, 0.5);
      return zoom(Number(button.dataset.step) || 1 / view.scale, 0.5, 0.5);
    };
  });
  draw();

  function makeFigure() {
    const figure = document.createElement("figure");
    const frame = document.createElement("div");
    frame.className = "frame";
    frame.tabIndex = 0;
    const image = frame.appendChild(document.createElement("img"));
    image.onload = () => {  // as wide as a picture may be that is no higher than the window
      frame.style.setProperty("--aspect", image.naturalWidth / image.naturalHeight);
    };
    figure.append(document.createElement("figcaption"), frame);
    listen(frame);
    return figure;
  }

  function draw() {
    for (const frame of grid.querySelectorAll(".frame")) {
      frame.classList.toggle("zoomed", view.scale > 1);
      frame.firstChild.style.transform =
        `translate(${view.x * 100}%, ${view.y * 100}%) scale(${view.scale})`;
    }
  }

  function actual() {  // a pixel of the picture to a pixel of the screen
    const image = [...grid.querySelectorAll("img")].find((each) => each.clientWidth);
    return image.naturalWidth / devicePixelRatio / image.parentElement.clientWidth;
  }

  function move(x, y) {
    view.x = Math.min(0, Math.max(1 - view.scale, x));
    view.y = Math.min(0, Math.max(1 - view.scale, y));
    draw();
  }

  function zoom(step, x, y) {  // about a place in shares of the frame, which stays where it is
    const scale = Math.min(12, Math.max(1, view.scale * step));
    const ratio = scale / view.scale;
    view.scale = scale;
    move(x - (x - view.x) * ratio, y - (y - view.y) * ratio);
  }

  function listen(frame) {
    const fingers = new Map();
    const at = (event) => {
      const box = frame.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    frame.addEventListener("dblclick", (event) => zoom(view.scale < 6 ? 2 : 0.01, ...at(event)));
    frame.addEventListener("wheel", (event) => {
      if (event.deltaY > 0 && view.scale <= 1) return;  // nothing to zoom out of: the page scrolls
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 300), ...at(event));
    }, { passive: false });
    frame.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, at(event));
      frame.setPointerCapture(event.pointerId);
    });
    frame.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) return;
      const before = [...fingers.values()];
      fingers.set(event.pointerId, at(event));
      const now = [...fingers.values()];
      if (now.length === 2) zoom(span(now) / span(before), mean(now, 0), mean(now, 1));
      move(view.x + mean(now, 0) - mean(before, 0), view.y + mean(now, 1) - mean(before, 1));
    });
    for (const end of ["pointerup", "pointercancel"])
      frame.addEventListener(end, (event) => fingers.delete(event.pointerId));
    frame.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1],
                      ArrowDown: [0, -0.1] };
      if (event.key === "+" || event.key === "=") zoom(1.5, 0.5, 0.5);
      else if (event.key === "-") zoom(1 / 1.5, 0.5, 0.5);
      else if (event.key === "0") zoom(1 / view.scale, 0.5, 0.5);
      else if (steps[event.key] && view.scale > 1)
        move(view.x + steps[event.key][0], view.y + steps[event.key][1]);
      else return;
      event.preventDefault();
    });
  }
}

function makeFrame() {
  const template = document.createElement("template");
  template.innerHTML = HTML;  // constant: no text of anybody's is in it
  return template.content;
}

function mean(points, axis) {
  return points.reduce((sum, point) => sum + point[axis], 0) / points.length;
}

function span([first, second]) {
  return Math.hypot(first[0] - second[0], first[1] - second[1]) || 1e-3;
}
