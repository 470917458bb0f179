// Runs inside the page (page.browser.test.ts evaluates this text), hence plain JavaScript: the workspace's types know no browser.

function openDetails() {
  for (const details of document.querySelectorAll("details")) details.open = true;
}

/** How far the page is too wide, and the elements that stick out or scroll by themselves. */
function overflow() {
  const limit = document.documentElement.clientWidth;
  const over = [...document.querySelectorAll("body *")].filter((element) => {
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
    return (
      element.getBoundingClientRect().right > limit + 0.5 || (scrolls && element.scrollWidth > element.clientWidth)
    );
  });
  return {
    page: document.documentElement.scrollWidth - limit,
    over: over.map((element) => element.outerHTML.slice(0, 120)),
  };
}

function pictures() {
  return [...document.images].map((image) => ({
    alt: image.alt,
    loaded: image.complete && image.naturalWidth > 0,
    width: image.getBoundingClientRect().width,
    rendering: getComputedStyle(image).imageRendering,
  }));
}

/** The description that each drawing lies under. */
function drawings() {
  return [...document.querySelectorAll("svg")].map(
    (svg) => svg.closest("[role=img]")?.getAttribute("aria-label") ?? "",
  );
}

function outline() {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const links = all("a").map((a) => a.getAttribute("href"));
  return {
    levels: all("h1,h2,h3,h4,h5,h6").map((heading) => Number(heading.tagName[1])),
    landmarks: ["header", "main", "nav", "footer"].map((tag) => all(tag).length),
    unnamed: all("section").filter(
      (s) => s.ariaLabel === null && document.getElementById(s.getAttribute("aria-labelledby")) === null,
    ).length,
    ids: all("[id]").map((element) => element.id),
    dead: links.filter((href) => !href?.startsWith("#") || document.getElementById(href.slice(1)) === null),
    lang: document.documentElement.lang,
    title: document.title,
  };
}

/** Texts with less than WCAG's contrast of 4.5 against the colour behind them. */
function poorContrasts() {
  const parse = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const linear = (channel) =>
    channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = (colour) => {
    const [r, g, b] = parse(colour).map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((parse(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    const text = node.textContent.trim();
    if (text === "" || element.closest("title") !== null) continue;
    const style = getComputedStyle(element);
    const colour = element.closest("svg") === null ? style.color : style.fill;
    const [dark, light] = [luminance(colour), luminance(ground(element))].sort((a, b) => a - b);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) poor.add(`${contrast.toFixed(1)} ${colour} "${text.slice(0, 40)}"`);
  }
  return [...poor];
}

globalThis.pageChecks = { openDetails, overflow, pictures, drawings, outline, poorContrasts };
