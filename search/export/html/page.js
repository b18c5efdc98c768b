"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [chart, svg, tip, note] = ["chart", "picture", "tip", "note"].map((id) => document.getElementById(id));
  const zoom = document.getElementById("zoom");
  const body = document.querySelector("#table tbody");
  const shown = { axis: Object.keys(data.axes)[0] };
  let points = [];

  function add(parent, name, attributes, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return parent.appendChild(element);
  }

  // 1, 2 and 5 of every decade, or the decades alone where they are many.
  function logTicks(low, high, most) {
    const all = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1)
      for (const step of [1, 2, 5]) all.push(Number(`${step}e${power}`));
    const inside = all.filter((value) => value >= low && value <= high);
    const decades = inside.filter((value) => Number.isInteger(Number(Math.log10(value).toFixed(9))));
    return inside.length <= most || decades.length < 2 ? inside : decades;
  }

  function spokenTick(value) {
    return value >= 1 ? value.toLocaleString("en") : String(Number(value.toPrecision(1)));
  }

  function overlaps(one, other) {
    return one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;
  }

  function draw() {
    const axis = data.axes[shown.axis];
    svg.replaceChildren();
    hide();
    const { width, height } = svg.getBoundingClientRect();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const box = { left: 46, right: width - 14, top: 12, bottom: height - 44 };
    const floor = zoom.checked ? data.line - 0.05 : -1;
    const drawn = axis.points.filter((point) => data.rows[point.row].share >= floor);
    const left = axis.points.length - drawn.length;
    note.textContent = [axis.note, left ? `${left} less accurate than ${(100 * floor).toFixed(0)} % not shown.` : ""]
      .filter(Boolean).join(" ");
    if (!drawn.length) {
      add(svg, "text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "nothing to show");
      points = [];
      return;
    }
    let low = Math.min(...drawn.map((point) => point.low || point.value));
    let high = Math.max(...drawn.map((point) => point.high));
    const room = Math.max((high / low) ** 0.06, Math.sqrt(10 / (high / low)));
    low /= room;
    high *= room;
    const shares = drawn.map((point) => data.rows[point.row]);
    const least = Math.max(Math.min(data.line, ...shares.map((row) => row.low)) - 0.02, 0);
    const most = Math.min(Math.max(data.least, ...shares.map((row) => row.high)) + 0.03, 1.01);
    const x = (value) => box.left + ((box.right - box.left) * Math.log(value / low)) / Math.log(high / low);
    const y = (share) => box.bottom - ((box.bottom - box.top) * (share - least)) / (most - least);

    for (const value of logTicks(low, high, Math.max(width / 70, 3))) {
      add(svg, "line", { class: "grid", x1: x(value), x2: x(value), y1: box.top, y2: box.bottom });
      add(svg, "text", { class: "soft", x: x(value), y: box.bottom + 16, "text-anchor": "middle" }, spokenTick(value));
    }
    const step = [1, 2, 5, 10, 20].find((each) => (100 * (most - least)) / each <= height / 40) || 20;
    for (let percent = Math.ceil((100 * least) / step) * step; percent <= Math.min(100 * most, 100); percent += step) {
      const at = y(percent / 100);
      add(svg, "line", { class: "grid", x1: box.left, x2: box.right, y1: at, y2: at });
      add(svg, "text", { class: "soft", x: box.left - 6, y: at + 4, "text-anchor": "end" }, `${percent} %`);
    }
    add(svg, "line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom });
    add(svg, "text", { x: (box.left + box.right) / 2, y: height - 8, "text-anchor": "middle" },
      `${axis.title} (logarithmic)`);
    add(svg, "line", { class: "line", x1: box.left, x2: box.right, y1: y(data.line), y2: y(data.line) });
    add(svg, "line", { class: "margin", x1: box.left, x2: box.right, y1: y(data.least), y2: y(data.least) });

    const order = ["dominated", "apart", "baseline", "front"];
    const sorted = [...drawn].sort((one, other) => order.indexOf(one.role) - order.indexOf(other.role));
    const on = drawn.filter((point) => point.on).sort((one, other) => one.value - other.value);
    // A step reaches to the next worse figure: to the right where less is better, to the left where more is.
    const stairs = on.map((point, place) => {
      const [across, up] = [x(point.value), y(data.rows[point.row].share)];
      return place === 0 ? `M${across} ${up}` : axis.more ? `V${up}H${across}` : `H${across}V${up}`;
    });
    add(svg, "path", { class: "stairs", d: stairs.join("") });
    points = sorted.map((point) => mark(point, x, y));
    points.sort((one, other) => one.across - other.across);
    rove(points[0]);
    label(drawn, x, y, box);
  }

  function mark(point, x, y) {
    const row = data.rows[point.row];
    const [across, up] = [x(point.value), y(row.share)];
    const element = add(svg, "g", {
      class: `point ${point.role}${row.test ? " test" : ""}`, tabindex: -1, role: "img", "aria-label": row.tip.join(", "),
    });
    const bars = add(element, "g", { class: "bars" });
    add(bars, "line", { x1: x(point.low || point.value), x2: x(point.high), y1: up, y2: up });
    add(bars, "line", { x1: across, x2: across, y1: y(row.low), y2: y(row.high) });
    if (point.label && point.role !== "baseline") add(element, "circle", { class: "ring", cx: across, cy: up, r: 10 });
    if (point.role === "baseline")
      add(element, "path", { class: "mark", d: `M${across - 7} ${up}l7 -7 7 7 -7 7z` });
    else if (point.role === "apart")
      add(element, "path", { class: "mark", d: `M${across - 3.5} ${up - 3.5}l7 7m0 -7l-7 7` });
    else add(element, "circle", { class: "mark", cx: across, cy: up, r: point.role === "front" ? 5 : 3.2 });
    add(element, "circle", { class: "reach", cx: across, cy: up, r: 12 });
    const entry = { element, point, across, up };
    element.addEventListener("focus", () => { rove(entry); show(entry); });
    element.addEventListener("blur", hide);
    return entry;
  }

  // Names stand where they cover neither each other nor a point that matters.
  function label(drawn, x, y, box) {
    const taken = drawn.filter((point) => point.on || point.label).flatMap((point) => {
      const [across, row] = [x(point.value), data.rows[point.row]];
      return [
        { x: across - 8, y: y(row.share) - 8, w: 16, h: 16 },
        { x: across - 2, y: y(row.high), w: 4, h: y(row.low) - y(row.high) },
      ];
    });
    const crowd = drawn.map((point) => ({ x: x(point.value) - 2, y: y(data.rows[point.row].share) - 2, w: 4, h: 4 }));
    for (const point of drawn.filter((each) => each.label)) {
      const [across, up] = [x(point.value), y(data.rows[point.row].share)];
      const text = add(svg, "text", { class: point.role === "baseline" ? "name" : "name won" }, point.label);
      const { width: w, height: h } = text.getBBox();
      let best = null;
      for (const far of [16, 30, 46, 64, 84, 108, 134])
        for (const top of [up - far - h, up + far])
          for (const start of [across + 8, across - 8 - w, across - w / 2]) {
            const at = { x: Math.min(Math.max(start, box.left + 2), box.right - w), y: top, w, h };
            const outside = at.y < box.top - 8 || at.y + h > box.bottom;
            const cost = 1000 * outside + 100 * taken.filter((other) => overlaps(at, other)).length
              + 8 * crowd.filter((other) => overlaps(at, other)).length + far / 5;
            if (!best || cost < best.cost) best = { cost, at };
          }
      const { at } = best;
      taken.push(at);
      text.setAttribute("x", at.x);
      text.setAttribute("y", at.y + h * 0.78);
      add(svg, "line", { class: "leader", x1: across, y1: up + (at.y > up ? 11 : -11),
        x2: Math.min(Math.max(across, at.x + 6), at.x + w - 6), y2: at.y > up ? at.y : at.y + h });
    }
  }

  function show({ element, point, across, up }) {
    const row = data.rows[point.row];
    tip.replaceChildren(...[...row.tip, point.why].filter(Boolean).map((text) => {
      const line = document.createElement("div");
      line.textContent = text;
      return line;
    }));
    tip.hidden = false;
    for (const other of points) other.element.classList.toggle("chosen", other.element === element);
    const [free, tall] = [chart.clientWidth - tip.offsetWidth, tip.offsetHeight];
    tip.style.left = `${Math.max(Math.min(across + 16, free), 0)}px`;
    tip.style.top = `${up - tall - 16 > 0 ? up - tall - 16 : up + 16}px`;
  }

  function hide() {
    tip.hidden = true;
    for (const other of points) other.element.classList.remove("chosen");
  }

  // One stop for Tab; the arrows go on from there.
  function rove(entry) {
    for (const other of points) other.element.setAttribute("tabindex", other === entry ? 0 : -1);
  }

  // In a crowd the nearest point is meant, not the one drawn last.
  function nearest(event) {
    const { left, top } = svg.getBoundingClientRect();
    const away = (entry) => Math.hypot(entry.across - event.clientX + left, entry.up - event.clientY + top);
    const entry = points.reduce((one, other) => (away(other) < away(one) ? other : one), points[0]);
    return entry && away(entry) < 24 ? entry : null;
  }

  svg.addEventListener("pointermove", (event) => {
    const entry = nearest(event);
    if (entry) show(entry);
    else hide();
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("click", (event) => {
    const entry = nearest(event);
    if (!entry) return;
    entry.element.focus({ preventScroll: true });
    choose(entry.point.row);
  });
  svg.addEventListener("keydown", (event) => {
    const current = points.findIndex((entry) => entry.element === document.activeElement);
    const to = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: points.length - 1 }[event.key];
    if (event.key === "Escape") hide();
    else if (event.key === "Enter" && current >= 0) choose(points[current].point.row);
    else if (to !== undefined && points[to]) { event.preventDefault(); points[to].element.focus(); }
  });

  function choose(row) {
    for (const other of body.rows) other.classList.toggle("chosen", Number(other.dataset.row) === row);
    const chosen = body.querySelector(".chosen");
    // Within the table alone: the picture stays where it is.
    if (chosen) document.querySelector(".scroll").scrollTop = chosen.offsetTop - 3 * chosen.offsetHeight;
  }

  // The address may name an axis and a recipe: front.html#energy,71c3d70b70d3; so do the table's links.
  function follow() {
    const named = location.hash.slice(1).split(",");
    const axis = named.find((name) => data.axes[name]);
    if (axis && axis !== shown.axis) {
      shown.axis = axis;
      document.querySelector(`input[value=${axis}]`).checked = true;
      draw();
    }
    const entry = points.find((each) => named.includes(data.rows[each.point.row].id));
    if (!entry) return;
    entry.element.focus({ preventScroll: true });
    chart.scrollIntoView({ block: "nearest" });
    choose(entry.point.row);
  }

  function sort(head) {
    const place = [...head.parentNode.children].indexOf(head);
    const falling = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const key = (row) => row.cells[place].dataset.value;
    const words = head.classList.contains("text");
    const rows = [...body.rows].sort((one, other) =>
      words ? key(one).localeCompare(key(other)) : Number(key(one)) - Number(key(other)));
    body.append(...(falling ? rows.reverse() : rows));
  }

  for (const head of document.querySelectorAll("#table th"))
    head.firstElementChild.addEventListener("click", () => sort(head));
  for (const choice of document.querySelectorAll("input[name=axis]"))
    choice.addEventListener("change", () => { shown.axis = choice.value; draw(); });
  zoom.addEventListener("change", draw);
  for (const hidden of document.querySelectorAll(".axes, .key")) hidden.hidden = false;
  addEventListener("hashchange", follow);
  let width = 0;
  function fit() {
    // On a phone the height changes whenever the address bar hides.
    if (chart.clientWidth === width) return;
    const first = width === 0;
    width = chart.clientWidth;
    draw();
    if (first) follow();
  }
  // At once: an observer waits for the first frame.
  fit();
  new ResizeObserver(fit).observe(chart);
})();
