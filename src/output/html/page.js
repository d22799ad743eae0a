
"use strict";
(() => {
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row, place) => ({ row, place, text: row.textContent.toLowerCase() }));
  const find = document.getElementById("find");
  const shown = document.getElementById("shown");
  const all = document.getElementById("all");
  const tiles = [];
  const wanted = new Set();
  let narrowed = false;
  let sorted = false;

  // What only works with a script is only there with one.
  document.querySelector(".tools").hidden = false;
  table.dataset.live = "";

  // The name of an Application stands for the rows below it only while those are all there, in their order.
  function flatten() {
    if (narrowed || sorted) table.dataset.flat = ""; else delete table.dataset.flat;
  }

  function show() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { row, text } of rows) {
      const fits = (wanted.size === 0 || wanted.has(row.dataset.status)) && words.every((word) => text.includes(word));
      row.hidden = !fits;
      count += fits ? 1 : 0;
    }
    narrowed = words.length > 0 || wanted.size > 0;
    flatten();
    all.hidden = !narrowed;
    shown.textContent = (narrowed ? count + " of " : "") + rows.length + (rows.length === 1 ? " image" : " images") + " shown";
  }

  for (const item of document.querySelectorAll(".tiles li")) {
    const tile = document.createElement("button");
    tile.type = "button";
    tile.className = "tile";
    tile.setAttribute("aria-pressed", "false");
    tile.append(...item.querySelector(".tile").childNodes);
    item.querySelector(".tile").replaceWith(tile);
    tiles.push(tile);
    tile.addEventListener("click", () => {
      const status = item.dataset.status;
      const on = !wanted.has(status);
      if (on) wanted.add(status); else wanted.delete(status);
      tile.setAttribute("aria-pressed", String(on));
      show();
    });
  }
  find.addEventListener("input", show);
  all.addEventListener("click", () => {
    find.value = "";
    wanted.clear();
    for (const tile of tiles) tile.setAttribute("aria-pressed", "false");
    show();
    find.focus();
  });

  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const headers = Array.from(table.tHead.rows[0].cells);
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    header.replaceChildren(button);
    const number = header.dataset.sort === "number";
    const value = (row) => number ? Number(row.cells[column].dataset.v) : row.cells[column].textContent;
    button.addEventListener("click", () => {
      const before = header.getAttribute("aria-sort");
      // Whoever sorts by how far behind wants the furthest first.
      const first = header.textContent === "Behind" ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const now = before === first ? other : before === other ? null : first;
      for (const one of headers) one.removeAttribute("aria-sort");
      const keyed = rows.map((entry) => ({ entry, key: value(entry.row) }));
      if (now) {
        header.setAttribute("aria-sort", now);
        const sign = now === "ascending" ? 1 : -1;
        const compare = number ? (a, b) => a.key - b.key : (a, b) => order.compare(a.key, b.key);
        keyed.sort((a, b) => sign * compare(a, b) || a.entry.place - b.entry.place);
      }
      sorted = now !== null;
      flatten();
      const fragment = document.createDocumentFragment();
      for (const { entry } of keyed) fragment.append(entry.row);
      body.append(fragment);
    });
  });

  const theme = document.getElementById("theme");
  const themes = ["system", "light", "dark"];
  let chosen = 0;
  theme.hidden = false;
  theme.addEventListener("click", () => {
    chosen = (chosen + 1) % themes.length;
    if (chosen === 0) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = themes[chosen];
    theme.textContent = "Theme: " + themes[chosen];
  });

  // On paper nothing can be unfolded.
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details:not([open])")) { one.open = true; one.dataset.folded = ""; }
  });
  addEventListener("afterprint", () => {
    for (const one of document.querySelectorAll("details[data-folded]")) { one.open = false; delete one.dataset.folded; }
  });

  show();
})();
