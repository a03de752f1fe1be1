// How an answer follows from P, its range under small changes, and the threshold; the same rule as
// row_of in pneumo/export/rows.py, so that the page can follow the slider before Python hears of it.
const THRESHOLD_MOVED = "pneumo:threshold";

function answerOf(row, threshold) {
  if (row.fixed) return row.fixed;  // refused, unreadable, or no verdict for adults
  const uncertain = row.low !== null && (row.low >= threshold) !== (row.high >= threshold);
  if (uncertain) return "Uncertain";
  return row.p >= threshold ? "PNEUMONIA" : "NORMAL";
}

const SHAPES = { PNEUMONIA: "▲", NORMAL: "●", Uncertain: "◆" };  // told apart without colour
const TONES = { PNEUMONIA: "pneumonia", NORMAL: "normal", Uncertain: "uncertain" };

function toneOf(answer) {
  return TONES[answer] ?? "none";
}
