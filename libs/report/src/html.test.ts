import { expect, it } from "vitest";
import { html, trusted } from "./html.ts";

it("escapes what is put in, in text and in attributes", () => {
  expect(html`<p title="${'a "b"'}">${"<script>&"}</p>`.text).toBe(
    '<p title="a &quot;b&quot;">&lt;script&gt;&amp;</p>',
  );
});

it("keeps pieces of HTML, joins lists, and writes nothing for null", () => {
  expect(html`${html`<b>${1}</b>`}${[trusted("<i>"), "<", null]}${undefined}`.text).toBe("<b>1</b><i>&lt;");
});
