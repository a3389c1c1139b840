// Which stage is late, and whether it waits for work or works.
const ms = (value) => (value === null || value === undefined ? "–" : `${value.toFixed(1)} ms`);

function cell(text, tag = "td") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (tag === "th") element.scope = "row";
  return element;
}

export function showStages(stages) {
  const slowest = stages.filter((stage) => stage.work_p50_ms !== null && stage.frames)
    .sort((one, other) => other.work_ms - one.work_ms)[0];
  const rows = stages.map((stage) => {
    const row = document.createElement("tr");
    if (stage === slowest) row.className = "slowest";
    row.append(
      cell(stage.node, "th"), cell(stage.fps.toFixed(1)), cell(stage.queue ?? "–"),
      cell(ms(stage.waiting_p50_ms)), cell(ms(stage.work_p50_ms)), cell(ms(stage.latency_p95_ms)),
      cell(stage.runs),
    );
    return row;
  });
  document.getElementById("stage-rows").replaceChildren(...rows);
  document.getElementById("bottleneck").textContent = slowest
    ? `${slowest.node} takes the most work: ${slowest.work_ms.toFixed(1)} ms a frame`
      + ((slowest.queue ?? 0) > 4 ? `; ${slowest.queue} entries wait for it.` : ".")
    : "";
}
