"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [chart, svg, tip, note] = ["chart", "picture", "tip", "note"].map((id) => document.getElementById(id));
  const zoom = document.getElementById("zoom");
  const body = document.querySelector("#table tbody");
  const [filter, count, all, card] = ["filter", "count", "all", "card"].map((id) => document.getElementById(id));
  const last = data.rows.length - 1;
  // What the person chose, which outlasts the opening anew: an axis; of each axis and of the accuracy the range that is
  // shown; the order of the table; whether all of it is shown; whose card is open.
  let shown = { axis: Object.keys(data.axes)[0], ranges: {}, sort: null, all: false, card: null, zoom: false };
  // Of the rows that match so many stand in the document: thousands take long. All of them, one a line, are the text of
  // the table for those who run no script; an element is made of a line once it is to be shown.
  const FIRST = 40;
  const lines = document.querySelector("main > noscript.rows").textContent.match(/^<tr .*$/gm) || [];
  const made = new Map();
  // In the order of the table.
  let rows = lines.map((line, row) => row);
  let chosen = null;
  let points = [];
  let scale = null;
  // Of each axis the figure of each row.
  const figures = Object.fromEntries(Object.entries(data.axes).map(([name, axis]) =>
    [name, axis.points.reduce((all, point) => { all[point.row] = point.value; return all; }, [])]));

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
      scale = null;
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
    // The crowd's intervals are one shape: of a thousand points each had two lines.
    const crowd = sorted.filter((point) => point.role === "dominated" || point.role === "apart");
    add(svg, "path", { class: "bars crowd", d: crowd.map((point) => bars(point, x, y)).join("") });
    points = sorted.map((point) => mark(point, x, y));
    scale = { box, low, high, least, most };
    marked();
    brushed();
    points.sort((one, other) => one.across - other.across);
    rove(points[0]);
    label(drawn, x, y, box);
  }

  function bars(point, x, y) {
    const row = data.rows[point.row];
    return `M${x(point.low || point.value)} ${y(row.share)}H${x(point.high)}` +
      `M${x(point.value)} ${y(row.low)}V${y(row.high)}`;
  }

  function mark(point, x, y) {
    const row = data.rows[point.row];
    const [across, up] = [x(point.value), y(row.share)];
    const element = add(svg, "g", {
      class: `point ${point.role}${row.test ? " test" : ""}`, tabindex: -1, role: "img", "aria-label": row.tip.join(", "),
    });
    if (point.role === "front" || point.role === "baseline") add(element, "path", { class: "bars", d: bars(point, x, y) });
    if (point.label && point.role !== "baseline") add(element, "circle", { class: "ring", cx: across, cy: up, r: 10 });
    if (point.role === "baseline")
      add(element, "path", { class: "mark", d: `M${across - 7} ${up}l7 -7 7 7 -7 7z` });
    else if (point.role === "apart")
      add(element, "path", { class: "mark", d: `M${across - 3.5} ${up - 3.5}l7 7m0 -7l-7 7` });
    else add(element, "circle", { class: "mark", cx: across, cy: up, r: point.role === "front" ? 5 : 3.2 });
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

  const reach = add(document.createElementNS("http://www.w3.org/2000/svg", "g"), "circle", { class: "reach", r: 12 });

  function show({ point, across, up }) {
    const row = data.rows[point.row];
    tip.replaceChildren(...[...row.tip, point.why].filter(Boolean).map((text) => {
      const line = document.createElement("div");
      line.textContent = text;
      return line;
    }));
    tip.hidden = false;
    reach.setAttribute("cx", across);
    reach.setAttribute("cy", up);
    svg.append(reach);
    const [free, tall] = [chart.clientWidth - tip.offsetWidth, tip.offsetHeight];
    tip.style.left = `${Math.max(Math.min(across + 16, free), 0)}px`;
    tip.style.top = `${up - tall - 16 > 0 ? up - tall - 16 : up + 16}px`;
  }

  function hide() {
    tip.hidden = true;
    reach.remove();
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
    if (drag) return;
    const entry = nearest(event);
    if (entry) show(entry);
    else hide();
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("click", (event) => {
    const entry = nearest(event);
    if (!entry || dragged) return;
    entry.element.focus({ preventScroll: true });
    open(entry.point.row);
  });
  svg.addEventListener("keydown", (event) => {
    const current = points.findIndex((entry) => entry.element === document.activeElement);
    const to = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: points.length - 1 }[event.key];
    if (event.key === "Escape") hide();
    else if (event.key === "Enter" && current >= 0) open(points[current].point.row, true);
    else if (to !== undefined && points[to]) { event.preventDefault(); points[to].element.focus(); }
  });

  function choose(row) {
    chosen = row;
    list();
    const line = body.querySelector(".chosen");
    // Within the table alone: the picture stays where it is.
    if (line) document.querySelector(".scroll").scrollTop = line.offsetTop - 3 * line.offsetHeight;
  }

  // The address may name an axis and a recipe: front.html#energy,71c3d70b70d3; so do the table's links.
  function follow() {
    const named = location.hash.slice(1).split(",");
    const axis = named.find((name) => data.axes[name]);
    if (axis && axis !== shown.axis) {
      shown.axis = axis;
      document.querySelector(`input[value=${axis}]`).checked = true;
      fill();
      draw();
    }
    const entry = points.find((each) => named.includes(data.rows[each.point.row].id));
    if (!entry) return;
    entry.element.focus({ preventScroll: true });
    chart.scrollIntoView({ block: "nearest" });
    open(entry.point.row);
  }

  function sort(head, falling) {
    const place = [...head.parentNode.children].indexOf(head);
    shown.sort = [place, falling];
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const key = (row) => element(row).cells[place].dataset.value;
    const words = head.classList.contains("text");
    rows.sort((one, other) =>
      words ? key(one).localeCompare(key(other)) : Number(key(one)) - Number(key(other)));
    if (falling) rows.reverse();
    list();
  }

  // Filtering: the figures of a range are those that a person reads, so ends are rounded outwards.

  function outwards(value, up) {
    const step = 10 ** (Math.floor(Math.log10(value)) - 2);
    return Number(((up ? Math.ceil : Math.floor)(value / step + (up ? -1e-9 : 1e-9)) * step).toPrecision(3));
  }

  function within([low, high], value) {
    return (low === null || value >= low) && (high === null || value <= high);
  }

  function matches(row) {
    return Object.entries(shown.ranges).every(([name, range]) =>
      within(range, name === "accuracy" ? 100 * data.rows[row].share : figures[name][row]));
  }

  function element(row) {
    if (!made.has(row)) {
      const template = document.createElement("template");
      template.innerHTML = lines[row];
      made.set(row, template.content.firstElementChild);
    }
    return made.get(row);
  }

  // The table's rows: those that match, the first of them in the document.
  function list() {
    const matching = rows.filter(matches);
    const most = shown.all ? matching.length : Math.max(FIRST, matching.indexOf(chosen) + 1);
    body.replaceChildren(...matching.slice(0, most).map(element));
    for (const line of body.rows) line.classList.toggle("chosen", Number(line.dataset.row) === chosen);
    all.hidden = matching.length <= most;
    all.textContent = `show all ${matching.length.toLocaleString("en")}`;
    const filtered = Object.keys(shown.ranges).length > 0;
    count.textContent = filtered
      ? `${matching.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}` : `all ${rows.length.toLocaleString("en")}`;
    filter.querySelector("button").disabled = !filtered;
  }

  function marked() {
    const filtered = Object.keys(shown.ranges).length > 0;
    for (const entry of points) entry.element.classList.toggle("outside", filtered && !matches(entry.point.row));
  }

  const ends = [...filter.querySelectorAll("input")];

  function put(name, range) {
    if (range && (range[0] !== null || range[1] !== null)) shown.ranges[name] = range;
    else delete shown.ranges[name];
  }

  // What stands in the fields: of the accuracy, and of the axis that is drawn.
  function fill() {
    const texts = ["accuracy", shown.axis].flatMap((name) => shown.ranges[name] || [null, null]);
    ends.forEach((end, place) => { end.value = texts[place] === null ? "" : texts[place]; });
    document.getElementById("along").textContent = data.axes[shown.axis].title;
  }

  function read() {
    const values = ends.map((end) => end.value === "" || !Number.isFinite(Number(end.value)) ? null : Number(end.value));
    put("accuracy", values.slice(0, 2));
    put(shown.axis, values.slice(2));
    filtered();
  }

  function filtered() {
    list();
    marked();
    brushed();
  }

  // The range as a rectangle on the picture.
  function brushed(corners) {
    svg.querySelector(".brush")?.remove();
    if (!scale) return;
    const { box, low, high, least, most } = scale;
    const x = (value) => box.left + ((box.right - box.left) * Math.log(value / low)) / Math.log(high / low);
    const y = (share) => box.bottom - ((box.bottom - box.top) * (share - least)) / (most - least);
    const [up, along] = [shown.ranges.accuracy, shown.ranges[shown.axis]];
    if (!corners && !up && !along) return;
    const inside = (value, from, to) => Math.min(Math.max(value, from), to);
    const [left, right, top, bottom] = corners || [
      inside(along && along[0] ? x(along[0]) : box.left, box.left, box.right),
      inside(along && along[1] !== null ? x(along[1]) : box.right, box.left, box.right),
      inside(up && up[1] !== null ? y(up[1] / 100) : box.top, box.top, box.bottom),
      inside(up && up[0] !== null ? y(up[0] / 100) : box.bottom, box.top, box.bottom),
    ];
    const attributes = { class: "brush", x: left, y: top, width: Math.max(right - left, 0), height: Math.max(bottom - top, 0) };
    svg.prepend(add(svg, "rect", attributes));
  }

  // With a mouse or a pen a rectangle is drawn; a finger scrolls, and has the fields.
  let drag = null;
  let dragged = false;

  svg.addEventListener("pointerdown", (event) => {
    dragged = false;
    if (event.button !== 0 || event.pointerType === "touch" || !scale) return;
    const { left, top } = svg.getBoundingClientRect();
    drag = { x: event.clientX - left, y: event.clientY - top };
  });
  addEventListener("pointermove", (event) => {
    if (!drag) return;
    const { left, top } = svg.getBoundingClientRect();
    const { box } = scale;
    const [x, y] = [event.clientX - left, event.clientY - top];
    if (!dragged && Math.hypot(x - drag.x, y - drag.y) < 6) return;
    dragged = true;
    hide();
    const inside = (value, from, to) => Math.min(Math.max(value, from), to);
    drag.corners = [
      inside(Math.min(x, drag.x), box.left, box.right), inside(Math.max(x, drag.x), box.left, box.right),
      inside(Math.min(y, drag.y), box.top, box.bottom), inside(Math.max(y, drag.y), box.top, box.bottom),
    ];
    brushed(drag.corners);
  });
  addEventListener("pointerup", () => {
    const corners = drag && dragged ? drag.corners : null;
    drag = null;
    if (!corners) return;
    const { box, low, high, least, most } = scale;
    const value = (x) => low * (high / low) ** ((x - box.left) / (box.right - box.left));
    const share = (y) => 100 * (least + ((most - least) * (box.bottom - y)) / (box.bottom - box.top));
    const [left, right, top, bottom] = corners;
    put(shown.axis, [outwards(value(left), false), outwards(value(right), true)]);
    put("accuracy", [Math.max(Math.floor(10 * share(bottom)) / 10, 0), Math.ceil(10 * share(top)) / 10]);
    fill();
    filtered();
  });
  for (const end of ends) end.addEventListener("input", read);
  filter.addEventListener("submit", (event) => event.preventDefault());
  filter.querySelector("button").addEventListener("click", () => {
    shown.ranges = {};
    fill();
    filtered();
    ends[0].focus();
  });
  all.addEventListener("click", () => {
    shown.all = true;
    list();
    body.closest(".scroll").focus();
  });

  // The card of one candidate.

  function open(row, byKey) {
    choose(row);
    shown.card = data.rows[row].id;
    const about = data.rows[row];
    const title = card.querySelector("h2");
    title.textContent = row === last ? "The unpruned baseline" : `Candidate ${about.id}`;
    list_of("figures", about.tip.slice(1));
    list_of("history", about.history);
    list_of("files", about.file);
    // Before it is drawn: what is hidden has no width.
    card.hidden = false;
    network(about);
    intervals(about, row);
    curve(about);
    if (byKey) title.focus({ preventScroll: false });
  }

  function list_of(name, texts) {
    card.querySelector(`.${name}`).replaceChildren(...texts.map((text) => {
      const line = document.createElement("li");
      line.textContent = text;
      return line;
    }));
  }

  function close() {
    card.hidden = true;
    shown.card = null;
    chosen = null;
    list();
  }
  card.querySelector("button").addEventListener("click", () => { close(); svg.querySelector("[tabindex='0']")?.focus(); });
  card.addEventListener("keydown", (event) => {
    if (event.key === "Escape") card.querySelector("button").click();
  });

  function emptied(name, height) {
    const drawing = card.querySelector(`.${name}`);
    drawing.replaceChildren();
    const width = drawing.getBoundingClientRect().width || 400;
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    return [drawing, width];
  }

  // A row for each unit: what is kept of its channels, in the outline of all of them.
  function network(about) {
    const whole = data.rows[last];
    const [drawing, width] = emptied("network", 18 * about.widths.length);
    const [each, left, right] = [18, 70, width - 96];
    const most = Math.max(...whole.widths);
    // Channels as square roots: what they take grows with their square.
    const long = (channels) => (right - left) * Math.sqrt(channels / most);
    const told = [];
    about.widths.forEach((kept, place) => {
      const [name, top] = [data.units[place] || `unit ${place + 1}`, place * each];
      const halved = about.halvings.includes(place) ? ", halves the image" : "";
      const text = kept ? `${kept} of ${whole.widths[place]}${about.halvings.includes(place) ? " ½" : ""}` : "removed";
      add(drawing, "text", { x: 0, y: top + 12 }, name);
      add(drawing, "rect", { class: kept ? "whole" : "whole gone", x: left, y: top + 2, width: long(whole.widths[place]), height: 12 });
      if (kept) add(drawing, "rect", { class: "kept", x: left, y: top + 2, width: long(kept), height: 12 });
      add(drawing, "text", { x: right + 8, y: top + 12 }, text);
      told.push(kept ? `${name} ${kept} of ${whole.widths[place]} channels${halved}` : `${name} removed`);
    });
    drawing.setAttribute("aria-label", `The network beside the unpruned one: ${told.join("; ")}`);
  }

  // Each interval over that of whoever leads, on one scale.
  function intervals(about, row) {
    const leads = data.leads === null || data.leads === row ? null : data.rows[data.leads];
    const [drawing, width] = emptied("intervals", 34 * about.intervals.length);
    const [each, left, right] = [34, 8, width - 8];
    const told = [];
    about.intervals.forEach(([title, low, value, high, unit], place) => {
      const rival = leads && leads.intervals.find((other) => other[0] === title);
      const ends = [low, high, ...(rival ? [rival[1], rival[3]] : [])];
      const [from, to] = [Math.min(...ends), Math.max(...ends)];
      const x = (figure) => left + (right - left) * (to > from ? (figure - from) / (to - from) : 0.5);
      const top = place * each;
      const words = `${title} ${value.toLocaleString("en", { maximumSignificantDigits: 4 })} ${unit} ` +
        `(${low.toLocaleString("en", { maximumSignificantDigits: 4 })} to ${high.toLocaleString("en", { maximumSignificantDigits: 4 })})`;
      add(drawing, "text", { x: 0, y: top + 12 }, words);
      add(drawing, "path", { class: "own", d: `M${x(low)} ${top + 20}H${x(high)}M${x(value)} ${top + 16}v8` });
      if (rival) add(drawing, "path", { class: "rival", d: `M${x(rival[1])} ${top + 26}H${x(rival[3])}M${x(rival[2])} ${top + 23}v6` });
      told.push(words);
    });
    drawing.setAttribute("aria-label", told.join("; "));
    card.querySelector(".beside").hidden = !leads;
  }

  // Accuracy on validation after each epoch.
  function curve(about) {
    const part = card.querySelector(".curve").closest("figure");
    part.hidden = about.curve.length < 2;
    if (part.hidden) return;
    const [drawing, width] = emptied("curve", 84);
    const [low, high] = [Math.min(...about.curve), Math.max(...about.curve)];
    const x = (place) => 48 + ((width - 56) * place) / (about.curve.length - 1);
    const y = (share) => 66 - (60 * (share - low)) / (high - low || 1);
    add(drawing, "path", { class: "own", d: about.curve.map((share, place) => `${place ? "L" : "M"}${x(place)} ${y(share)}`).join("") });
    for (const share of [low, high]) add(drawing, "text", { x: 0, y: y(share) + 5 }, `${(100 * share).toFixed(1)} %`);
    add(drawing, "text", { x: 48, y: 81 }, "epoch 1");
    add(drawing, "text", { x: width - 8, y: 81, "text-anchor": "end" }, `${about.curve.length}`);
    drawing.setAttribute("aria-label",
      `Validation accuracy over ${about.curve.length} epochs, from ${(100 * about.curve[0]).toFixed(1)} to ${(100 * about.curve.at(-1)).toFixed(1)} %`);
  }

  // A search that goes on writes the page anew: it is opened again, as it was left, while nobody is at it.
  let touched = 0;

  function keep() {
    const scroll = [scrollX, scrollY, document.querySelector(".scroll").scrollTop];
    const follows = document.getElementById("follow")?.checked;
    try {
      sessionStorage.setItem("front", JSON.stringify({ ...shown, zoom: zoom.checked, scroll, follows }));
    } catch { /* Some browsers keep nothing for files: then it begins anew. */ }
  }

  function resume() {
    let kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem("front"));
      sessionStorage.removeItem("front");
    } catch { /* As above. */ }
    if (!kept || !data.axes[kept.axis]) return;
    const { scroll, follows, ...rest } = kept;
    shown = { ...shown, ...rest };
    zoom.checked = kept.zoom;
    document.querySelector(`input[value=${kept.axis}]`).checked = true;
    const follow = document.getElementById("follow");
    if (follow) follow.checked = follows !== false;
    if (kept.sort) sort(document.querySelectorAll("#table th")[kept.sort[0]], kept.sort[1]);
    return () => {
      const row = data.rows.findIndex((each) => each.id === kept.card);
      if (row >= 0) open(row);
      scrollTo(scroll[0], scroll[1]);
      document.querySelector(".scroll").scrollTop = scroll[2];
    };
  }

  function again() {
    const typing = document.activeElement?.matches("input[type=number]");
    if (document.hidden || drag || typing || !document.getElementById("follow").checked) return;
    if (performance.now() - touched < 1000 * data.again) return;
    keep();
    location.reload();
  }

  if (data.again) {
    for (const kind of ["pointerdown", "keydown", "wheel", "touchstart"])
      addEventListener(kind, () => { touched = performance.now(); }, { passive: true });
    setInterval(again, 1000 * data.again);
  }

  for (const head of document.querySelectorAll("#table th"))
    head.firstElementChild.addEventListener("click", () => sort(head, head.getAttribute("aria-sort") === "ascending"));
  for (const choice of document.querySelectorAll("input[name=axis]"))
    choice.addEventListener("change", () => { shown.axis = choice.value; fill(); draw(); });
  zoom.addEventListener("change", draw);
  for (const hidden of document.querySelectorAll(".axes, .key, #filter")) hidden.hidden = false;
  addEventListener("hashchange", follow);
  let width = 0;
  function fit() {
    // On a phone the height changes whenever the address bar hides.
    if (chart.clientWidth === width) return;
    const first = width === 0;
    width = chart.clientWidth;
    draw();
    if (first && !restored) follow();
  }
  const restored = resume();
  fill();
  list();
  // At once: an observer waits for the first frame.
  fit();
  restored?.();
  new ResizeObserver(fit).observe(chart);
})();
