"use strict";

// The routes as /openapi.json describes them; nothing is loaded from elsewhere.

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function resolved(schema, document_) {
  const name = schema?.$ref?.split("/").pop();
  return name ? document_.components.schemas[name] : schema ?? {};
}

function kindOf(schema, document_) {
  const found = resolved(schema, document_);
  const several = found.anyOf ?? found.oneOf;
  if (several) return [...new Set(several.map((each) => kindOf(each, document_)))].join(" or ");
  if (found.type === "array") return `list of ${kindOf(found.items, document_)}`;
  if (found.type === "object" && found.properties) return found.title ?? "object";
  return found.type ?? "any";
}

function table(rows) {
  const body = rows.map(([name, kind, text, standard]) => element("tr", {},
    element("th", { scope: "row" }, element("code", {}, name)),
    element("td", {}, kind),
    element("td", {}, text, ...(standard === undefined || standard === null ? [] : [` Default: ${JSON.stringify(standard)}.`]))));
  return element("table", {}, element("tbody", {}, ...body));
}

function bodyRows(schema, document_) {
  const found = resolved(schema, document_);
  const first = resolved((found.oneOf ?? found.anyOf ?? [found])[0], document_);
  const needed = first.required ?? [];
  const rows = Object.entries(first.properties ?? {}).map(([name, field]) => [
    needed.includes(name) ? `${name} *` : name, kindOf(field, document_), field.description ?? "", field.default]);
  return first.additionalProperties ? [...rows, ["any column", "text, number, list", "The text is made of those of the template.", null]] : rows;
}

function example(path, method, content) {
  const examples = Object.values(content?.examples ?? {}).map((each) => each.value);
  const sent = examples.length ? examples : [null];
  return sent.map((body) => `curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${location.origin}${path.replace(/\{(\w+):?\w*\}/g, (_, name) => name.toUpperCase())}`
    + (body ? ` \\\n  -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'` : "")).join("\n\n");
}

function section(path, method, route, document_) {
  const content = route.requestBody?.content["application/json"];
  const parameters = (route.parameters ?? []).map((each) => [
    each.required ? `${each.name} *` : each.name, kindOf(each.schema, document_), each.description ?? each.schema.description ?? "", each.schema.default]);
  const fields = content ? bodyRows(content.schema, document_) : [];
  return element("section", {},
    element("h2", {}, element("code", {}, element("span", { className: "verb" }, method.toUpperCase()), path.replace(/:path/g, ""))),
    element("p", {}, route.description ?? route.summary ?? ""),
    ...(parameters.length ? [table(parameters)] : []),
    ...(fields.length ? [element("h3", {}, "Body"), table(fields)] : []),
    element("pre", {}, example(path, method, content)));
}

async function start() {
  const document_ = await (await fetch("/openapi.json")).json();
  document.getElementById("facts").textContent = `version ${document_.info.version}. ${document_.info.description}`;
  const sections = Object.entries(document_.paths).flatMap(([path, routes]) =>
    Object.entries(routes).map(([method, route]) => section(path, method, route, document_)));
  document.getElementById("routes").replaceChildren(...sections);
  document.documentElement.dataset.ready = "";
}

start();
