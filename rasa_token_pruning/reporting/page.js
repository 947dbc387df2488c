"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  document.documentElement.classList.add("scripted");

  // The threshold: what is counted here is counted as Crowd.outcomes does in Python.
  const atLeast = (ascending, threshold) => {
    let low = 0;
    let high = ascending.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ascending[middle] < threshold) low = middle + 1;
      else high = middle;
    }
    return ascending.length - low;
  };
  const outcomes = (crowd, threshold) => {
    const right = atLeast(crowd.right, threshold);
    const wrong = atLeast(crowd.wrong, threshold);
    const total = crowd.right.length + crowd.wrong.length + crowd.never;
    return { right, wrong, again: total - right - wrong, total };
  };
  const percent = (count, total) => {
    const text = ((100 * count) / total).toFixed(1);
    if (count > 0 && Number(text) === 0) return "under 0.1%";
    return count < total && Number(text) === 100 ? "over 99.9%" : text + "%";
  };
  const scores = JSON.parse(find("scores").textContent);
  const slider = find("slider");
  const figures = () => {
    const threshold = Number(slider.value);
    const inside = outcomes(scores.inside, threshold);
    const found = [["right", inside.right, inside.total], ["wrong", inside.wrong, inside.total], ["again", inside.again, inside.total]];
    if (scores.outside) {
      const outside = outcomes(scores.outside, threshold);
      found.push(["through", outside.wrong, outside.total]);
    }
    return found;
  };
  const move = () => {
    const threshold = Number(slider.value);
    find("at").textContent = String(threshold);
    for (const [key, count, total] of figures()) {
      find("figure-" + key).textContent = percent(count, total);
      find("count-" + key).textContent = count + " of " + total;
    }
    for (const line of document.querySelectorAll("svg .threshold")) {
      line.setAttribute("transform", "translate(" + (threshold * Number(slider.dataset.width)).toFixed(2) + " 0)");
    }
  };
  // Said when the slider comes to rest; figures that change with every step would never be heard to the end.
  const speak = () => {
    const names = { right: "answered rightly", wrong: "answered wrongly", again: "asked again", through: "let through" };
    find("spoken").textContent = figures().map(([key, count, total]) => names[key] + " " + percent(count, total)).join(", ");
  };
  slider.parentElement.hidden = false;
  slider.addEventListener("input", move);
  slider.addEventListener("change", speak);

  // Sorting: by the number of a cell where it has one, else by its text; equal rows stay in their order.
  const order = new Intl.Collator("en", { numeric: true });
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const compare = (one, other) => (typeof one === "number" ? one - other : order.compare(one, other));
  for (const button of document.querySelectorAll("button.sort")) {
    const head = button.closest("th");
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const body = head.closest("table").tBodies[0];
      const rows = Array.from(body.rows, (row) => [key(row, head.cellIndex), row]);
      rows.sort(([one], [other]) => (descending ? compare(other, one) : compare(one, other)));
      body.append(...rows.map(([, row]) => row));
    });
  }

  // Filtering.
  for (const tools of document.querySelectorAll(".tools")) {
    const rows = Array.from(find(tools.dataset.table).tBodies[0].rows);
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const words = tools.querySelector(".find");
    const kind = tools.querySelector(".kind");
    const filter = () => {
      const wanted = words ? words.value.trim().toLowerCase() : "";
      let shown = 0;
      for (const row of rows) {
        row.hidden = !texts.get(row).includes(wanted) || Boolean(kind && kind.value && row.dataset.kind !== kind.value);
        shown += row.hidden ? 0 : 1;
      }
      tools.querySelector(".count").textContent = shown + " of " + rows.length;
    };
    for (const input of [words, kind]) if (input) input.addEventListener("input", filter);
    tools.hidden = false;
  }

  // On paper nothing can be opened: all is, and closed again afterwards.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });
})();
