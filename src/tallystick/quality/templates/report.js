"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  for (const [id, spec] of Object.entries(charts)) {
    // The interpreter ("ast") needs no eval, so the page's policy can forbid it.
    window.vegaEmbed(document.getElementById(id), spec, { actions: false, renderer: "svg", ast: true });
  }
  // A table that is wider than the page is scrolled by keyboard, too.
  const mark = () => {
    for (const box of document.querySelectorAll(".scroll")) {
      if (box.scrollWidth > box.clientWidth) {
        box.tabIndex = 0;
      } else {
        box.removeAttribute("tabindex");
      }
    }
  };
  mark();
  window.addEventListener("resize", mark);
})();
