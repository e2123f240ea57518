"use strict";

// What is asked: one place, from which the page is drawn and the request made.
const asked = { who: "history", basket: [], user: null, words: "", diversity: 0, exposure: null, only: "", k: 10, seen: false, excluded: [] };
const facts = { exposure: null };
let shown = [];
let request = null;

const $ = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const nameOf = (item) => item.title ?? String(item.item_id);

// ---- the server ----

async function call(path, options = {}) {
  const token = sessionStorage.getItem("token");
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(options.body && { "Content-Type": "application/json" }) };
  const response = await fetch(path, { ...options, headers });
  if (response.status === 401) {
    await askToken();
    return call(path, options);
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail ?? response.statusText);
  return answer;
}

let asking = null;

function askToken() {
  asking ??= new Promise((done) => {
    $("token").value = "";
    $("ask-token").addEventListener("close", () => {
      sessionStorage.setItem("token", $("token").value.trim());
      asking = null;
      done();
    }, { once: true });
    $("ask-token").showModal();
  });
  return asking;
}

const post = (path, body, signal) => call(path, { method: "POST", body: JSON.stringify(body), signal });

// ---- recommendations ----

function question(offset = 0) {
  const body = { k: asked.k, offset, diversity: asked.diversity, include_seen: asked.seen, exclude: asked.excluded };
  if (asked.who === "user") Object.assign(body, { user_id: asked.user, reasons: 2 });
  if (asked.who === "history") Object.assign(body, { history: asked.basket.map((item) => item.item_id), reasons: 2 });
  if (asked.who === "text") body.text = asked.words;
  if (asked.exposure !== null && asked.exposure !== facts.exposure) body.exposure = asked.exposure;
  if (asked.only) {
    const [column, value] = JSON.parse(asked.only);
    body.only = { [column]: value };
  }
  return body;
}

const isReady = () => (asked.who === "user" ? asked.user !== null : asked.who === "text" ? asked.words.trim() !== "" : true);

async function recommend(offset = 0) {
  request?.abort();
  request = new AbortController();
  const mine = request;
  remember();
  if (!isReady()) return draw([], "");
  $("results").classList.add("stale");
  try {
    const answer = await post("/recommend", question(offset), mine.signal);
    draw(offset ? [...shown, ...answer.items] : answer.items, null, answer.items.length === asked.k);
    return complain("");
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    draw([], "");
    return complain(error.message);
  } finally {
    if (mine === request) $("results").classList.remove("stale");
  }
}

let waiting = 0;

function soon(action, milliseconds = 80) {
  clearTimeout(waiting);
  waiting = setTimeout(action, milliseconds);
}

function complain(message) {
  $("problem").hidden = !message;
  $("problem").textContent = message;
}

function draw(items, status = null, isMore = false) {
  shown = items;
  $("results").replaceChildren(...items.map(drawn));
  $("status").textContent = status ?? (items.length ? `${items.length} items` : "Nothing is left to recommend.");
  $("more").hidden = !isMore;
  $("undo").hidden = !asked.excluded.length;
}

function drawn(item) {
  const because = item.because?.length ? `because of ${item.because.map(nameOf).join(", ")}` : "";
  const near = element("ol", { className: "near", hidden: true });
  const row = element("li", { className: "item" },
    element("span", { className: "rank" }, String(item.rank)),
    element("div", {},
      element("span", { className: "title" }, nameOf(item)),
      ...(item.added ? [element("span", { className: "badge" }, "added")] : []),
      element("p", { className: "because" }, because),
      element("span", { className: "score" }, `${item.item_id} · ${item.score.toFixed(3)}`)),
    element("div", { className: "moves" },
      button("Basket", `Put ${nameOf(item)} into the basket`, () => intoBasket(item)),
      button("Similar", `Show what is like ${nameOf(item)}`, (pressed) => showNear(item, near, pressed)),
      button("Not this", `Do not recommend ${nameOf(item)}`, () => { asked.excluded.push(item.item_id); recommend(); })),
    near);
  return row;
}

function button(text, label, action) {
  const made = element("button", { type: "button", title: label, ariaLabel: label }, text);
  made.addEventListener("click", () => action(made));
  return made;
}

async function showNear(item, list, pressed) {
  list.hidden = !list.hidden;
  pressed.ariaExpanded = String(!list.hidden);
  if (!list.hidden) await drawNear(item.item_id, list);
}

async function drawNear(itemId, list) {
  try {
    const answer = await call(`/items/${encodeURIComponent(itemId)}/similar?k=5`);
    list.replaceChildren(...answer.items.map(line));
  } catch (error) {
    list.replaceChildren(element("li", { className: "problem" }, error.message));
  }
}

const line = (item) => element("li", {}, `${nameOf(item)} `, element("span", { className: "score" }, item.score.toFixed(2)));

// ---- whom ----

function choose(who) {
  asked.who = who;
  for (const part of document.querySelectorAll(".who")) part.hidden = part.dataset.who !== who;
  document.querySelector(`input[name="who"][value="${who}"]`).checked = true;
  recommend();
}

