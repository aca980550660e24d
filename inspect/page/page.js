"use strict";
// Shows what `mqtt-inspect --html` has put into the page. Whatever comes from the wire becomes text nodes, never markup.

const rows = JSON.parse(document.getElementById("rows").textContent);
const page = JSON.parse(document.getElementById("sum").textContent);
const { summary, names } = page;

const CLASS_OF = {
  CONNECT: "session", CONNACK: "session", DISCONNECT: "session", AUTH: "session", PUBLISH: "message",
  SUBSCRIBE: "subscription", SUBACK: "subscription", UNSUBSCRIBE: "subscription", UNSUBACK: "subscription",
};
const KINDS = {
  connect: "CONNECT", qos_1: "PUBLISH, QoS 1", qos_2: "PUBLISH, QoS 2", subscribe: "SUBSCRIBE",
  unsubscribe: "UNSUBSCRIBE", ping: "PINGREQ", request: "request",
};

// Elements and text

const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text. */
function el(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Text in which every character is seen. */
function visible(text) {
  const escape = (character) => `\\u{${character.codePointAt(0).toString(16)}}`;
  return text.replace(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, escape);
}

function shortened(text, most) {
  const characters = [...text];
  return characters.length > most ? characters.slice(0, most - 1).join("") + "…" : text;
}

const number = (value) => value.toLocaleString("en");
const hex = (code) => `0x${code.toString(16).toUpperCase().padStart(2, "0")}`;
const seconds = (value) => (value === null || value === undefined ? "" : value.toFixed(6));

/** A time with a unit that suits it. */
function duration(value) {
  if (value === null || value === undefined) return "";
  if (value < 1e-3) return `${(value * 1e6).toFixed(0)} µs`;
  if (value < 1) return `${(value * 1e3).toPrecision(3)} ms`;
  if (value < 120) return `${value.toPrecision(3)} s`;
  return value < 7200 ? `${(value / 60).toFixed(1)} min` : `${(value / 3600).toFixed(1)} h`;
}

function bytes(value) {
  if (value < 10000) return `${number(value)} bytes`;
  return value < 1e7 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

// Who is who

const connections = summary.connections;

/** The name of a connection's client: its identifier, else its address. */
function clientOf(index) {
  const connection = connections[index];
  if (!connection) return "a client";
  return visible(connection.client_identifier || connection.client);
}

const serverOf = (index) => connections[index]?.server ?? "a server";

function connectionName(index) {
  const connection = connections[index];
  if (!connection) return "";
  return `${connection.source ? `${visible(connection.source)} ` : ""}#${connection.number}`;
}

// Which rows are wanted

const isBad = (row) => row.state === "error" || Boolean(row.refused) || Boolean(row.broken);
const isOdd = (row) => row.state === "incomplete" || Boolean(row.warn);

/** Whether two filters, or a name and a filter, have topic names in common (section 4.7). */
function haveInCommon(one, other) {
  const [a, b] = [one.split("/"), other.split("/")];
  const isWild = (level) => level === "+" || level === "#";
  if ((a[0].startsWith("$") && isWild(b[0])) || (b[0].startsWith("$") && isWild(a[0]))) return false;
  for (let index = 0; ; index += 1) {
    if (a[index] === "#" || b[index] === "#") return true;
    if (a[index] === undefined || b[index] === undefined) return a[index] === b[index];
    if (a[index] !== b[index] && !isWild(a[index]) && !isWild(b[index])) return false;
  }
}

function textOf(row) {
  row.text ??= [
    row.n, row.k, row.note, row.s, ...(row.w ?? []), ...(row.topics ?? []), ...(row.broken ?? []), seconds(row.t),
    clientOf(row.c), connections[row.c]?.user_name, connectionName(row.c), row.fault?.[1],
  ].filter((part) => part !== null && part !== undefined).join("\n").toLowerCase();
  return row.text;
}

function wanted() {
  const text = byId("search").value.trim().toLowerCase();
  const [client, topic, type] = [byId("client").value, byId("topic").value.trim(), byId("type").value];
  const errors = byId("only-errors").checked;
  return rows.filter((row) =>
    (!errors || isBad(row) || isOdd(row)) &&
    (!client || clientOf(row.c) === client) &&
    (!type || (row.k ?? (row.note ? "" : "reserved")) === type) &&
    (!topic || (row.topics ?? []).some((one) => haveInCommon(one, topic))) &&
    (!text || textOf(row).includes(text)));
}

// The head of the page

function head() {
  const title = `MQTT in ${visible(page.inputs.join(", "))}`;
  document.title = title;
  byId("title").textContent = title;
  const from = page.begin ? `From ${page.begin}, ${duration(summary.seconds)}.` : "";
  byId("what").textContent = `${from} Charts, latencies and counts are of all packets that were chosen.`;
  const packets = summary.ok.packets + summary.error.packets + summary.incomplete.packets;
  const sum = (list) => list.reduce((all, one) => all + one.count, 0);
  const unanswered = summary.flows.reduce((all, flow) => all + flow.unanswered, 0);
  const tiles = [
    ["packets", number(packets)],
    ["bytes of MQTT", number(summary.ok.bytes + summary.error.bytes + summary.incomplete.bytes)],
    ["connections", number(page.connections)],
    ["malformed", number(summary.error.packets), summary.error.packets > 0],
    ["refusals", number(sum(summary.refusals)), summary.refusals.length > 0],
    ["rules broken", number(sum(summary.broken)), summary.broken.length > 0],
    ["unanswered", number(unanswered), unanswered > 0],
  ];
  byId("tiles").append(...tiles.map(([name, value, bad]) => el("li", { class: bad && "bad" }, el("b", null, value), name)));
  const caps = [];
  if (page.packets_left_out > 0) {
    caps.push(`Lanes and list hold the first ${number(page.packets_listed)} of ${number(page.packets_listed + page.packets_left_out)} packets: ` +
      `at most ${number(page.limits.packets)}, and ${number(page.limits.bytes / 1024 / 1024)} MiB. Filters of the command line (--client, --topic, --since ...) choose others.`);
  }
  if (page.connections > connections.length) {
    caps.push(`The first ${number(connections.length)} of ${number(page.connections)} connections are listed.`);
  }
  if (page.latencies_left_out > 0) {
    caps.push(`The chart of latencies shows the first ${number(page.limits.latencies)} answers; the percentiles are of all.`);
  }
  byId("cap").textContent = caps.join(" ");
  byId("cap").hidden = caps.length === 0;
  byId("made").textContent = `Made by ${page.program}. The page loads nothing. Charts: uPlot, Copyright (c) 2022 Leon Sorokin, MIT License.`;
}

// Charts

const charts = [];

function chart(id, label, data, series, log) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif", stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const box = byId(id);
  const short = (value) => (value >= 1e6 ? `${value / 1e6}M` : value >= 1e4 ? `${value / 1e3}k` : `${value}`);
  const options = {
    width: Math.max(box.clientWidth, 200),
    height: 220,
    cursor: { sync: { key: "time" }, drag: { x: true, y: false } },
    scales: { x: { time: false }, y: log ? { distr: 3 } : { range: (_, __, max) => [0, max > 0 ? max * 1.05 : 1] } },
    axes: [
      { ...axis, label: "seconds", labelSize: 18, size: 34 },
      { ...axis, size: 64, ...(log && { filter: decades, grid: { ...axis.grid, filter: decades }, ticks: { ...axis.ticks, filter: decades } }), values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : log ? duration(tick) : short(tick))) },
    ],
    series: [
      { label: "seconds", value: (_, value) => seconds(value) },
      ...series.map((one) => ({ label: one.label, stroke: colour(one.colour), width: 1.5,
        ...(log || one.points ? { paths: () => null, points: { show: true, size: 5, fill: colour(one.colour) } } : {}),
        value: (_, value) => (value === null || value === undefined ? "" : log ? duration(value) : value.toPrecision(4)) })),
    ],
  };
  box.replaceChildren();
  const made = new uPlot(options, data, box);
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", label);
  charts.push({ box, made });
}

