/** A piece of HTML that is safe to put into a page as it is. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes: pieces stay as they are, lists are joined, nothing is written for null, and all else is escaped. */
export type HtmlValue = Html | string | number | null | undefined | readonly HtmlValue[];

/** A template literal of HTML: whatever is put in is escaped, unless it is {@link Html} itself. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings.reduce((text, string, i) => text + write(values[i - 1]) + string));
}

/** HTML that comes from a trusted maker, such as a chart's SVG. */
export function trusted(text: string): Html {
  return new Html(text);
}

function write(value: HtmlValue): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(write).join("");
  return escapeHtml(String(value));
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