function intoBasket(item) {
  if (!asked.basket.some((other) => other.item_id === item.item_id)) asked.basket.push({ item_id: item.item_id, title: item.title });
  drawBasket();
  choose("history");
}

function drawBasket() {
  $("basket").replaceChildren(...asked.basket.map((item) => element("li", {}, element("span", {}, nameOf(item)),
    button("×", `Take ${nameOf(item)} out of the basket`, () => {
      asked.basket = asked.basket.filter((other) => other !== item);
      drawBasket();
      $("find-item").focus();
      recommend();
    }))));
  $("basket-hint").hidden = asked.basket.length > 0;
}

async function chooseUser(userId) {
  asked.user = userId;
  $("find-user").value = String(userId);
  recommend();
  try {
    const user = await call(`/users/${encodeURIComponent(userId)}?limit=60`);
    $("user-hint").textContent = `User ${userId} has ${user.n_items} items:`;
    $("history").replaceChildren(...user.items.map((item) => element("li", {}, element("span", {}, nameOf(item)))));
  } catch (error) {
    $("user-hint").textContent = error.message;
    $("history").replaceChildren();
  }
}

// ---- a box that finds: type, arrows, Enter, Escape (the combobox of WAI-ARIA) ----

function finder(input, list, { find, text, take }) {
  let found = [];
  let at = -1;
  let latest = 0;

  const close = () => {
    list.hidden = true;
    at = -1;
    input.ariaExpanded = "false";
    input.removeAttribute("aria-activedescendant");
  };
  const mark = (row) => {
    at = row;
    [...list.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    if (at < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", list.children[at].id);
    return list.children[at].scrollIntoView({ block: "nearest" });
  };
  const pick = (row) => {
    close();
    take(found[row]);
  };
  const look = async () => {
    const mine = ++latest;
    try {
      const answer = await find(input.value.trim());
      if (mine !== latest || document.activeElement !== input) return;
      found = answer;
      list.replaceChildren(...found.map((value, row) => {
        const option = element("li", { id: `${list.id}-${row}`, role: "option" }, ...text(value));
        option.setAttribute("aria-selected", "false");
        option.addEventListener("mousedown", (event) => event.preventDefault());
        option.addEventListener("click", () => pick(row));
        return option;
      }));
      if (!found.length) list.append(element("li", { className: "none" }, "nothing is found"));
      list.hidden = false;
      at = -1;
      input.ariaExpanded = "true";
    } catch (error) {
      complain(error.message);
    }
  };
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 100);
  });
  input.addEventListener("focus", look);
  input.addEventListener("blur", () => { latest += 1; close(); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return close();
    if (event.key === "Enter" && !list.hidden && found.length) {
      event.preventDefault();
      return pick(Math.max(at, 0));
    }
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && found.length) {
      event.preventDefault();
      if (list.hidden) return look();
      const step = event.key === "ArrowDown" ? 1 : -1;
      return mark((at + step + found.length) % found.length);
    }
    return undefined;
  });
}

// ---- a new item ----

function fields(template) {
  const names = [...new Set([...(template ?? "").matchAll(/\{([^{}]+)\}/g)].map((match) => match[1]))].slice(0, 6);
  $("new").hidden = !names.length;
  $("new-fields").replaceChildren(...["item_id", ...names].map((name, index) => {
    const input = element("input", { type: "text", id: `field-${index}`, name, autocomplete: "off", required: name === "item_id" });
    return element("div", {}, element("label", { htmlFor: input.id }, name === "item_id" ? "Its id" : name), input);
  }));
  $("field-0").value = `new-${Date.now().toString(36)}`;
}

const typed = () => Object.fromEntries([...$("new-fields").querySelectorAll("input")].filter((input) => input.value.trim()).map((input) => [input.name, input.value.trim()]));

let landing = 0;
let lookedFor = 0;

function preview() {
  clearTimeout(landing);
  const { item_id: _, ...columns } = typed();
  const text = Object.values(columns).join(". ");
  const mine = ++lookedFor;
  if (!text) return;
  landing = setTimeout(async () => {
    $("new-status").textContent = "looking where it lands …";
    try {
      const answer = await post("/recommend", { text, k: 5 });
      if (mine !== lookedFor) return;
      $("near-title").hidden = false;
      $("near-title").textContent = "Where it would land";
      $("near").replaceChildren(...answer.items.map(line));
      $("new-status").textContent = "";
    } catch (error) {
      if (mine === lookedFor) $("new-status").textContent = error.message;
    }
  }, 250);
}

