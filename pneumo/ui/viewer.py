"""Pictures side by side that are zoomed and moved as one."""

import base64
from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Pane:
    """One picture of the viewer.

    Attributes:
        title: Above the picture, plain text.
        picture: JPEG or PNG.
        alt: What it shows, for those who cannot see it.
    """

    title: str
    picture: bytes
    alt: str


def show_linked(panes: list[Pane], key: str, columns: int = 1) -> None:
    """Shows panes in a grid; a zoom or a drag in one is followed by all.

    Args:
        panes: All of one radiograph, so that the same place is the same place.
        key: Of the element; the zoom is kept as long as it stays the same.
        columns: Most panes in a row; a phone shows one in a row, of four or more two.
    """
    document = {
        "columns": min(columns, len(panes)),
        "narrow": 2 if len(panes) > 3 else 1,
        "panes": [
            {"title": pane.title, "src": data_uri(pane.picture), "alt": pane.alt} for pane in panes
        ],
    }
    _linked_view(data=document, key=key)


def data_uri(picture: bytes) -> str:
    """Returns a JPEG or PNG as an address that holds the picture itself."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64," + base64.b64encode(picture).decode()


_CSS = """
.grid {display: grid; gap: 8px; grid-template-columns: repeat(var(--columns), minmax(0, 1fr))}
figure {margin: 0; min-width: 0}
figcaption {font-size: .82rem; color: #a9b8bf; padding: 0 0 3px; overflow-wrap: anywhere;
  min-height: 1.2em}
figcaption:empty {display: none}
.frame {overflow: hidden; border-radius: 8px; background: #000; cursor: zoom-in;
  touch-action: pan-y; outline-offset: 2px}
.frame.zoomed {cursor: grab; touch-action: none}
.frame:focus-visible {outline: 2px solid #5cc8ba}
img {display: block; width: 100%; transform-origin: 0 0; user-select: none;
  -webkit-user-drag: none}
.bar {display: flex; gap: 6px; align-items: center; padding-top: 6px; font-size: .8rem;
  color: #94a5ad; flex-wrap: wrap}
button {background: #19232a; color: #e6edf0; border: 1px solid #2b3941; border-radius: 8px;
  min-width: 36px; height: 32px; font: inherit; cursor: pointer}
button:hover, button:focus-visible {border-color: #5cc8ba; color: #5cc8ba; outline: none}
@media (max-width: 640px) {.grid {grid-template-columns: repeat(var(--narrow), minmax(0, 1fr))}}
"""

_HTML = """
<div class="grid"></div>
<div class="bar">
  <button data-step="1.5" aria-label="Zoom in">+</button>
  <button data-step="0.6667" aria-label="Zoom out">&minus;</button>
  <button data-step="0" aria-label="Whole picture">1:1</button>
  <span>Double-click or pinch to zoom, drag to move; with Ctrl the wheel zooms too.</span>
</div>
"""

_JS = """
const views = new WeakMap();

export default function ({ data, parentElement }) {
  // Streamlit may call this before or after it has put HTML there: so it is made here, once.
  if (!parentElement.querySelector(".grid")) parentElement.append(makeFrame());
  const grid = parentElement.querySelector(".grid");
  const view = views.get(grid) ?? { scale: 1, x: 0, y: 0 };  // x, y: shares of a frame
  views.set(grid, view);
  grid.style.setProperty("--columns", data.columns);
  grid.style.setProperty("--narrow", data.narrow);
  while (grid.children.length > data.panes.length) grid.lastChild.remove();
  data.panes.forEach((pane, place) => {
    const figure = grid.children[place] ?? grid.appendChild(makeFigure());
    figure.querySelector("figcaption").textContent = pane.title;
    const image = figure.querySelector("img");
    image.alt = pane.alt;
    if (image.getAttribute("src") !== pane.src) image.src = pane.src;
  });
  parentElement.querySelectorAll(".bar button").forEach((button) => {
    button.onclick = () => {
      const step = Number(button.dataset.step);
      step ? zoom(step, 0.5, 0.5) : zoom(1 / view.scale, 0.5, 0.5);
    };
  });
  draw();

  function makeFrame() {
    const template = document.createElement("template");
    template.innerHTML = HTML;  // constant: no text of anybody's is in it
    return template.content;
  }

  function makeFigure() {
    const figure = document.createElement("figure");
    const frame = document.createElement("div");
    frame.className = "frame";
    frame.tabIndex = 0;
    frame.append(document.createElement("img"));
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
      if (!event.ctrlKey && !event.metaKey) return;
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
      const mean = (points, axis) => points.reduce((sum, p) => sum + p[axis], 0) / points.length;
      if (now.length === 2) {
        const span = ([p, q]) => Math.hypot(p[0] - q[0], p[1] - q[1]) || 1e-3;
        zoom(span(now) / span(before), mean(now, 0), mean(now, 1));
      }
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
"""

_linked_view = st.components.v2.component(
    "pneumo.linked_view", css=_CSS, js=f"const HTML = `{_HTML}`;\n{_JS}"
)
