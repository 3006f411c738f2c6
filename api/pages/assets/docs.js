// Makes the guide handier: one language of the examples at a time, a button to copy them, and a search in the page.
// Without it every example is there to be unfolded.
(function () {
  "use strict";
  var root = document.documentElement, words = document.body.dataset;
  root.classList.add("js");

  function chosen() {
    try { return localStorage.getItem("code") || "sh"; } catch (e) { return "sh"; }
  }

  function choose(id) {
    try { localStorage.setItem("code", id); } catch (e) { /* it is forgotten, then */ }
    document.querySelectorAll(".codes").forEach(function (group) {
      group.querySelectorAll("details").forEach(function (d) { d.hidden = d.dataset.code !== id; d.open = true; });
      group.querySelectorAll(".bar button").forEach(function (b) { b.setAttribute("aria-pressed", String(b.dataset.code === id)); });
    });
  }

  document.querySelectorAll(".codes").forEach(function (group) {
    var bar = document.createElement("div");
    bar.className = "bar";
    group.querySelectorAll("details").forEach(function (d) {
      var b = document.createElement("button");
      b.type = "button";
      b.dataset.code = d.dataset.code;
      b.textContent = d.querySelector("summary").textContent;
      b.addEventListener("click", function () {
        var before = group.getBoundingClientRect().top;
        choose(b.dataset.code);
        window.scrollBy({ top: group.getBoundingClientRect().top - before, behavior: "instant" });
      });
      bar.appendChild(b);
    });
    group.insertBefore(bar, group.firstChild);
  });
  document.querySelectorAll(".codes pre").forEach(function (pre) {
    var b = document.createElement("button");
    b.type = "button";
    b.className = "copy";
    b.textContent = words.copy;
    b.addEventListener("click", function () {
      navigator.clipboard.writeText(pre.querySelector("code").textContent).then(function () {
        b.textContent = words.copied;
        setTimeout(function () { b.textContent = words.copy; }, 1500);
      });
    });
    if (navigator.clipboard) pre.insertBefore(b, pre.firstChild);
  });
  choose(chosen());

  var search = document.getElementById("search");
  if (!search) return;
  search.hidden = false;
  var parts = Array.prototype.map.call(document.querySelectorAll("[data-part]"), function (el) {
    var copy = el.cloneNode(true);
    copy.querySelectorAll(".codes").forEach(function (c) { c.remove(); });
    return { el: el, text: copy.textContent.toLowerCase(), link: document.querySelector('.side a[href="#' + el.id + '"]') };
  });
  search.addEventListener("input", function () {
    var terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    parts.forEach(function (p) {
      var found = terms.every(function (t) { return p.text.indexOf(t) >= 0; });
      p.el.hidden = !found;
      if (p.link) p.link.hidden = !found;
    });
    document.querySelectorAll("[data-group]").forEach(function (g) {
      g.hidden = terms.length > 0 && !g.querySelector("[data-part]:not([hidden])");
    });
  });
})();
