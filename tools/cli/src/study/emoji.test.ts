import { expect, test } from "vitest";
import { baseEmoji, splitEmoji } from "./emoji.ts";

const emoji = (unified: string, category: string, more: object = {}) => ({
  unified,
  image: `${unified.toLowerCase()}.png`,
  category,
  has_img_google: true,
  has_img_twitter: true,
  ...more,
});

test("base emoji are those of both styles that nothing made obsolete", () => {
  const kept = emoji("1F600", "Smileys & Emotion");
  const others = [
    emoji("1F3FB", "Component"),
    emoji("1F46A", "People & Body", { obsoleted_by: "1F468" }),
    emoji("1F469", "People & Body", { has_img_twitter: false }),
  ];
  expect(baseEmoji([kept, ...others])).toEqual([kept]);
});

test("the split takes its shares of each class, whatever the order", () => {
  const all = Array.from({ length: 200 }, (_, i) => emoji(`${i}`, i % 4 === 0 ? "Flags" : "Objects"));
  const splits = splitEmoji(all);
  const count = (split: string, category: string) =>
    splits.get(split)?.filter((one) => one.category === category).length;
  expect(["train", "validation", "test"].map((split) => count(split, "Flags"))).toEqual([30, 5, 15]);
  expect(["train", "validation", "test"].map((split) => count(split, "Objects"))).toEqual([90, 15, 45]);
  expect([...splits.values()].flat()).toHaveLength(200);
  const reversed = splitEmoji(all.toReversed());
  for (const [split, members] of splits) expect(reversed.get(split), split).toEqual(members);
});
