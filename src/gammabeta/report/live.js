"use strict";
// The server tells which pieces of the page have changed; they are put in place of the old ones, and what the reader
// has unfolded, where it is scrolled to and what the pointer reads out stay as they were.
(() => {
  const events = location.pathname.replace(/\/$/, "") + "/events";
  const root = document.documentElement;
  let source = null, point = null;

  const lost = document.createElement("p");
  lost.className = "lost";
  lost.setAttribute("role", "status");
  lost.textContent = "No answer from gammabeta watch: this is what it last told. The page goes on by itself when it is started again.";
  lost.hidden = true;
  document.body.prepend(lost);

  // A folded piece is known by its picture and its own title; the second of the same name by its number.
  const folds = (piece) => {
    const found = new Map(), counts = new Map();
    for (const one of piece.querySelectorAll("details")) {
      const title = one.parentElement.querySelector("figcaption"), line = one.querySelector("summary");
      const name = (title ? title.textContent : "") + "|" + (line ? line.textContent : "");
      const count = counts.get(name) || 0;
      counts.set(name, count + 1);
      found.set(name + "|" + count, one);
    }
    return found;
  };

  const chosen = (piece) => {
    const selection = getSelection();
    return selection && !selection.isCollapsed && selection.containsNode(piece, true);
  };

  const parsed = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    return document.importNode(holder.content.firstElementChild, true);
  };

  const put = (old, fresh) => {
    const before = folds(old);
    for (const [name, one] of folds(fresh)) if (before.has(name)) one.open = before.get(name).open;
    const scrolled = Array.from(old.querySelectorAll(".scroll"), (one) => one.scrollLeft);
    old.replaceWith(fresh);
    fresh.querySelectorAll(".scroll").forEach((one, index) => { one.scrollLeft = scrolled[index] || 0; });
  };

  // What is read stays where it is, although pieces above it may grow.
  const still = (change) => {
    const pieces = Array.from(document.querySelectorAll("main > section:not([hidden])"));
    const read = scrollY > 0 ? pieces.find((one) => one.getBoundingClientRect().bottom > 0) : null;
    const id = read && read.id, top = read && read.getBoundingClientRect().top;
    change();
    const after = id && document.getElementById(id);
    if (after) scrollBy({ top: after.getBoundingClientRect().top - top, behavior: "instant" });
  };

  const later = new Map();
  const show = (id, html) => {
    const old = document.getElementById(id);
    if (!old) { location.reload(); return; }
    const fresh = parsed(html);
    if (fresh.isEqualNode(old)) return;
    // text that is being copied is not taken away
    if (chosen(old)) { later.set(id, html); return; }
    later.delete(id);
    still(() => put(old, fresh));
    const name = document.querySelector("h1");
    if (name) document.title = name.textContent;
    if (point) {
      const under = document.elementFromPoint(point.clientX, point.clientY);
      if (under) under.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, ...point }));
    }
  };

  const live = (here) => { lost.hidden = here; root.classList.toggle("gone", !here); };
  const open = () => {
    source = new EventSource(events);
    source.onopen = () => live(true);
    source.onerror = () => live(false);
    source.onmessage = (event) => { const { id, html } = JSON.parse(event.data); show(id, html); };
  };

  root.style.overflowAnchor = "none";
  document.addEventListener("pointermove", (event) => {
    if (event.isTrusted) point = { clientX: event.clientX, clientY: event.clientY };
  });
  document.addEventListener("selectionchange", () => {
    for (const [id, html] of Array.from(later)) if (!chosen(document.getElementById(id))) show(id, html);
  });
  // A page that nobody sees asks for nothing; seen again, it is told everything.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { source.close(); source = null; } else if (!source) open();
  });
  if (!document.hidden) open();
})();
