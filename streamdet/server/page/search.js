// Searches the records and shows what was found, with links to clips and snapshots.
import { read } from "/page/api.js";

const byId = (id) => document.getElementById(id);
const NAMES = ["class", "zone", "camera", "attribute", "event"];
const FILES = ["clip", "snapshot", "file"];

export function showSearch(keepsRecords) {
  byId("search").hidden = !keepsRecords;
  byId("search-link").hidden = !keepsRecords;
}

export function setUpSearch() {
  byId("search-form").addEventListener("submit", (submit) => {
    submit.preventDefault();
    search(new FormData(submit.target));
  });
}

async function search(asked) {
  const parameters = new URLSearchParams();
  for (const name of NAMES) {
    for (const value of asked.get(name).split(",").map((word) => word.trim()).filter(Boolean)) parameters.append(name, value);
  }
  for (const name of ["from", "to"]) if (asked.get(name)) parameters.set(name, new Date(asked.get(name)).toISOString());
  byId("search-status").textContent = "Searching";
  try {
    const found = await read(`/records?${parameters}`);
    byId("search-rows").replaceChildren(...found.rows.map(rowOf));
    byId("search-table").hidden = found.rows.length === 0;
    const count = found.rows.length;
    byId("search-status").textContent = count
      ? `${count} found${found.is_cut ? ", and there are more: narrow the search" : ""}. Times are this browser's (${zone()}), newest first.`
      : "Nothing is found.";
  } catch (error) {
    byId("search-status").textContent = error.message;
  }
}

const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
const number = (row) => (row.track === undefined ? "" : `#${row.track}`);

function rowOf(row) {
  const line = document.createElement("tr");
  const event = [row.event.replaceAll("_", " "), row.state, row.direction].filter(Boolean).join(" ");
  const cells = [time(row.at), row.until ? time(row.until, true) : "", row.source_id ?? "", event,
    [`${row.label ?? ""}${number(row)}`, ...Object.values(row.attributes ?? {})].join(" "), row.place ?? "", links(row)];
  for (const content of cells) {
    const cell = document.createElement("td");
    cell.append(content);
    line.append(cell);
  }
  return line;
}

function time(text, isShort = false) {
  const shown = document.createElement("time");
  const at = new Date(text);
  shown.dateTime = text;
  shown.textContent = isShort ? at.toLocaleTimeString() : at.toLocaleString();
  return shown;
}

function links(row) {
  const all = document.createElement("span");
  for (const name of FILES.filter((each) => row[each])) {
    const link = document.createElement("a");
    link.href = row[name];
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = name === "file" ? row.event : name;
    all.append(link, " ");
  }
  return all;
}
