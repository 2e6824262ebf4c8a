"use strict";
// How long something has lasted, counted here so that the list need not be sent again each second.
function lasting(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s}s`;
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)}m ${two(s % 60)}s` : `${s / 60}m`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${two(Math.floor(s % 3600 / 60))}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor(s % 86400 / 3600)}h`;
}

function count() {
  if (document.hidden) return;
  const now = Date.now() / 1000;
  for (const one of document.querySelectorAll("time[data-since]")) {
    const text = lasting(now - Number(one.dataset.since));
    if (one.textContent !== text) one.textContent = text;
  }
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes, unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return `${value.toFixed(unit ? 1 : 0)} ${units[unit]}`;
}

function draw() {
  const colours = getComputedStyle(document.documentElement);
  const ink = colours.getPropertyValue("--soft"), mark = colours.getPropertyValue("--mark");
  for (const place of document.querySelectorAll("[data-plot]")) {
    const told = place.dataset.unit === "B" ? size : (value) => `${Math.round(value)} ${place.dataset.unit}`;
    const axis = { stroke: ink, grid: { stroke: colours.getPropertyValue("--edge") } };
    const options = {
      width: place.clientWidth, height: 200, legend: { show: true },
      axes: [axis, { ...axis, size: 80, values: (_, ticks) => ticks.map(told) }],
      series: [{}, { label: place.dataset.label, stroke: mark, width: 2, value: (_, v) => v == null ? "" : told(v) }],
    };
    new uPlot(options, JSON.parse(place.dataset.plot), place);
  }
}

// A page that hears nothing more must not look as if all were well.
function heard(well) { document.getElementById("lost").hidden = well; }

document.addEventListener("htmx:after:request", () => heard(true));
document.addEventListener("htmx:error", () => heard(false));
setInterval(count, 1000);
count();
if (window.uPlot) draw();