/** Of the ticks of a logarithm those that are a power of ten; the others have no line. */
function decades(_, ticks) {
  return ticks.map((tick) => (Number.isInteger(Math.round(Math.log10(tick) * 1e6) / 1e6) ? tick : null));
}

function drawCharts() {
  charts.length = 0;
  const { width, bins } = page.over_time;
  // A last bin without packets ends the line where the traffic ends.
  const at = bins.map((_, index) => index * width);
  const rate = (column) => bins.map((bin) => bin[column] / width);
  const peak = (column) => Math.max(0, ...rate(column)).toPrecision(3);
  const sides = (unit) => [
    { label: `${unit} a second from clients`, colour: "--first" },
    { label: "from servers", colour: "--second" },
  ];
  chart("packets-chart", `Packets a second over time: at most ${peak(0)} from clients, ${peak(1)} from servers`,
    [at, rate(0), rate(1), rate(4).map((errors) => errors || null)],
    [...sides("packets"), { label: "errors a second", colour: "--bad", points: true }]);
  chart("bytes-chart", `Bytes a second over time: at most ${peak(2)} from clients, ${peak(3)} from servers`,
    [at, rate(2), rate(3)], sides("bytes"));
  const kinds = Object.keys(KINDS).filter((kind) => page.latencies.some((point) => point[0] === kind));
  const points = [...page.latencies].sort((a, b) => a[1] - b[1]);
  const colours = ["--session", "--message", "--second", "--subscription", "--warning", "--answer", "--bad"];
  if (points.length === 0) {
    byId("latency-chart").replaceChildren(el("p", { class: "hint" }, "There is no answer whose time is known."));
    return;
  }
  const series = kinds.map((kind) => ({ label: KINDS[kind], colour: colours[Object.keys(KINDS).indexOf(kind)] }));
  // A logarithm wants more than 0.
  const column = (kind) => points.map((point) => (point[0] === kind ? Math.max(point[2], 1e-7) : null));
  chart("latency-chart", "Time from question to last answer, by kind, over time; the table below has percentiles",
    [points.map((point) => point[1]), ...kinds.map(column)], series, true);
}

