// The cameras: each tile asks for the next image when the last one has come, while it can be seen.
import { ask, SignedOut } from "/page/api.js";

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
    const figure = document.createElement("figure");
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
    about.append(name, this.figures);
    this.element.append(figure, about);
    this.setVeil("waiting for an image");
  }

  setVeil(text) {
    this.veil.textContent = text;
    this.veil.hidden = !text;
  }

  show(source, rate) {
    const state = source.camera?.state ?? (source.error ? "failed" : "running");
    this.state.textContent = state;
    this.state.className = `state state-${state}`;
    const dropped = Object.values(source.dropped).reduce((sum, count) => sum + count, 0);
    const parts = [`${rate.toFixed(1)} frames/s`, `${source.published} published`, `${dropped} dropped`];
    if (source.objects) parts.push(`${source.objects} objects`);
    this.figures.textContent = parts.join(" · ");
    this.figures.title = Object.entries(source.dropped).map(([why, count]) => `${count} ${why}`).join("\n");
    const away = source.camera && source.camera.state !== "live";
    this.setVeil(away ? `${state}${source.camera.reason ? `: ${source.camera.reason}` : ""}`
      : source.error ?? (this.frameId < 0 ? "waiting for an image" : ""));
  }

  async follow() {
    while (this.element.isConnected) {
      if (!this.isSeen || document.hidden) { await pause(300); continue; }
      try {
        const path = `/api/v1/cameras/${encodeURIComponent(this.sourceId)}/snapshot.jpg?after=${this.frameId}`;
        const response = await ask(path);
        if (response.status === 200) {
          this.frameId = Number(response.headers.get("X-Frame-Id"));
          const old = this.image.src;
          this.image.src = URL.createObjectURL(await response.blob());
          if (old) URL.revokeObjectURL(old);
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

export function showTiles(sources, rates) {
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
    tiles.get(source.source_id).show(source, rates.get(source.source_id) ?? 0);
  }
}
