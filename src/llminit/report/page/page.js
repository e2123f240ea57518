"use strict";
(() => {
  const root = document.documentElement;
  const NARROW = 520;

  // Colours in the plots are names of style variables, so that they follow the theme.
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (reference) => {
    const [name, percent] = reference.split("/");
    probe.style.color = `var(${name})`;
    const opaque = getComputedStyle(probe).color;
    return percent ? opaque.replace("rgb(", "rgba(").replace(")", `, ${percent / 100})`) : opaque;
  };
  // Only a property that is a colour is read as one: a series or a title may have any name.
  const coloured = (value, property = "") => {
    if (typeof value === "string") return property.endsWith("color") && value.startsWith("--") ? colour(value) : value;
    if (Array.isArray(value)) {
      return typeof value[0] === "number" ? value : value.map((inner) => coloured(inner, property));
    }
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, coloured(inner, key)]));
    }
    return value;
  };

  const plots = [...document.querySelectorAll(".plot")].map((element) => ({
    element,
    spec: JSON.parse(document.getElementById(element.dataset.spec).textContent),
  }));
  const axis = (settings, narrow) => {
    const layout = {
      gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line"),
      automargin: true, fixedrange: true, ...coloured(settings),
    };
    if (!narrow) return layout;
    if (layout.ticktext) layout.ticktext = layout.ticktext.map((text) => text.replace(/ (?=\()/, "<br>"));
    layout.nticks ??= 5;
    layout.tickangle ??= 0;
    return layout;
  };
  // What a trace has in its `meta.narrow`, such as fewer names, takes the place of its own where the plot is narrow.
  const fitted = (trace, narrow) => (narrow && trace.meta?.narrow ? { ...trace, ...trace.meta.narrow } : trace);
  const draw = ({ element, spec }, forcedWidth) => {
    const width = forcedWidth || element.clientWidth;
    const narrow = width < NARROW;
    const { xaxis, yaxis, ...rest } = spec.layout;
    const layout = {
      // Without a drag mode, a finger on a plot scrolls the page.
      dragmode: false, width, height: 340, margin: { l: 8, r: 12, t: 14, b: 8 }, hovermode: "closest",
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: narrow ? 11 : 12.5, color: colour("--ink") },
      hoverlabel: { bgcolor: colour("--wash"), bordercolor: colour("--line"), font: { color: colour("--ink") }, align: "left" },
      showlegend: false,
      ...coloured(rest), xaxis: axis(xaxis, narrow), yaxis: axis(yaxis, narrow),
    };
    // Two dollar signs in a title are prices, not mathematics.
    const config = { displayModeBar: false, scrollZoom: false, typesetMath: false };
    const data = spec.data.map((trace) => fitted(trace, narrow));
    return Plotly.react(element, coloured(data), layout, config);
  };
  const drawAll = (width) => Promise.all(plots.map((plot) => draw(plot, width)));

  // A legend's buttons show and hide a series in all the plots that it belongs to.
  for (const button of document.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      const names = button.closest(".legend").dataset.plots.split(" ");
      for (const plot of plots.filter(({ element }) => names.includes(element.id))) {
        for (const trace of plot.spec.data) if (trace.name === button.dataset.series) trace.visible = shown;
        draw(plot);
      }
    });
  }

  // Plots of one group show the same items: pointing at one points at it in all.
  const link = () => {
    for (const { element } of plots) {
      const group = element.dataset.link;
      const others = plots.map((plot) => plot.element)
        .filter((other) => other !== element && group && other.dataset.link === group);
      if (!others.length) continue;
      element.on("plotly_hover", (event) => {
        if (!event.event) return;
        const { curveNumber, pointNumber } = event.points[0];
        for (const other of others) Plotly.Fx.hover(other, [{ curveNumber, pointNumber }]);
      });
      element.on("plotly_unhover", () => others.forEach((other) => Plotly.Fx.unhover(other)));
    }
  };

  const toggle = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const label = () => {
    toggle.textContent = isDark() ? "Light" : "Dark";
    toggle.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
  };
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
    drawAll();
  });
  system.addEventListener("change", () => { label(); drawAll(); });

  const compare = (a, b, down) => {
    const [x, y] = [a.dataset.value, b.dataset.value];
    if (x === "" || y === "") return (x === "") - (y === ""); // What is missing stays last either way.
    const order = a.classList.contains("number") ? Number(x) - Number(y) : x.localeCompare(y);
    return down ? -order : order;
  };
  const sort = (table, header) => {
    const column = header.cellIndex;
    // Best first: a number's first click sorts downwards, a name's upwards.
    const previous = header.getAttribute("aria-sort");
    const down = previous ? previous === "ascending" : header.classList.contains("number");
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort((a, b) => compare(a.cells[column], b.cells[column], down)));
  };
  for (const table of document.querySelectorAll("table")) {
    for (const button of table.querySelectorAll("thead button")) {
      button.addEventListener("click", () => sort(table, button.closest("th")));
    }
  }
  for (const select of document.querySelectorAll("select[data-filters]")) {
    const body = document.getElementById(select.dataset.filters).tBodies[0];
    select.addEventListener("change", () => {
      for (const row of body.rows) row.hidden = select.value !== "" && row.dataset.group !== select.value;
    });
  }

  let waiting;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => drawAll(), 120);
  });
  let chosen;
  addEventListener("beforeprint", () => {
    chosen = root.dataset.theme;
    root.dataset.theme = "light";
    for (const plot of plots) draw(plot, plot.element.closest(".pair")?.children.length > 1 ? 330 : 680);
  });
  addEventListener("afterprint", () => {
    if (chosen) root.dataset.theme = chosen; else delete root.dataset.theme;
    drawAll();
  });

  label();
  drawAll().then(() => { link(); root.dataset.ready = "yes"; });
})();
