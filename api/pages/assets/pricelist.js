// Makes the price list quicker: what the form asks for is fetched while it is being
// filled in, and only the results are replaced. Without it the form works as forms do.
(function () {
  "use strict";
  var form = document.getElementById("filter");
  var main = document.getElementById("main");
  if (!form || !window.fetch || !window.URLSearchParams || !window.DOMParser) return;
  var parts = ["tabs", "facets", "results"];
  var timer = 0;
  var asked = null;

  function address() {
    var query = new URLSearchParams();
    new FormData(form).forEach(function (value, name) { if (value) query.set(name, value); });
    var text = query.toString();
    return form.getAttribute("action") + (text ? "?" + text : "");
  }

  function show(url, how) {
    if (asked) asked.abort();
    var mine = asked = window.AbortController ? new AbortController() : { abort: function () {}, signal: undefined };
    main.classList.add("busy");
    fetch(url, { signal: mine.signal, headers: { Accept: "text/html" } }).then(function (answer) {
      if (answer.status === 429) {
        clearTimeout(timer);
        timer = setTimeout(function () { show(url, how); }, 1000 * (Number(answer.headers.get("Retry-After")) || 5));
        return null;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.text();
    }).then(function (text) {
      if (text === null || mine !== asked) return;
      var fresh = new DOMParser().parseFromString(text, "text/html");
      parts.forEach(function (id) {
        var old = document.getElementById(id), now = fresh.getElementById(id);
        if (old && now) old.replaceWith(document.importNode(now, true));
      });
      if (how === "push") history.pushState(null, "", url);
      if (how === "replace") history.replaceState(null, "", url);
      main.classList.remove("busy");
    }).catch(function (why) {
      if (why.name !== "AbortError") window.location.assign(url);
    });
  }

  function later(wait, how) {
    clearTimeout(timer);
    timer = setTimeout(function () { show(address(), how); }, wait);
  }

  form.addEventListener("input", function (e) {
    if (e.target.name === "q") later(200, "replace");
  });
  form.addEventListener("change", function (e) {
    if (e.target.name !== "q") later(0, "push");
  });
  form.addEventListener("submit", function (e) {
    e.preventDefault();
    later(0, "push");
  });
  main.addEventListener("click", function (e) {
    var link = e.target.closest ? e.target.closest("#tabs a, #results .pager a") : null;
    if (!link || e.metaKey || e.ctrlKey || e.shiftKey || e.button) return;
    e.preventDefault();
    show(link.getAttribute("href"), "push");
    if (link.closest(".pager")) document.getElementById("results").scrollIntoView();
  });
  window.addEventListener("popstate", function () { window.location.reload(); });
  var print = document.getElementById("print");
  if (print) print.addEventListener("click", function () { window.print(); });
})();
