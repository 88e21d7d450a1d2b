"use strict";
// What stands in the table behind a picture is read out where the pointer is; pictures keep no numbers of their own.
(() => {
  const place = (svg, event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [point.x, point.y];
  };
  const cells = (row) => (row ? Array.from(row.cells, (cell) => cell.textContent) : []);
  const said = (svg, event) => {
    const figure = svg.closest("figure"), table = figure.querySelector(".numbers table");
    if (!table) return "";
    const head = cells(table.tHead.rows[0]), rows = table.tBodies[0].rows, [x, y] = place(svg, event);
    if (svg.dataset.xs) {
      const xs = JSON.parse(svg.dataset.xs);
      let near = 0;
      xs.forEach((value, index) => { if (Math.abs(value - x) < Math.abs(xs[near] - x)) near = index; });
      cursor(svg, xs[near]);
      return cells(rows[near]).map((text, index) => (text ? head[index] + " " + text : "")).filter(Boolean).join("  ·  ");
    }
    const [left, top, wide, tall] = svg.dataset.cells.split(" ").map(Number);
    const column = Math.floor((x - left) / wide), row = Math.floor((y - top) / tall);
    if (column < 0 || row < 0 || !rows[row] || column + 1 >= head.length) return "";
    const found = cells(rows[row]);
    return found[0] + "  ·  " + head[column + 1] + ": " + found[column + 1];
  };
  const cursor = (svg, x) => {
    let line = svg.querySelector(".cursor");
    if (!line) {
      line = document.createElementNS(svg.namespaceURI, "line");
      line.setAttribute("class", "cursor");
      svg.append(line);
    }
    const height = svg.viewBox.baseVal.height;
    for (const [name, value] of [["x1", x], ["x2", x], ["y1", 16], ["y2", height - 40]]) line.setAttribute(name, value);
  };
  const chart = (event) => event.target.closest && event.target.closest("svg.chart[data-xs],svg.chart[data-cells]");
  document.addEventListener("pointermove", (event) => {
    const svg = chart(event);
    if (svg) svg.closest("figure").querySelector(".readout").textContent = said(svg, event);
  });
  document.addEventListener("pointerout", (event) => {
    const svg = chart(event);
    if (!svg || svg.contains(event.relatedTarget)) return;
    svg.closest("figure").querySelector(".readout").textContent = "";
    const line = svg.querySelector(".cursor");
    if (line) line.remove();
  });
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open]):not(.long)"));
    opened.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((one) => { one.open = false; }));
})();
