// What happened, newest first; only what is new is added, so that a screen reader says it once.
const shown = new Set();
const MOST = 200;

// Key of an event -> how its value is written.
const AMOUNTS = { dwell_s: (s) => `${s} s`, speed_mps: (speed) => `${speed} m/s`, seen_frames: (count) => `${count} frames` };
const named = (object) => [object.label, object.track === undefined || object.track === null ? "" : `#${object.track}`]
  .filter(Boolean).join(" ");

export function describe(event) {
  if (event.event === "camera") return `${event.source_id} is ${event.state}${event.reason ? `: ${event.reason}` : ""}`;
  const what = [event, ...event.objects ?? []].map(named).filter(Boolean).join(", ");
  const where = event.zone ?? event.line ?? event.presence;
  const counts = Object.entries(event.counts ?? {}).map(([name, count]) => `${name} ${count}`).join(", ");
  const amounts = Object.entries(AMOUNTS).filter(([key]) => key in event).map(([key, write]) => write(event[key]));
  const words = event.event.replaceAll("_", " ");
  return [`${event.source_id ?? event.node ?? ""}:`, what, words, event.state, event.direction, where, ...amounts, counts && `(${counts})`, event.reason, event.path]
    .filter(Boolean).join(" ");
}

export function showEvents(entries) {
  const list = document.getElementById("event-list");
  for (const event of [...entries].reverse()) {
    if (shown.has(event.entry_id)) continue;
    shown.add(event.entry_id);
    const item = document.createElement("li");
    const time = document.createElement("time");
    const at = new Date(Number(event.entry_id.split("-")[0]));
    time.dateTime = at.toISOString();
    time.textContent = at.toLocaleTimeString();
    item.append(time, describe(event));
    list.prepend(item);
    while (list.children.length > MOST) list.lastElementChild.remove();
  }
  for (const id of [...shown].slice(0, -MOST)) shown.delete(id); // a page may be open for weeks
  document.getElementById("no-events").hidden = list.children.length > 0;
}
