// Zones and lines over an image, in fractions of it.
const SVG = "http://www.w3.org/2000/svg";

// Corners as fractions; those above 1 are pixels of the source.
export function pointsOf(place, hw) {
  const isPixels = place.points.some(([x, y]) => x > 1 || y > 1);
  return place.points.map(([x, y]) => (isPixels ? [x / hw[1], y / hw[0]] : [x, y]));
}

export function showPlaces(holder, places, sourceId, hw, more = [], hidden = null) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "places");
  svg.setAttribute("viewBox", "0 0 1 1");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const shown = places.nodes.flatMap((node) => Object.entries(node.places)
    .filter(([name, place]) => name !== hidden && (!place.sources || place.sources.includes(sourceId)))
    .map(([name, place]) => ({ kind: node.kind, name, points: pointsOf(place, hw) })));
  const labels = [];
  for (const place of [...shown, ...more]) {
    const shape = document.createElementNS(SVG, place.kind === "lines" || place.points.length < 3 ? "polyline" : "polygon");
    shape.setAttribute("points", place.points.map((point) => point.join(",")).join(" "));
    if (place.isDrawn) shape.setAttribute("class", "drawn");
    svg.append(shape);
    if (place.name) {
      const label = document.createElement("span");
      label.className = "place-name";
      label.textContent = place.name;
      label.style.left = `${place.points[0][0] * 100}%`;
      label.style.top = `${place.points[0][1] * 100}%`;
      labels.push(label);
    }
  }
  holder.append(svg, ...labels);
}
