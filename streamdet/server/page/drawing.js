// The editor of zones and lines: corners by mouse, finger or arrow keys; the plan; then its application.
import { ask, read } from "/page/api.js";
import { pointsOf, showPlaces } from "/page/places.js";

const byId = (id) => document.getElementById(id);
const STEP = 0.01;
const place = (value) => Math.min(1, Math.max(0, Number(value.toFixed(4))));
let corners = [];
let camera = null;
let places = null;
let follower = null;

const node = () => places.nodes.find((each) => each.node === byId("draw-node").value);
const least = () => (node().kind === "lines" ? 2 : 3);
const say = (text) => { byId("draw-error").textContent = text; };

function show() {
  const holder = byId("draw-image");
  holder.querySelectorAll(".corner, .place-name, svg").forEach((element) => element.remove());
  const own = corners.length ? [{ kind: node().kind, name: "", points: corners, isDrawn: true }] : [];
  showPlaces(holder, places, camera.sourceId, camera.sourceHw, own, byId("draw-name").value);
  corners.forEach(([x, y], index) => {
    const corner = document.createElement("button");
    corner.type = "button";
    corner.className = "corner";
    corner.style.left = `${x * 100}%`;
    corner.style.top = `${y * 100}%`;
    corner.setAttribute("aria-label", `Corner ${index + 1} of ${corners.length}`);
    corner.addEventListener("pointerdown", (down) => drag(down, corner, index));
    corner.addEventListener("keydown", (key) => nudge(key, index));
    holder.append(corner);
  });
  byId("draw-apply").hidden = true;
  byId("draw-steps").replaceChildren();
  byId("draw-plan").disabled = corners.length < least() || !byId("draw-name").value.trim();
  byId("draw-undo").disabled = !corners.length;
  byId("draw-remove").disabled = !(byId("draw-name").value in node().places);
}

function at(event) {
  const box = byId("draw-image").getBoundingClientRect();
  return [place((event.clientX - box.left) / box.width), place((event.clientY - box.top) / box.height)];
}

function drag(down, corner, index) {
  down.preventDefault();
  down.stopPropagation();
  corner.setPointerCapture(down.pointerId);
  corner.onpointermove = (move) => {
    corners[index] = at(move);
    corner.style.left = `${corners[index][0] * 100}%`;
    corner.style.top = `${corners[index][1] * 100}%`;
  };
  corner.onpointerup = show;
}

function nudge(key, index) {
  const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[key.key];
  if (!by) return;
  key.preventDefault();
  corners[index] = [place(corners[index][0] + by[0]), place(corners[index][1] + by[1])];
  show();
  byId("draw-image").querySelectorAll(".corner")[index].focus();
}

function takeNamed() {
  const known = node().places[byId("draw-name").value];
  if (known) corners = pointsOf(known, camera.sourceHw).map(([x, y]) => [place(x), place(y)]);
  show();
}

function address(apply) {
  return `/api/v1/places/${encodeURIComponent(node().node)}/${encodeURIComponent(byId("draw-name").value.trim())}`
    + (apply ? "?apply=true" : "");
}

async function send(method, apply) {
  say("");
  const known = node().places[byId("draw-name").value];
  const body = JSON.stringify({ points: corners, ...(known || places.sources < 2 ? {} : { source: camera.sourceId }) });
  try {
    const plan = await (await ask(address(apply), { method, ...(method === "PUT" ? { body } : {}) })).json();
    if (apply) {
      places = { ...await read("/places"), sources: places.sources };
      corners = [];
      byId("draw-name").value = "";
      fill();
      byId("draw-steps").textContent = "Applied: the run uses it now.";
      return;
    }
    showPlan(plan, method);
  } catch (error) {
    say(error.message);
  }
}

function showPlan(plan, method) {
  const list = document.createElement("ul");
  for (const step of plan.steps.filter((each) => each.action !== "kept")) {
    const item = document.createElement("li");
    item.textContent = `${step.what} ${step.name}: ${step.action}${step.reason ? ` (${step.reason})` : ""}`;
    list.append(item);
  }
  if (!list.children.length) list.append("Nothing changes.");
  byId("draw-steps").replaceChildren("The run goes on; this is what changes in it:", list);
  byId("draw-apply").hidden = false;
  byId("draw-apply").onclick = () => send(method, true);
  byId("draw-apply").focus();
}

function fill() {
  byId("draw-names").replaceChildren(...Object.keys(node().places).map((name) => new Option(name)));
  show();
}

function follow() {
  const image = byId("draw-image").image;
  if (Number(image.dataset.frame) === camera.frameId) return;
  image.dataset.frame = camera.frameId;
  if (image.src) URL.revokeObjectURL(image.src);
  image.src = camera.snapshot();
}

export function openDrawing(tile, known, sourceCount) {
  camera = tile;
  places = { ...known, sources: sourceCount };
  corners = [];
  say("");
  byId("draw-name").value = "";
  byId("draw-node").replaceChildren(...known.nodes.map((each) => new Option(`${each.node} (${each.kind})`, each.node)));
  const image = document.createElement("img");
  image.alt = `Image of ${tile.sourceId}; click its corners`;
  image.src = tile.snapshot();
  byId("draw-image").image = image;
  byId("draw-image").replaceChildren(image);
  byId("draw-dialog").showModal();
  follower = setInterval(follow, 500);
  fill();
}

export function setUpDrawing() {
  byId("draw-image").addEventListener("click", (click) => {
    if (click.target.classList.contains("corner")) return;
    if (node().kind === "lines" && corners.length === 2) corners = [];
    corners.push(at(click));
    show();
  });
  byId("draw-node").addEventListener("change", () => { corners = []; fill(); });
  byId("draw-name").addEventListener("input", takeNamed);
  byId("draw-undo").addEventListener("click", () => { corners.pop(); show(); });
  byId("draw-plan").addEventListener("click", () => send("PUT", false));
  byId("draw-remove").addEventListener("click", () => send("DELETE", false));
  byId("draw-close").addEventListener("click", () => byId("draw-dialog").close());
  byId("draw-dialog").addEventListener("close", () => clearInterval(follower));
}