function resized() {
  if ((byId("lanes").clientWidth < 600) !== (lanes.layout === NARROW)) layLanes();
  for (const { box, made } of charts) {
    const width = Math.max(box.clientWidth, 200);
    if (width !== made.width) made.setSize({ width, height: made.height });
  }
}

// Tables of what is known in sum

function table(id, heads, lines) {
  const head = el("thead", null, el("tr", null, ...heads.map((one) => el("th", { scope: "col", class: one.startsWith("#") && "number" }, one.replace("#", "")))));
  const cells = (line) => line.map((cell, index) =>
    el("td", { class: heads[index].startsWith("#") ? "number" : "text" }, cell ?? ""));
  byId(id).append(head, el("tbody", null, ...lines.map((line) => el("tr", null, ...cells(line)))));
}

function ending(end) {
  const code = end.reason_code === undefined || end.reason_code === null ? ""
    : `, ${end.reason_name ?? "unknown code"} (${hex(end.reason_code)})`;
  const how = {
    capture_ended: "open when the capture ended", disconnect: `DISCONNECT of the ${end.sender}`, refused: "refused",
    taken_over: end.by ? `taken over by #${end.by}` : "taken over", closed: "closed without DISCONNECT", reset: "reset",
    forgotten: "given up: nothing was heard for long",
  };
  return (how[end.how] ?? end.how) + code;
}

