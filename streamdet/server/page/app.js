// The page: asks for status and events once a second and shows them.
import { ask, read, SignedOut } from "/page/api.js";
import { setUpAdding } from "/page/adding.js";
import { setUpDrawing } from "/page/drawing.js";
import { showEvents } from "/page/events.js";
import { setUpSearch, showSearch } from "/page/search.js";
import { showStages } from "/page/stages.js";
import { showTiles } from "/page/tiles.js";

const EVERY_MS = 1000;
const byId = (id) => document.getElementById(id);
let before = null;
let role = null;

function showRun(run, places) {
  const now = performance.now();
  const rates = new Map();
  for (const source of run.sources) {
    const last = before?.counts.get(source.source_id) ?? source.published;
    rates.set(source.source_id, before ? (source.published - last) / ((now - before.at) / 1000) : 0);
  }
  before = { at: now, counts: new Map(run.sources.map((source) => [source.source_id, source.published])) };
  byId("graph-name").textContent = run.graph ?? "streamdet";
  const total = [...rates.values()].reduce((sum, rate) => sum + rate, 0);
  const live = run.sources.filter((source) => source.camera?.state === "live").length;
  const cameras = run.sources.filter((source) => source.camera && source.camera.state !== "removed").length;
  byId("summary").textContent = run.report
    ? `${run.report.outcome}${run.report.failure ? `: ${run.report.failure}` : ""}`
    : run.problem ?? [`${total.toFixed(1)} frames/s`, cameras ? `${live} of ${cameras} cameras live` : "",
      run.restarts ? `${run.restarts} restarts` : ""].filter(Boolean).join(" · ");
  byId("no-cameras").hidden = run.sources.length > 0;
  const canChange = run.can_change && role === "operator";
  byId("add-camera").hidden = !canChange;
  showTiles(run.sources, rates, canChange, places, run.report !== null);
  showStages(run.stages);
  showSearch(run.keeps_records);
}

async function update() {
  try {
    const [run, events, places] = await Promise.all([read("/run"), read("/events?limit=50"), read("/places")]);
    showRun(run, places);
    showEvents(events.entries);
  } catch (error) {
    if (error instanceof SignedOut) return showSignIn();
    byId("summary").textContent = `no answer: ${error.message}`;
  }
  setTimeout(update, EVERY_MS);
}

function showSignIn() {
  byId("main").hidden = true;
  byId("sign-out").hidden = true;
  byId("sign-in").hidden = false;
  byId("token").focus();
}

function start(asRole, needsToken) {
  role = asRole;
  byId("sign-in").hidden = true;
  byId("main").hidden = false;
  byId("sign-out").hidden = !needsToken;
  byId("graph-image").src = "/api/v1/graph.svg";
  update();
}

byId("sign-in").addEventListener("submit", async (submit) => {
  submit.preventDefault();
  byId("sign-in-error").textContent = "";
  try {
    const body = JSON.stringify({ token: byId("token").value });
    const signedIn = await (await ask("/api/v1/session", { method: "POST", body })).json();
    byId("token").value = "";
    start(signedIn.role, true);
  } catch (error) {
    byId("sign-in-error").textContent = error instanceof SignedOut ? "That is not a token of this server." : error.message;
  }
});
byId("sign-out").addEventListener("click", async () => {
  await ask("/api/v1/session", { method: "DELETE" });
  location.reload();
});

const session = await read("/session");
setUpAdding();
setUpDrawing();
setUpSearch();
if (session.role) start(session.role, session.needs_token);
else showSignIn();
