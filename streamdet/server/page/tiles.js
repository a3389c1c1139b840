// The cameras: each tile asks for the next image when the last one has come, while it can be seen.
import { ask, SignedOut } from "/page/api.js";
import { openDrawing } from "/page/drawing.js";
import { showPlaces } from "/page/places.js";

const WAITING = "waiting for an image";
const tiles = new Map();
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.target.tile.isSeen = entry.isIntersecting;
});
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

class Tile {
  constructor(sourceId) {
    this.sourceId = sourceId;
    this.isSeen = true;
    this.frameId = -1;
    this.element = document.createElement("article");
    this.element.className = "tile";
    this.element.tile = this;
    this.sourceHw = null;
    const figure = this.figure = document.createElement("figure");
    this.image = document.createElement("img");
    this.image.alt = `Live image of ${sourceId} with what is found in it`;
    this.veil = document.createElement("p");
    this.veil.className = "veil";
    figure.append(this.image, this.veil);
    const about = document.createElement("div");
    about.className = "about";
    const name = document.createElement("div");
    name.className = "name";
    this.state = document.createElement("span");
    const title = document.createElement("span");
    title.textContent = sourceId;
    name.append(title, this.state);
    this.figures = document.createElement("p");
    this.figures.className = "figures";
    this.buttons = document.createElement("div");
    this.buttons.className = "row";
    this.buttons.hidden = true;
    this.pausing = this.button("Pause", () => this.change(`/${this.isPaused ? "resume" : "pause"}`, "POST"));
    this.button("Remove", () => this.change("", "DELETE", `Go on without ${sourceId}?`));
    this.drawing = this.button("Zones", () => openDrawing(this, this.places, tiles.size));
    about.append(name, this.figures, this.buttons);
    this.element.append(figure, about);
    this.setVeil(WAITING);
  }

  button(text, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "plain";
    made.textContent = text;
    made.setAttribute("aria-label", `${text} ${this.sourceId}`);
    made.addEventListener("click", action);
    this.buttons.append(made);
    return made;
  }

  async change(path, method, question) {
    if (question && !confirm(question)) return;
    for (const button of this.buttons.children) button.disabled = true;
    try {
      await ask(`/api/v1/cameras/${encodeURIComponent(this.sourceId)}${path}`, { method });
    } catch (error) {
      alert(error.message);
    }
    for (const button of this.buttons.children) button.disabled = false;
  }

  // A URL of the newest image, for one use.
  snapshot() {
    return this.blob ? URL.createObjectURL(this.blob) : "";
  }

  take(response, blob) {
    this.blob = blob;
    this.frameId = Number(response.headers.get("X-Frame-Id"));
    const old = this.image.src;
    this.image.src = URL.createObjectURL(blob);
    if (old) URL.revokeObjectURL(old);
    const size = response.headers.get("X-Source-Size");
    if (size !== this.size) {
      this.size = size;
      this.sourceHw = size.split("x").map(Number);
      this.figure.style.aspectRatio = `${this.sourceHw[1]} / ${this.sourceHw[0]}`;
      this.drawPlaces();
    }
  }

  drawPlaces() {
    this.figure.querySelectorAll("svg, .place-name").forEach((element) => element.remove());
    if (this.sourceHw && this.places) showPlaces(this.figure, this.places, this.sourceId, this.sourceHw);
  }

  setPlaces(places) {
    this.drawing.hidden = !places.nodes.length || places.reason !== "";
    const text = JSON.stringify(places);
    if (text === this.placesText) return;
    this.placesText = text;
    this.places = places;
    this.drawPlaces();
  }

  setVeil(text) {
    this.veil.textContent = text;
    this.veil.hidden = !text;
  }

  show(source, rate, canChange, isOver) {
    const state = source.camera?.state ?? (source.error ? "failed" : isOver ? "done" : "running");
    this.buttons.hidden = !canChange || !source.camera;
    this.isPaused = state === "paused";
    this.pausing.textContent = this.isPaused ? "Resume" : "Pause";
    this.pausing.setAttribute("aria-label", `${this.pausing.textContent} ${this.sourceId}`);
    this.state.textContent = state;
    this.state.className = `state state-${state}`;
    const dropped = Object.values(source.dropped).reduce((sum, count) => sum + count, 0);
    const parts = [`${rate.toFixed(1)} frames/s`, `${source.published} published`, `${dropped} dropped`];
    if (source.objects) parts.push(`${source.objects} objects`);
    this.figures.textContent = parts.join(" · ");
    this.figures.title = Object.entries(source.dropped).map(([why, count]) => `${count} ${why}`).join("\n");
    const away = source.camera && source.camera.state !== "live";
    this.setVeil(away ? `${state}${source.camera.reason ? `: ${source.camera.reason}` : ""}`
      : source.error ?? (this.frameId < 0 ? WAITING : ""));
  }

  async follow() {
    while (this.element.isConnected) {
      if (!this.isSeen || document.hidden) { await pause(300); continue; }
      try {
        const path = `/api/v1/cameras/${encodeURIComponent(this.sourceId)}/snapshot.jpg?after=${this.frameId}`;
        const response = await ask(path);
        if (response.status === 200) {
          this.take(response, await response.blob());
          if (this.veil.textContent === WAITING) this.setVeil("");
        }
        await pause(response.status === 200 ? 60 : 300);
      } catch (error) {
        if (error instanceof SignedOut) return;
        await pause(1000);
      }
    }
    seen.unobserve(this.element);
  }
}

export function showTiles(all, rates, canChange, places, isOver) {
  const sources = all.filter((source) => source.camera?.state !== "removed");
  const grid = document.getElementById("tiles");
  for (const [sourceId, tile] of tiles) {
    if (!sources.some((source) => source.source_id === sourceId)) {
      tile.element.remove();
      tiles.delete(sourceId);
    }
  }
  for (const source of sources) {
    if (!tiles.has(source.source_id)) {
      const tile = new Tile(source.source_id);
      tiles.set(source.source_id, tile);
      grid.append(tile.element);
      seen.observe(tile.element);
      tile.follow();
    }
    tiles.get(source.source_id).setPlaces(places);
    tiles.get(source.source_id).show(source, rates.get(source.source_id) ?? 0, canChange, isOver);
  }
}