function tables() {
  const latencies = summary.latencies.map((one) => [
    one.kind === "request" ? "request to response" : `${KINDS[one.kind].split(",")[0]} to ${one.answer}`, one.sender, number(one.count),
    duration(one.min), duration(one.p50), duration(one.p90), duration(one.p99), duration(one.max),
  ]);
  if (latencies.length > 0) {
    table("latencies", ["From", "Asked by", "#count", "#least", "#median", "#90 %", "#99 %", "#most"], latencies);
  }
  const outcomes = summary.flows.flatMap((flow) =>
    [["unanswered", "never answered"], ["refused", "refused"], ["sent_again", "sent again"]]
      .filter(([key]) => flow[key] > 0)
      .map(([key, what]) => el("li", null, el("b", null, number(flow[key])), `${what}: ${KINDS[flow.kind]} of the ${flow.sender}`)));
  byId("unanswered").append(...outcomes);

  const lines = connections.map((one) => {
    const sum = (key) => one.client_to_server[key] + one.server_to_client[key];
    const show = el("button", { type: "button", class: "row" }, connectionName(connections.indexOf(one)));
    show.addEventListener("click", () => choose({ client: clientOf(connections.indexOf(one)) }));
    const wrong = one.malformed + one.refused + one.broken;
    return [show, visible(one.client_identifier ?? ""), visible(one.user_name ?? ""), one.client, one.server, one.versions.join(", "),
      duration(one.lasted), ending(one.end), number(sum("packets")), number(sum("bytes")), wrong > 0 ? number(wrong) : ""];
  });
  table("connections", ["", "Client", "User", "From", "To", "MQTT", "#Lasted", "How it ended", "#Packets", "#Bytes", "#Errors"], lines);
  for (const button of byId("connections").querySelectorAll("button.row")) button.title = "Show this client alone";

  const line = (count, what, search) => {
    const show = search ? el("button", { type: "button" }, "show") : null;
    show?.addEventListener("click", () => choose({ search, errors: true }));
    return el("li", null, el("b", null, number(count)), `${what} `, show);
  };
  const ordinary = ["opened", "closed", "websocket", "websocket_control", "joined"];
  const errors = [
    ...summary.errors.map((one) => line(one.count, `malformed: ${one.message} [${one.rule}]`, one.message)),
    ...summary.refusals.map((one) => line(one.count, `refused: ${one.type}, ${one.name} (${hex(one.code)})`, one.type)),
    ...summary.broken.map((one) => line(one.count, `rule between packets: ${one.message} [${one.rule}]`, one.message)),
    ...(summary.incomplete.packets > 0 ? [line(summary.incomplete.packets, "packets cut off", "cut off")] : []),
    ...Object.entries(summary.notes).filter(([name]) => !ordinary.includes(name))
      .map(([name, count]) => line(count, `transport: ${name.replaceAll("_", " ")}`, name === "reset" ? null : name.replaceAll("_", " "))),
  ];
  byId("errors").append(...(errors.length > 0 ? errors : [el("li", null, "None.")]));
}

// The list of packets

const AT_ONCE = 200;
let shown = [];
let length = 0;

function rowClass(row) {
  return [row.note ? "note" : "packet", isBad(row) ? "bad" : isOdd(row) ? "odd" : ""].join(" ").trim();
}

const arrowOf = (row) => (row.d === 0 ? "→" : row.d === 1 ? "←" : " ");

/** A row whose parts stay a row and its cells where the style lays them out in another way. */
function listLine(attributes, ...cells) {
  for (const cell of cells) cell.setAttribute("role", "cell");
  return el("tr", { ...attributes, role: "row" }, ...cells);
}

function listRow(row) {
  const client = row.c === null ? "" : clientOf(row.c);
  const name = row.note ? "" : `${arrowOf(row)} ${row.k ?? "reserved"}`;
  const says = el("td", { class: "says" }, el("span", { class: "narrow" }, client), row.s);
  if (row.note) {
    return listLine({ class: rowClass(row) }, el("td"), el("td", null, seconds(row.t)), el("td", { class: "client text" }, client), el("td"), says);
  }
  const button = el("button", { type: "button", class: "row", "aria-expanded": "false", "aria-label": `Packet ${row.n}, explain` }, `${row.n}`);
  const line = listLine({ class: rowClass(row), "data-n": row.n }, el("td", null, button), el("td", null, seconds(row.t)),
    el("td", { class: "client text" }, client), el("td", { class: `type ${CLASS_OF[row.k] ?? "answer"}` }, name), says);
  line.addEventListener("click", (event) => {
    // Text may be marked to be copied.
    if (event.target === button || window.getSelection().isCollapsed) toggle(line, row);
  });
  return line;
}

function toggle(line, row, open) {
  const button = line.querySelector("button.row");
  const isOpen = button.getAttribute("aria-expanded") === "true";
  if (isOpen === open) return;
  button.setAttribute("aria-expanded", String(!isOpen));
  if (isOpen) line.nextElementSibling.remove();
  else line.after(listLine({ class: "opened" }, el("td", { colspan: 5 }, ...details(row))));
}

