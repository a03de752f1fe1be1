// Follows Streamlit's slider while it is dragged: Python hears of a new threshold when it is let go.
const WIDE = "(min-width: 1700px)";  // as in viewer.css
let heard = () => {};  // what the slider's moves are told to: of the latest run of the page
let slider = () => null;  // that slider's handle, if it is there

// The address alone would scroll the page to its end, away from the picture.
document.addEventListener("click", (event) => {
  if (!event.target.closest(".pneumo-skip") || !slider()) return;
  event.preventDefault();
  slider().focus();
});
document.body.classList.add("pneumo-live");  // the link is shown once it leads somewhere

// Not one slider but wherever it is: Streamlit may draw another in its place at any run, and then
// the other is given the keyboard too.
let held = null;
document.addEventListener("focusin", ({ target }) => { held = target === slider() ? target : null; });
new MutationObserver((changes) => {
  if (held && !held.isConnected && document.activeElement === document.body)
    slider()?.focus({ preventScroll: true });
  const moved = changes.map(({ target }) => target).filter((each) => each.type === "range");
  if (moved.length) heard(moved.pop());
}).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["value"] });

export default function ({ data, setTriggerValue }) {
  const group = `[data-testid=stSlider] [role=group][aria-label="${CSS.escape(data.label)}"]`;
  let last = null;
  slider = () => document.querySelector(`${group} input[type=range]`);
  heard = (handle) => {
    if (handle.closest(group) && handle.value !== last) follow(Number((last = handle.value)));
  };
  // Python does not know how wide the window is. Once: who closes the curves has them closed.
  const wide = matchMedia(WIDE);
  const widened = () => {
    if (!data.wide && wide.matches) setTriggerValue("wide", true);
  };
  wide.addEventListener("change", widened);
  widened();
  return () => wide.removeEventListener("change", widened);

  function follow(threshold) {
    if (!Number.isFinite(threshold)) return;
    window.dispatchEvent(new CustomEvent(THRESHOLD_MOVED, { detail: threshold }));
    document.querySelectorAll(".pneumo-verdict[data-p]").forEach((card) => redraw(card, threshold));
    document.querySelectorAll(".pneumo-strip .tick").forEach((tick) => {
      tick.style.left = `${100 * threshold}%`;
    });
    document.querySelectorAll(".pneumo-rates").forEach((line) => tell(line, threshold));
    document.querySelectorAll(".pneumo-crossing").forEach((words) => {
      const { low, high } = words.dataset, crosses = (+low >= threshold) !== (+high >= threshold);
      words.textContent = crosses ? "the verdict changes" : "no verdict changes";
    });
    // Python drew one of them as where the slider is: it may have left it, and be at another.
    document.querySelectorAll(".st-key-points button").forEach((button) => {
      const here = button.textContent.trim().split(" ").pop() === threshold.toFixed(3);
      button.classList.toggle("pneumo-here", here);
      button.classList.toggle("pneumo-left", !here);
    });
  }

  function tell(line, threshold) {
    const at = threshold.toFixed(3);
    if (line.querySelector(".at").textContent === at) return;  // Python's words, with intervals
    const place = Math.round(threshold * (data.sensitivity.length + 1)) - 1;  // evenly from 0 to 1
    put(line, ".at", at);
    for (const rate of ["sensitivity", "specificity"])
      put(line, `.${rate}`, `${(100 * data[rate][place]).toFixed(1)} %`);
  }
}

function put(parent, selector, text) {
  const element = parent.querySelector(selector);
  if (element && element.textContent !== text) element.textContent = text;
}

function redraw(card, threshold) {
  const { p, low, high } = card.dataset;
  const row = { p: +p, low: low ? +low : null, high: high ? +high : null };
  const answer = answerOf(row, threshold), above = row.p >= threshold;
  const verdict = above ? "PNEUMONIA" : "NORMAL", other = above ? "NORMAL" : "PNEUMONIA";
  card.dataset.tone = toneOf(answer);
  put(card, ".word", answer === "Uncertain" ? `Uncertain, nearer to ${verdict}` : verdict);
  put(card, ".side", above ? "at or above" : "below");
  put(card, ".turn", above ? "A higher" : "A lower");
  put(card, ".other", other);
  put(card, ".at", threshold.toFixed(3));
  const tick = card.querySelector(".tick");
  tick.style.left = `${100 * threshold}%`;
  tick.classList.toggle("left", threshold < 0.12);
  tick.classList.toggle("right", threshold > 0.88);
  put(tick, "span", `threshold ${threshold.toFixed(3)}`);
  const doubt = card.querySelector(".doubt");
  doubt.hidden = answer !== "Uncertain";
  // Python's reason names the changes that cross the threshold it was written for.
  if (!doubt.hidden && !doubt.textContent.includes(`threshold of ${threshold.toFixed(3)}`))
    put(card, ".doubt", "Small changes that no radiologist would mind move P(PNEUMONIA) between " +
      `${row.low.toFixed(3)} and ${row.high.toFixed(3)}, across the threshold of ` +
      `${threshold.toFixed(3)}.`);
}