async function add(event) {
  event.preventDefault();
  lookedFor += 1;
  clearTimeout(landing);
  const item = typed();
  $("new-status").textContent = "adding …";
  try {
    const answer = await post("/items", item);
    const [added] = answer.items;
    $("new-status").textContent = `${nameOf(added)} is added; raise the exposure to see it more.`;
    $("near-title").hidden = false;
    $("near-title").textContent = `${nameOf(added)} stands beside`;
    await drawNear(added.item_id, $("near"));
    const chip = element("li", {}, element("span", {}, nameOf(added)), button("×", `Remove ${nameOf(added)}`, async () => {
      await call(`/items/${encodeURIComponent(added.item_id)}`, { method: "DELETE" });
      chip.remove();
      recommend();
    }));
    $("added").append(chip);
    $("field-0").value = `new-${Date.now().toString(36)}`;
    recommend();
  } catch (error) {
    $("new-status").textContent = error.message;
  }
}

// ---- the rest of the page ----

function dial(name, digits) {
  const input = $(name);
  input.addEventListener("input", () => {
    asked[name] = Number(input.value);
    $(`${name}-value`).textContent = asked[name].toFixed(digits);
    if (name === "exposure") $("keep-exposure").hidden = asked.exposure === facts.exposure;
    soon(recommend);
  });
}

async function keepExposure() {
  try {
    facts.exposure = (await call("/exposure", { method: "PUT", body: JSON.stringify({ exposure: asked.exposure }) })).exposure;
    $("keep-exposure").hidden = true;
  } catch (error) {
    complain(error.message);
  }
}

// The address keeps what is asked, so that it can be shared and survives a reload.
function remember() {
  const kept = new URLSearchParams({ who: asked.who });
  if (asked.who === "user" && asked.user !== null) kept.set("user", asked.user);
  if (asked.who === "history" && asked.basket.length) kept.set("basket", JSON.stringify(asked.basket));
  if (asked.who === "text" && asked.words) kept.set("words", asked.words);
  history.replaceState(null, "", `#${kept}`);
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  try {
    const basket = JSON.parse(kept.get("basket") ?? "[]");
    asked.basket = Array.isArray(basket) ? basket.filter((item) => item && item.item_id !== undefined) : [];
  } catch {
    asked.basket = [];
  }
  asked.words = $("words").value = kept.get("words") ?? "";
  drawBasket();
  const who = ["user", "history", "text"].includes(kept.get("who")) ? kept.get("who") : "history";
  choose(who);
  if (who === "user" && kept.has("user")) chooseUser(kept.get("user"));
}

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const show = () => {
    $("theme").textContent = isDark() ? "Light" : "Dark";
    $("theme").ariaLabel = `Switch to ${isDark() ? "light" : "dark"} colours`;
  };
  $("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    show();
  });
  dark.addEventListener("change", show);
  show();
}

async function facets() {
  const { columns } = await call("/columns");
  $("only").append(...columns.map(({ name, values }) => {
    const group = element("optgroup", { label: name });
    group.append(...values.map((value) => element("option", { value: JSON.stringify([name, value]) }, String(value))));
    return group;
  }));
}

async function start() {
  theme();
  try {
    const health = await call("/health");
    const { model } = health;
    $("facts").textContent = `${model.backbone ?? "model"}: ${model.n_users.toLocaleString("en")} users, ${model.n_items.toLocaleString("en")} items`;
    facts.exposure = asked.exposure = model.exposure;
    $("exposure-dial").hidden = model.exposure === null;
    if (model.exposure !== null) {
      $("exposure").max = String(Math.max(4, model.exposure));
      $("exposure").value = String(model.exposure);
      $("exposure-value").textContent = model.exposure.toFixed(1);
    }
    if (health.state !== null && model.exposure !== null) fields(model.text);
    recall();
    await facets();
  } catch (error) {
    complain(error.message);
  }
  document.documentElement.dataset.ready = "";
}

finder($("find-item"), $("found-items"), {
  find: async (words) => (await call(`/items?limit=12&q=${encodeURIComponent(words)}`)).items,
  text: (item) => [nameOf(item), " ", element("small", {}, item.added ? "added" : `${item.n_interactions} users`)],
  take: (item) => { $("find-item").value = ""; intoBasket(item); },
});
finder($("find-user"), $("found-users"), {
  find: async (text) => (await call(`/users?limit=12&q=${encodeURIComponent(text)}`)).users,
  text: (user) => [String(user)],
  take: chooseUser,
});
document.querySelectorAll('input[name="who"]').forEach((input) => input.addEventListener("change", () => choose(input.value)));
$("words").addEventListener("input", () => { asked.words = $("words").value; soon(recommend, 250); });
dial("diversity", 2);
dial("exposure", 1);
$("only").addEventListener("change", () => { asked.only = $("only").value; recommend(); });
$("k").addEventListener("change", () => { asked.k = Number($("k").value); recommend(); });
$("seen").addEventListener("change", () => { asked.seen = $("seen").checked; recommend(); });
$("more").addEventListener("click", () => recommend(shown.length));
$("undo").addEventListener("click", () => { asked.excluded = []; recommend(); });
$("keep-exposure").addEventListener("click", keepExposure);
$("new-fields").addEventListener("input", preview);
$("new-form").addEventListener("submit", add);
start();
