import type { Stream } from "@peco/random";
import type { Box } from "./resize.ts";
import { roundHalfEven } from "./round-half-even.ts";

/**
 * The box of a random resized crop (Inception's, as torchvision's `RandomResizedCrop.get_params` draws it): a share of the area, uniform
 * in `area`, and width / height, uniform in the logarithm in `aspect`; after ten that do not fit, the largest central box of allowed aspect.
 */
export function randomResizedCrop(
  stream: Stream,
  height: number,
  width: number,
  area: readonly [number, number],
  aspect: readonly [number, number],
): Box {
  for (let attempt = 0; attempt < 10; attempt++) {
    const target = height * width * stream.uniform(area[0], area[1]);
    const ratio = stream.logUniform(aspect[0], aspect[1]);
    const boxWidth = roundHalfEven(Math.sqrt(target * ratio));
    const boxHeight = roundHalfEven(Math.sqrt(target / ratio));
    if (boxWidth < 1 || boxHeight < 1 || boxWidth > width || boxHeight > height) continue;
    const top = stream.integer(0, height - boxHeight);
    const left = stream.integer(0, width - boxWidth);
    return { top, left, height: boxHeight, width: boxWidth };
  }
  return centralBox(height, width, aspect);
}

/** The largest box in the middle of a picture whose width / height is in `aspect`. */
export function centralBox(height: number, width: number, aspect: readonly [number, number]): Box {
  const ratio = width / height;
  const boxWidth = ratio > aspect[1] ? Math.max(1, roundHalfEven(height * aspect[1])) : width;
  const boxHeight = ratio < aspect[0] ? Math.max(1, roundHalfEven(width / aspect[0])) : height;
  return {
    top: Math.floor((height - boxHeight) / 2),
    left: Math.floor((width - boxWidth) / 2),
    height: boxHeight,
    width: boxWidth,
  };
}
