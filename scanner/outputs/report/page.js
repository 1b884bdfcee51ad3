"use strict";
// Filters tables by words, and by a port when its cell on the map is clicked. Text of rows is read once.
(() => {
  const input = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const rows = [...document.querySelectorAll("[data-row]")].map((row) => [row, " " + row.textContent.toLowerCase() + " "]);
  input.hidden = false;
  let timer = 0;
  const apply = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const [row, text] of rows) {
      const keep = words.every((word) =>
        word.startsWith("port:") ? row.dataset.ports.includes(" " + word.slice(5) + " ") : text.includes(word));
      row.hidden = !keep;
      count += keep;
    }
    shown.textContent = words.length ? count + " of " + rows.length + " rows" : "";
  };
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 60); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== input) { event.preventDefault(); input.focus(); }
    if (event.key === "Escape") { input.value = ""; apply(); }
  });
  for (const cell of document.querySelectorAll("#map rect")) {
    cell.addEventListener("click", () => {
      input.value = "port:" + cell.dataset.port;
      apply();
      document.getElementById("findings").scrollIntoView();
    });
  }
})();