function details(row) {
  const about = [`MQTT ${row.v}${row.g ? " (guessed)" : ""}`, bytes(row.len)];
  if (row.c !== null) about.push(`connection ${connectionName(row.c)}: ${connections[row.c]?.client ?? ""} ${arrowOf(row)} ${serverOf(row.c)}`);
  if (connections[row.c]?.user_name) about.push(`user ${visible(connections[row.c].user_name)}`);
  if (row.a) about.push(`answers packet ${row.a[0]}${row.a[1] === null ? "" : ` after ${duration(row.a[1])}`}`);
  const lines = [...(row.broken ?? []).map((text) => el("span", { class: "says fault" }, text)), ...row.w.map((text) => el("span", { class: "says" }, text))];
  return [el("p", { class: "about" }, about.join(" · "), ...lines), explanation(row)];
}

/** Every byte with its field, its value and its section. */
function explanation(row) {
  const body = el("tbody");
  const octets = row.hex.match(/../g) ?? [];
  const fault = row.fault && el("tr", { class: "fault" }, el("td"), el("td"), el("td", { colspan: 3 }, `✗ ${row.fault[1]}`));
  row.x.forEach(([at, count, mask, depth, name, value, section], index) => {
    const there = octets.slice(at, at + count);
    const text = mask === null ? octetLines(there, count) : pattern(Number.parseInt(octets[at] ?? "0", 16), mask);
    const field = el("td", { class: "field" }, `${"  ".repeat(depth)}${names[name]}`);
    body.append(el("tr", null, el("td", null, mask === null && count > 0 ? at.toString(16).padStart(4, "0") : ""), el("td", null, text), field,
      el("td", { class: "value" }, value), el("td", { class: "section" }, names[section] ? `§${names[section]}` : "")));
    if (fault && row.fault[0] === index) body.append(fault);
  });
  if (fault && row.fault[0] === null) body.append(fault);
  for (const text of row.more) body.append(el("tr", null, el("td"), el("td"), el("td", { colspan: 3 }, text)));
  const heads = ["At", "Bytes", "Field", "Value", "Section"].map((one) => el("th", { scope: "col" }, one));
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Packet ${row.n} byte by byte` },
    el("table", { class: "explained" }, el("thead", null, el("tr", null, ...heads)), body));
}

function octetLines(there, count) {
  const shownOctets = there.slice(0, 64);
  const lines = [];
  for (let at = 0; at < shownOctets.length; at += 8) lines.push(shownOctets.slice(at, at + 8).join(" "));
  if (count > shownOctets.length) lines.push(`… ${number(count - shownOctets.length)} more`);
  return lines.join("\n");
}

/** The bits of a mask as digits, the others as dots. */
function pattern(octet, mask) {
  let text = "";
  for (let bit = 7; bit >= 0; bit -= 1) {
    if (bit === 3) text += " ";
    text += (mask >> bit) & 1 ? (octet >> bit) & 1 : ".";
  }
  return text;
}

function list(to) {
  const body = byId("packets").tBodies[0];
  const from = length;
  length = Math.min(to, shown.length);
  body.append(...shown.slice(from, length).map(listRow));
  if (shown.length === 0) body.append(el("tr", null, el("td", { colspan: 5, class: "empty" }, "No packet fits.")));
  byId("more").hidden = length >= shown.length;
}

/** Opens a packet in the list, and goes there. */
function open(row) {
  const index = shown.indexOf(row);
  if (index >= length) list(index + AT_ONCE);
  const line = byId("packets").querySelector(`tr[data-n="${row.n}"]`);
  if (!line) return;
  toggle(line, row, true);
  line.scrollIntoView({ block: "center" });
  line.querySelector("button.row").focus({ preventScroll: true });
}

// The lanes

const ROW = 24, HEAD = 40, LETTER = 6.6;
const WIDE = { lane: 150, first: 260, left: 150, digits: 6 };
const NARROW = { lane: 110, first: 190, left: 92, digits: 3 };
const lanes = { layout: WIDE, tops: [], at: new Map(), rows: [], width: 0, height: 0, chosen: -1, drawn: [0, 0] };

/** Places every row: the more time passes before it, the farther down. */
function layLanes() {
  lanes.rows = shown.filter((row) => row.c !== null);
  const servers = [...new Set(lanes.rows.map((row) => serverOf(row.c)))];
  const clients = [...new Set(lanes.rows.map((row) => clientOf(row.c)))];
  const { lane, first, left } = (lanes.layout = byId("lanes").clientWidth < 600 ? NARROW : WIDE);
  lanes.at.clear();
  servers.forEach((name, index) => lanes.at.set(`server ${name}`, left + index * lane));
  const begin = left + (servers.length - 1) * lane + first;
  clients.forEach((name, index) => lanes.at.set(`client ${name}`, begin + index * lane));
  lanes.width = begin + Math.max(clients.length - 1, 0) * lane + 90;
  let top = HEAD - 6;
  let before = null;
  lanes.tops = lanes.rows.map((row) => {
    const gap = before !== null && row.t !== null ? row.t - before : 0;
    before = row.t ?? before;
    top += ROW + (gap > 0.01 ? Math.min(66, 18 * Math.log10(gap / 0.01)) : 0);
    return top;
  });
  lanes.height = top + ROW;
  lanes.chosen = -1;

  const heads = el("div", { class: "heads", role: "presentation" });
  for (const [name, x] of lanes.at) {
    const [side, ...rest] = name.split(" ");
    const head = el("span", { class: side, title: name }, rest.join(" "));
    head.style.left = `${x}px`;
    heads.append(head);
  }
  const box = byId("lanes");
  const picture = svg("svg", { width: lanes.width, height: 10, role: "presentation" });
  const space = el("div", { role: "presentation" });
  space.style.height = `${Math.max(lanes.height - HEAD, 0)}px`;
  heads.style.width = space.style.width = `${lanes.width}px`;
  box.replaceChildren(heads, space, picture);
  if (lanes.rows.length === 0) box.replaceChildren(el("p", { class: "empty" }, "No packet fits."));
  box.scrollTop = 0;
  lanes.drawn = [0, 0];
  drawLanes();
}

/** Draws the rows that are in sight. */
function drawLanes() {
  const box = byId("lanes");
  const picture = box.querySelector("svg");
  if (!picture) return;
  const [above, below] = [box.scrollTop - 300, box.scrollTop + box.clientHeight + 300];
  let from = lanes.tops.findIndex((top) => top >= above);
  if (from < 0) from = lanes.rows.length;
  let to = from;
  while (to < lanes.rows.length && lanes.tops[to] <= below) to += 1;
  const start = Math.max(above, 0);
  const height = Math.max(Math.min(below, lanes.height) - start, 0);
  picture.style.top = `${start}px`;
  picture.setAttribute("height", height);
  picture.setAttribute("viewBox", `0 ${start} ${lanes.width} ${height}`);
  const lines = [...lanes.at.values()].map((x) => svg("line", { class: "lane", x1: x, x2: x, y1: start, y2: start + height }));
  const arrows = [];
  for (let index = from; index < to; index += 1) arrows.push(arrow(index));
  picture.replaceChildren(...lines, ...arrows);
  lanes.drawn = [from, to];
}

function arrow(index) {
  const row = lanes.rows[index];
  const y = lanes.tops[index];
  const [server, client] = [lanes.at.get(`server ${serverOf(row.c)}`), lanes.at.get(`client ${clientOf(row.c)}`)];
  const gap = index > 0 && row.t !== null ? row.t - (lanes.rows[index - 1].t ?? row.t) : 0;
  const time = row.t === null ? "" : row.t.toFixed(lanes.layout.digits);
  const kind = row.note ? "note" : CLASS_OF[row.k] ?? "answer";
  const group = svg("g", {
    class: ["arrow", kind, isBad(row) ? "bad" : isOdd(row) ? "odd" : "", index === lanes.chosen ? "chosen" : ""].join(" "),
    id: `lane-${index}`, role: "option", "aria-selected": index === lanes.chosen ? "true" : "false",
    "aria-label": `${row.note ? "" : `Packet ${row.n}, ${row.k ?? "reserved"}, ${row.d === 0 ? "from" : "to"} `}${clientOf(row.c)}: ${shortened(row.s, 120)}`,
  });
  group.append(svg("rect", { class: "hit", x: 0, y: y - ROW / 2 - 2, width: lanes.width, height: ROW }), svg("text", { class: "time", x: 6, y: y + 4 }, time));
  if (gap >= 1) group.append(svg("text", { class: "gap", x: 6, y: y - 12 }, `${duration(gap)} later`));
  // In a narrow window the client's lane may be out of sight: the label has its name.
  const who = lanes.layout === NARROW ? `${clientOf(row.c)}: ` : "";
  const label = row.note ? row.s
    : row.topics && row.k === "PUBLISH" ? `${row.k} ${visible(row.topics[0])}`
    : `${row.k ?? "reserved"} ${row.state === "ok" ? row.s : row.state}`;
  const most = Math.max(Math.floor((client - server - 26) / LETTER), 12);
  group.append(svg("text", { x: server + 14, y: row.note ? y + 4 : y - 1 }, shortened(who + label, most)));
  if (row.note || row.d === null) {
    group.append(svg("circle", { class: "tip", cx: client, cy: y, r: 3.5 }));
  } else {
    const [from, to] = row.d === 0 ? [client, server] : [server, client];
    const step = to > from ? -1 : 1;
    group.append(svg("line", { class: "shaft", x1: from, x2: to + step * 7, y1: y + 4, y2: y + 4 }),
      svg("path", { class: "tip", d: `M${to} ${y + 4}l${step * 9} -4.5v9z` }));
  }
  group.addEventListener("click", () => {
    chooseLane(index);
    if (!row.note) open(row);
  });
  return group;
}

function chooseLane(index) {
  lanes.chosen = index;
  const box = byId("lanes");
  const top = lanes.tops[index];
  if (top < box.scrollTop + HEAD + ROW) box.scrollTop = top - HEAD - ROW;
  if (top > box.scrollTop + box.clientHeight - ROW) box.scrollTop = top - box.clientHeight + ROW;
  drawLanes();
  box.setAttribute("aria-activedescendant", `lane-${index}`);
}

function laneKey(event) {
  const last = lanes.rows.length - 1;
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -lanes.rows.length, End: lanes.rows.length }[event.key];
  if (last < 0) return;
  if (step !== undefined) {
    event.preventDefault();
    chooseLane(Math.min(Math.max(lanes.chosen + step, 0), last));
  } else if (event.key === "Enter" && lanes.chosen >= 0 && !lanes.rows[lanes.chosen].note) {
    event.preventDefault();
    open(lanes.rows[lanes.chosen]);
  }
}

// Filters

function filter() {
  shown = wanted();
  length = 0;
  byId("packets").tBodies[0].replaceChildren();
  list(AT_ONCE);
  layLanes();
  const packets = (all) => all.filter((row) => !row.note).length;
  byId("count").textContent = `${number(packets(shown))} of ${number(packets(rows))} packets`;
}

/** Sets the filters to these alone. */
function choose({ client = "", search = "", errors = false }) {
  byId("filters").reset();
  byId("client").value = client;
  byId("search").value = search;
  byId("only-errors").checked = errors;
  filter();
  byId("packets-heading").focus({ preventScroll: true });
  byId("filters").scrollIntoView();
}

function begin() {
  head();
  tables();
  const clients = [...new Set(rows.filter((row) => row.c !== null).map((row) => clientOf(row.c)))].sort();
  byId("client").append(...clients.map((name) => el("option", { value: name }, shortened(name, 40))));
  const types = [...new Set(rows.filter((row) => !row.note).map((row) => row.k ?? "reserved"))].sort();
  byId("type").append(...types.map((name) => el("option", { value: name }, name)));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("input", filter);
  byId("filters").addEventListener("reset", () => setTimeout(filter));
  byId("more").addEventListener("click", () => list(length + AT_ONCE));
  byId("lanes").addEventListener("scroll", drawLanes, { passive: true });
  byId("lanes").addEventListener("keydown", laneKey);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    byId("search").focus();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts);
  new ResizeObserver(resized).observe(document.body);
  drawCharts();
  filter();
}

begin();
